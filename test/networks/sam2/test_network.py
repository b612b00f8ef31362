# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What users of the network rely on, beyond its numbers."""

from dataclasses import replace

import pytest
import torch

from sam_tracker.networks.api import Memory
from sam_tracker.networks.masks import memory_mask, resize_logits
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network


@pytest.fixture(scope='module')
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Sam2Network(configuration_named('nano', 128)).eval()


def random_memory(configuration, objects, memories, pointers):
    side = configuration.embedding_size
    return Memory(
        tokens=torch.randn(objects, memories, side * side, configuration.memory_channels),
        positions=torch.stack([torch.randperm(7)[:memories] for _ in range(objects)]),
        pointers=torch.randn(objects, pointers, configuration.embedding_dimension),
        pointer_distances=torch.randint(1, 30, (objects, pointers)).float(),
    )


def one_frame(network, image, memory, points, labels, several):
    """Run every step on one image; return what a tracker would keep."""
    features = network.encode_image(image)
    conditioned = network.attend_to_memory(features.embedding, memory)
    candidates = network.decode(
        features, conditioned, network.encode_prompts(points, labels), several
    )
    pointer = network.object_pointer(candidates.tokens[:, 0], candidates.object_logit > 0)
    size = network.configuration.image_size
    mask = memory_mask(resize_logits(candidates.mask_logits[:, :1], size, size), binary=False)
    remembered = network.encode_memory(features.embedding, mask, candidates.object_logit)
    return candidates.mask_logits, candidates.predicted_iou, pointer, remembered


def rows(memory, row):
    return Memory(
        memory.tokens[row],
        memory.positions[row],
        memory.pointers[row],
        memory.pointer_distances[row],
    )


@pytest.mark.parametrize('several', [False, True])
def test_objects_in_a_batch_do_not_see_each_other(network, several):
    configuration = network.configuration
    torch.manual_seed(1)
    image = torch.randn(1, 3, 128, 128)
    memory = random_memory(configuration, 3, 4, 6)
    points, labels = 128 * torch.rand(3, 2, 2), torch.tensor([[1, 0], [2, 3], [1, -1]])
    together = one_frame(network, image, memory, points, labels, several)
    for number in range(3):
        row = slice(number, number + 1)
        alone = one_frame(network, image, rows(memory, row), points[row], labels[row], several)
        for batched, single in zip(together, alone, strict=True):
            torch.testing.assert_close(batched[row], single, rtol=1e-4, atol=1e-5)


def test_images_in_a_batch_do_not_see_each_other(network):
    images = torch.randn(3, 3, 128, 128)
    together = network.encode_image(images)
    for number in range(3):
        alone = network.encode_image(images[number, None])
        torch.testing.assert_close(together.embedding[number, None], alone.embedding)
        for level in range(2):
            torch.testing.assert_close(
                together.high_resolution[level][number, None], alone.high_resolution[level]
            )


