# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Calls that are replayed as CUDA graphs; without a GPU see test_replayed_calls.py."""

from functools import partial
import threading

import pytest
import torch

from sam_tracker.networks.api import Memory
from sam_tracker.networks.cuda_graphs import GraphCapture, graphed
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.replayed_calls import (
    CALLS_BEFORE_CAPTURE,
    MOST_CAPTURED,
    ReplayedCall,
    layout,
    tensors,
    with_tensors,
)
from sam_tracker.networks.runtime import choose_runtime


def copied(value):
    return with_tensors(value, (each.clone() for each in tensors(value)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
@pytest.mark.parametrize('name', ['nano', 'mobile', 'edgetam'])
@pytest.mark.parametrize(
    'precision,memories,pointers',
    # Memories that grow are attended to by another kernel, which rounds otherwise.
    [('float32', 3, 4), ('float32', 7, 16), ('bfloat16', 7, 16)],
)
def test_replayed_calls_of_a_gpu_return_what_the_network_returns(
    name, precision, memories, pointers
):
    torch.manual_seed(0)
    runtime = choose_runtime('cuda', precision, cuda_graphs=False)
    network = runtime.place(build_network(name).eval())
    replaying = graphed(network)
    size, shapes = network.image_size, network.memory_layout

    def walk(network, seed):
        generator = torch.Generator('cuda').manual_seed(seed)

        def random(*shape):
            return torch.randn(*shape, generator=generator, device='cuda')

        image, mask = random(1, 3, size, size), random(2, 1, size, size)
        memory = Memory(
            random(2, memories, shapes.tokens, shapes.channels).bfloat16(),
            torch.arange(memories, device='cuda').flip(0).expand(2, -1),
            random(2, pointers, shapes.pointer_channels),
            torch.arange(2.0 * pointers, device='cuda').view(2, -1),
        )
        with runtime.inference():
            seen = network.encode_image(image)
            conditioned = network.attend_to_memory(seen.embedding, memory)
            nothing = torch.zeros(2, 0, 2, device='cuda'), torch.zeros(2, 0, device='cuda')
            prompts = network.encode_prompts(*nothing)
            candidates = network.decode(seen, conditioned, prompts, several=True)
            remembered = network.encode_memory(seen.embedding, mask, candidates.object_logit)
        return seen, conditioned, candidates, remembered

    # Eager, captured and replayed.
    results = [walk(replaying, seed) for seed in range(CALLS_BEFORE_CAPTURE + 2)]
    for seed, result in enumerate(results):
        expected = walk(network, seed)
        # What is a part of a wider tensor there is a tensor of its own here.
        assert layout(copied(result), 2) == layout(copied(expected), 2)
        for ours, exact in zip(tensors(result), tensors(expected), strict=True):
            torch.testing.assert_close(
                ours, exact, rtol=1e-2, atol=1e-2 * float(exact.abs().max())
            )


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
def test_graphs_of_a_gpu_are_bounded():
    torch.manual_seed(0)
    runtime = choose_runtime('cuda', 'float32', cuda_graphs=False)
    network = runtime.place(build_network('nano').eval())
    replaying, shapes = graphed(network), network.memory_layout
    side = network.image_size // 16
    embedding = torch.randn(1, shapes.pointer_channels, side, side, device='cuda')
    # None of them of a memory that still grows: those are all of one layout.
    layouts = range(shapes.recent_memories + 1, shapes.recent_memories + MOST_CAPTURED + 4)
    allocated, reserved = [], []
    # The second time each has given way to a later one, and is captured again.
    for memories in [*layouts, *layouts]:
        tokens = torch.randn(1, memories, shapes.tokens, shapes.channels, device='cuda')
        memory = Memory(
            tokens,
            torch.zeros(1, memories, dtype=torch.int64, device='cuda'),
            torch.zeros(1, shapes.recent_pointers + 1, shapes.pointer_channels, device='cuda'),
            torch.zeros(1, shapes.recent_pointers + 1, device='cuda'),
        )
        with runtime.inference():
            for _ in range(CALLS_BEFORE_CAPTURE + 2):
                found = replaying.attend_to_memory(embedding, memory)
            torch.testing.assert_close(
                found, network.attend_to_memory(embedding, memory), rtol=1e-3, atol=1e-4
            )
        assert len(replaying._attend._captured) == min(len(allocated) + 1, MOST_CAPTURED)
        allocated.append(torch.cuda.memory_allocated())
        # Has what graphs need while they run, which is not allocated between two calls.
        reserved.append(torch.cuda.memory_reserved())
    for held in (allocated, reserved):
        assert held[-1] < 1.5 * max(held[: len(layouts)])


def product(matrix, values):
    """A matrix product and its norm, with memory in between that later calls use again."""
    return (torch.relu(values @ matrix) + values).softmax(-1) @ matrix


def waiting(matrix, values):
    """What cannot be captured: the host needs a number of the device."""
    return (values @ matrix) * float(values.sum())


@pytest.fixture
def matrix():
    generator = torch.Generator('cuda').manual_seed(0)
    return torch.randn(256, 256, generator=generator, device='cuda')


def rows_of(count, number):
    generator = torch.Generator('cuda').manual_seed(number)
    return torch.randn(count, 256, generator=generator, device='cuda')


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
def test_a_gpu_goes_on_after_a_call_that_it_cannot_capture(matrix, caplog):
    capture, lock = GraphCapture(torch.device('cuda:0')), threading.Lock()
    refused = ReplayedCall(partial(waiting, matrix), capture, lock)
    good = ReplayedCall(partial(product, matrix), capture, lock)
    with torch.inference_mode():
        # Also where it was the first capture of all.
        for number in range(CALLS_BEFORE_CAPTURE + 3):
            values = rows_of(5, number)
            torch.testing.assert_close(refused(values), waiting(matrix, values))
        for number in range(CALLS_BEFORE_CAPTURE + 3):
            values = rows_of(5, number)
            torch.testing.assert_close(good(values), product(matrix, values), rtol=1e-3, atol=1e-3)
    assert 'is not captured any more' in caplog.text
    assert len(good._captured) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
def test_rows_that_pad_a_batch_change_no_other_on_a_gpu(matrix):
    call = ReplayedCall(
        partial(product, matrix), GraphCapture(torch.device('cuda:0')), threading.Lock()
    )
    with torch.inference_mode():
        for number in range(CALLS_BEFORE_CAPTURE + 1):
            # What stays behind in the rows that the next calls do not fill.
            values = rows_of(6, number)
            values[5] = torch.nan
            call(values)
        for number in range(3):
            values = rows_of(5, number)
            torch.testing.assert_close(call(values), product(matrix, values), rtol=1e-3, atol=1e-3)
    assert len(call._captured) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
def test_calls_are_captured_while_other_threads_use_the_gpu(matrix):
    done, failures, rounds = threading.Event(), [], []

    def reading():
        # As the thread that publishes masks does: allocates, computes, and waits for the result.
        number = 0
        with torch.inference_mode():
            while not done.is_set():
                size = 64 + 8 * (number % 64)
                values = torch.arange(size * size, device='cuda').view(size, size)
                if not torch.equal(
                    (values + 1).cpu(), torch.arange(size * size).view(size, -1) + 1
                ):
                    failures.append(number)
                number += 1
        rounds.append(number)

    threads = [threading.Thread(target=reading) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        call = ReplayedCall(
            partial(product, matrix), GraphCapture(torch.device('cuda:0')), threading.Lock()
        )
        with torch.inference_mode():
            for rows in (1, 2, 3, 4, 6, 8, 12, 16):
                for number in range(CALLS_BEFORE_CAPTURE + 3):
                    values = rows_of(rows, number)
                    torch.testing.assert_close(
                        call(values), product(matrix, values), rtol=1e-3, atol=1e-3
                    )
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert len(call._captured) == 8
    assert not failures
    assert len(rounds) == 2
    assert all(rounds)
