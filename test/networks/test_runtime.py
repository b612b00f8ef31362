# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Choosing where a network runs, and what the choice must not change."""

import copy
from functools import partialmethod

import pytest
import torch

from sam_tracker.networks.api import ImageFeatures, Memory
from sam_tracker.networks.masks import memory_mask
from sam_tracker.networks.precision import narrow_weights
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.replayed_calls import tensors
from sam_tracker.networks.runtime import Runtime, choose_runtime, multiplies_bfloat16
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network


@pytest.fixture(scope='module')
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Sam2Network(configuration_named('nano')).eval()


@pytest.fixture(scope='module')
def inputs(network):
    generator = torch.manual_seed(1)
    configuration = network.configuration
    side, size = configuration.embedding_size, configuration.image_size
    return {
        'image': torch.randn(1, 3, size, size, generator=generator),
        'tokens': torch.randn(
            2, 3, side * side, configuration.memory_channels, generator=generator
        ),
        'pointers': torch.randn(2, 4, configuration.embedding_dimension, generator=generator),
        'mask': torch.randn(2, 1, size, size, generator=generator),
    }


def run(network, inputs):
    """Walk a frame through every method of the network."""
    features = network.encode_image(inputs['image'])
    memory = Memory(
        inputs['tokens'],
        torch.tensor([[6, 1, 0], [6, 1, 0]]),
        inputs['pointers'],
        torch.arange(8.0).view(2, 4),
    )
    conditioned = network.attend_to_memory(features.embedding, memory)
    prompts = network.encode_prompts(torch.zeros(2, 0, 2), torch.zeros(2, 0))
    candidates = network.decode(features, conditioned, prompts, several=True)
    pointer = network.object_pointer(candidates.tokens[:, 0], candidates.object_logit > -1)
    remembered = network.encode_memory(
        features.embedding, memory_mask(inputs['mask'], binary=False), candidates.object_logit
    )
    return conditioned, candidates.mask_logits, candidates.predicted_iou, pointer, remembered


def copy_of(network):
    copy = Sam2Network(network.configuration).eval()
    copy.load_state_dict(network.state_dict())
    return copy


def test_the_runtime_of_a_cpu_changes_nothing_but_rounding(network, inputs):
    plain = run(network, inputs)
    runtime = choose_runtime('cpu', 'float32')
    assert runtime == Runtime(torch.device('cpu'), torch.float32, compiled=False)
    placed = runtime.place(copy_of(network))
    with runtime.inference():
        for ours, expected in zip(run(placed, inputs), plain, strict=True):
            torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_narrow_precision_stays_near_float32(network, inputs):
    plain = run(network, inputs)
    runtime = choose_runtime('cpu', 'bfloat16')
    placed = runtime.place(copy_of(network))
    with runtime.inference():
        narrow = run(placed, inputs)
    for ours, expected in zip(narrow, plain, strict=True):
        assert (ours.float() - expected).abs().max() < 0.05 * expected.abs().max()
    assert not torch.equal(narrow[0], plain[0])


@pytest.mark.parametrize(
    'name,size', [('tiny', 128), ('mobile', 128), ('edgetam', 256), ('sam_vit_b', 128)]
)
def test_every_network_keeps_its_weights_narrow_and_stays_near_float32(name, size):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(name, size).eval()
    image = torch.randn(1, 3, size, size, generator=torch.manual_seed(1))
    points, labels = torch.tensor([[[30.0, 40.0]]]), torch.tensor([[1]])

    def answer(runtime):
        placed = runtime.place(copy.deepcopy(network))
        with runtime.inference():
            features = placed.encode_image(image)
            conditioned = placed.without_memory(features.embedding)
            prompts = placed.encode_prompts(points, labels)
            first = placed.decode(features, conditioned, prompts, several=True).mask_logits
            # As a correction: the points and the mask of a decoder, in the types it has.
            prompts = placed.encode_prompts(points.to(first.dtype), labels, first[:, :1])
            second = placed.decode(features, conditioned, prompts, several=False).mask_logits
        return features.embedding, first, second

    runtimes = [choose_runtime('cpu', precision) for precision in ('float32', 'bfloat16')]
    plain, narrow = (answer(runtime) for runtime in runtimes)
    assert narrow[0].dtype == torch.bfloat16
    for ours, expected in zip(narrow, plain, strict=True):
        assert (ours.float() - expected).abs().max() < 0.1 * expected.abs().max()