def test_one_object_on_each_of_several_images_is_a_batch_too(network):
    torch.manual_seed(2)
    features = network.encode_image(torch.randn(2, 3, 128, 128))
    memory = random_memory(network.configuration, 2, 2, 3)
    prompts = network.encode_prompts(torch.zeros(2, 0, 2), torch.zeros(2, 0))
    conditioned = network.attend_to_memory(features.embedding, memory)
    together = network.decode(features, conditioned, prompts, several=True)
    for number in range(2):
        row = slice(number, number + 1)
        single = replace(
            features,
            embedding=features.embedding[row],
            high_resolution=tuple(level[row] for level in features.high_resolution),
        )
        alone = network.decode(
            single,
            network.attend_to_memory(single.embedding, rows(memory, row)),
            network.encode_prompts(torch.zeros(1, 0, 2), torch.zeros(1, 0)),
            several=True,
        )
        torch.testing.assert_close(
            together.mask_logits[row], alone.mask_logits, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize('name,size', [('nano', 128), ('nano', 192), ('nano', 416), ('tiny', 160)])
def test_shapes_are_those_the_docstrings_promise(name, size):
    network = Sam2Network(configuration_named(name, size)).eval()
    configuration = network.configuration
    dimension, channels = configuration.embedding_dimension, configuration.memory_channels
    side, objects = size // 16, 2
    features = network.encode_image(torch.randn(1, 3, size, size))
    assert features.embedding.shape == (1, dimension, side, side)
    fine, middle = features.high_resolution
    assert fine.shape == (1, dimension // 8, size // 4, size // 4)
    assert middle.shape == (1, dimension // 4, size // 8, size // 8)
    memory = random_memory(configuration, objects, 3, 2)
    masks, iou, pointer, remembered = one_frame(
        network,
        torch.randn(1, 3, size, size),
        memory,
        torch.zeros(objects, 0, 2),
        torch.zeros(objects, 0),
        several=True,
    )
    assert masks.shape == (objects, 3, size // 4, size // 4)
    assert iou.shape == (objects, 3)
    assert pointer.shape == (objects, dimension)
    assert remembered.shape == (objects, side * side, channels)


def test_an_image_of_another_size_is_refused_by_shape(network):
    with pytest.raises(ValueError, match=r'\[B, 3, 128, 128\], not \[1, 3, 128, 160\]'):
        network.encode_image(torch.zeros(1, 3, 128, 160))


def test_nothing_is_left_on_the_network_by_using_it(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    buffers = {name: tensor.clone() for name, tensor in network.named_buffers()}
    memory = random_memory(network.configuration, 1, 2, 2)
    arguments = memory, torch.zeros(1, 0, 2), torch.zeros(1, 0), True
    first = one_frame(network, torch.ones(1, 3, 128, 128), *arguments)
    one_frame(network, torch.randn(1, 3, 128, 128), *arguments)
    again = one_frame(network, torch.ones(1, 3, 128, 128), *arguments)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert attributes == {name: set(vars(module)) for name, module in network.named_modules()}
    for kept, now in ((before, network.state_dict()), (buffers, dict(network.named_buffers()))):
        assert all(torch.equal(kept[name], now[name]) for name in kept)


def test_every_parameter_learns_except_the_one_no_setting_reads(network):
    configuration = network.configuration
    torch.manual_seed(3)
    with torch.inference_mode(False), torch.enable_grad():
        trained = Sam2Network(configuration).train()
        memory = random_memory(configuration, 2, 7, 3)
        features = trained.encode_image(torch.randn(1, 3, 128, 128))
        conditioned = trained.attend_to_memory(features.embedding, memory)
        first = trained.without_memory(features.embedding)
        points, labels = torch.rand(2, 5, 2), torch.tensor([[0, 1, 2, 3, -1]] * 2)
        given = trained.encode_mask_prompt(torch.ones(2, 1, 128, 128))
        loss = torch.zeros(())
        for several, start, prompts in (
            (True, conditioned, trained.encode_prompts(points, labels)),
            (False, first, trained.encode_prompts(points, labels, given)),
        ):
            candidates = trained.decode(features, start, prompts, several)
            pointer = trained.object_pointer(candidates.tokens[:, 0], torch.tensor([1.0, 0.0]))
            size = configuration.image_size
            mask = memory_mask(resize_logits(candidates.mask_logits[:, :1], size, size), False)
            remembered = trained.encode_memory(features.embedding, mask, torch.tensor([1.0, -1.0]))
            for output in (
                candidates.mask_logits,
                candidates.predicted_iou,
                candidates.object_logit,
                pointer,
                remembered,
            ):
                loss = loss + output.square().sum()
        loss.backward()
    unread = {name for name, value in trained.named_parameters() if value.grad is None}
    assert unread == {'no_mem_pos_enc'}
    still = {
        name
        for name, value in trained.named_parameters()
        if value.grad is not None and not value.grad.any()
    }
    assert not still


def test_a_single_mask_is_never_replaced_while_training():
    configuration = replace(configuration_named('nano', 128), stability_fallback=True)
    torch.manual_seed(4)
    network = Sam2Network(configuration).eval()
    plain = Sam2Network(replace(configuration, stability_fallback=False)).eval()
    plain.load_state_dict(network.state_dict())
    features = network.encode_image(torch.randn(1, 3, 128, 128))
    prompts = network.encode_prompts(torch.full((1, 2, 2), 60.0), torch.tensor([[1, 1]]))
    arguments = features, features.embedding, prompts, False
    replaced, single = network.decode(*arguments), plain.decode(*arguments)
    assert not torch.equal(replaced.mask_logits, single.mask_logits)
    assert torch.equal(network.train().decode(*arguments).mask_logits, single.mask_logits)