@pytest.mark.parametrize('name,size', [('nano', 128), ('mobile', 128), ('edgetam', 256)])
def test_narrow_weights_are_what_autocast_would_make_of_them(name, size):
    """As a GPU has them, here under the autocast of the CPU."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(name, size).eval()
    network.optimise(torch.device('cuda'), torch.float32, compiled=False)
    image = torch.randn(1, 3, size, size, generator=torch.manual_seed(1))
    points, labels = torch.tensor([[[30.0, 40.0]]]), torch.tensor([[1]])

    def answer():
        with torch.autocast('cpu', torch.bfloat16):
            features = network.encode_image(image)
            conditioned = network.without_memory(features.embedding)
            prompts = network.encode_prompts(points, labels)
            candidates = network.decode(features, conditioned, prompts, several=True)
        return *tensors(features), *tensors(candidates)

    before = answer()
    narrow_weights(network, torch.bfloat16)
    for ours, expected in zip(answer(), before, strict=True):
        assert torch.equal(ours, expected)


@pytest.mark.slow
@pytest.mark.parametrize('last', [False, True])
def test_every_method_is_one_graph(network, inputs, last, monkeypatch):
    network.memory_attention.project_values_last(last)
    plain = run(network, inputs)
    for method in (
        'encode_image',
        'attend_to_memory',
        'encode_prompts',
        'decode',
        'object_pointer',
        'encode_memory',
    ):
        # A break of the graph, as a wait for the device makes one, is an error under fullgraph.
        compiled = torch.compile(getattr(network, method), backend='aot_eager', fullgraph=True)
        monkeypatch.setattr(network, method, compiled)
    for ours, expected in zip(run(network, inputs), plain, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    network.memory_attention.project_values_last(False)


@pytest.mark.slow
def test_objects_that_come_and_go_compile_nothing_again(network, monkeypatch):
    compiled, plain = [], torch.nn.Module.compile

    def counting(graph, _inputs):
        compiled.append(graph)
        return graph.forward

    # What is compiled again does not depend on the compiler.
    monkeypatch.setattr(torch.nn.Module, 'compile', partialmethod(plain, backend=counting))
    network = copy_of(network)
    Runtime(torch.device('cpu'), compiled=True).place(network)
    shapes, side = network.memory_layout, network.configuration.embedding_size
    embedding = torch.randn(1, shapes.pointer_channels, side, side)

    def track(objects, memories):
        memory = Memory(
            torch.randn(objects, memories, shapes.tokens, shapes.channels),
            torch.zeros(objects, memories, dtype=torch.int64),
            torch.randn(objects, 2 * memories, shapes.pointer_channels),
            torch.zeros(objects, 2 * memories),
        )
        assert network.attend_to_memory(embedding, memory).shape == (objects, *embedding.shape[1:])

    with torch.inference_mode():
        for objects, memories in ((1, 1), (1, 2), (2, 1)):
            track(objects, memories)
        # A single memory, any number of them, and any number of objects.
        assert len(compiled) == 3
        for objects in (5, 1, 3, 8, 2, 16):
            for memories in (7, 1, 4):
                track(objects, memories)
    assert len(compiled) == 3


@pytest.mark.parametrize(
    'arguments,message',
    [
        (('toaster',), "device 'toaster'"),
        (('mps',), "device 'mps' is not supported: give cpu, cuda or cuda:N"),
        (('meta',), "device 'meta' is not supported"),
        (('cuda:99',), "device 'cuda:99' is not there: torch finds"),
        (('cpu', 'int8'), "precision 'int8' is not one of auto, float32, bfloat16, float16"),
    ],
)
def test_what_cannot_be_had_is_refused_by_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        choose_runtime(*arguments)


@pytest.mark.parametrize(
    ('processors', 'expected'),
    [
        ('processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 avx512vbmi\nbugs\t\t: none\n', True),
        ('processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16x\nbugs\t\t: avx512_bf16\n', False),
        ('processor\t: 0\nFeatures\t: fp asimd bf16\n', False),
        ('', False),
    ],
)
def test_a_processor_says_whether_it_multiplies_bfloat16(processors, expected):
    assert multiplies_bfloat16(processors) is expected


@pytest.mark.parametrize(
    ('flags', 'expected'), [('avx512_bf16', torch.bfloat16), ('avx2', torch.float32)]
)
def test_the_precision_of_a_cpu_is_the_one_it_computes_in(tmp_path, monkeypatch, flags, expected):
    described = tmp_path / 'cpuinfo'
    monkeypatch.setattr('sam_tracker.networks.runtime._PROCESSORS', described)
    assert choose_runtime('cpu').precision == torch.float32
    described.write_text(f'processor\t: 0\nflags\t\t: fpu {flags}\n')
    assert choose_runtime('cpu').precision == expected
    assert choose_runtime('cpu', 'float32').precision == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
def test_a_gpu_agrees_with_the_cpu(network, inputs):
    plain = run(network, inputs)
    runtime = choose_runtime('cuda', 'float32')
    placed = runtime.place(copy_of(network))
    there = {name: tensor.cuda() for name, tensor in inputs.items()}
    with runtime.inference(), torch.device('cuda'):
        for ours, expected in zip(run(placed, there), plain, strict=True):
            torch.testing.assert_close(ours.cpu(), expected, rtol=1e-2, atol=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
def test_nothing_waits_for_the_gpu(network, inputs):
    runtime = choose_runtime('cuda')
    placed = runtime.place(copy_of(network))
    there = {name: tensor.cuda() for name, tensor in inputs.items()}
    with runtime.inference(), torch.device('cuda'):
        slots = torch.tensor([[6, 1, 0], [6, 1, 0]])
        distances = torch.arange(8.0).view(2, 4)
        nothing = torch.zeros(2, 0, 2), torch.zeros(2, 0)
        torch.cuda.set_sync_debug_mode('error')
        try:
            features = placed.encode_image(there['image'])
            assert isinstance(features, ImageFeatures)
            memory = Memory(there['tokens'], slots, there['pointers'], distances)
            conditioned = placed.attend_to_memory(features.embedding, memory)
            candidates = placed.decode(
                features, conditioned, placed.encode_prompts(*nothing), several=True
            )
            placed.object_pointer(candidates.tokens[:, 0], candidates.object_logit > 0)
            mask = memory_mask(there['mask'], binary=False)
            placed.encode_memory(features.embedding, mask, candidates.object_logit)
        finally:
            torch.cuda.set_sync_debug_mode('default')
