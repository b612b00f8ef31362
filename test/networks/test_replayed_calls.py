# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Calls that are captured and replayed: which they are, and what they return.

A CUDA graph makes a call again with the same tensors; here the function itself is called again
with them, so that no GPU is needed. test_cuda_graphs.py has what is left.
"""

from collections import Counter
from dataclasses import replace
import threading

import numpy as np
import pytest
import torch

from sam_tracker import Frame, Prompt, Tracker, load_network
from sam_tracker.networks import replayed_calls
from sam_tracker.networks.api import ImageFeatures, Memory
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.replayed_calls import (
    CALLS_BEFORE_CAPTURE,
    MOST_CAPTURED,
    MOST_COUNTED,
    PADDED_ROWS,
    ReplayedCall,
    ReplayedNetwork,
    layout,
    tensors,
    with_rows,
    with_tensors,
)
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.video.generated import generate_clip

from ..captures import Captures


def features(side):
    return ImageFeatures(torch.ones(1, 2, side, side), (torch.zeros(1), torch.zeros(2)))


def test_values_of_one_layout_are_alike_but_for_their_numbers():
    other = ImageFeatures(torch.zeros(1, 2, 3, 3), (torch.ones(1), torch.ones(2)))
    assert layout((features(3), True), 2) == layout((other, True), 2)
    assert layout((features(3), True), 2) != layout((features(4), True), 2)
    assert layout((features(3), True), 2) != layout((features(3), False), 2)
    narrow = ImageFeatures(features(3).embedding.bfloat16(), features(3).high_resolution)
    assert layout(narrow, 2) != layout(features(3), 2)
    turned = ImageFeatures(features(3).embedding.mT, features(3).high_resolution)
    assert layout(turned, 2) != layout(features(3), 2)


def test_the_number_of_rows_is_no_part_of_a_layout_but_one_row_for_all_is():
    assert layout(torch.ones(3, 4), 3) == layout(torch.ones(5, 4), 5)
    assert layout(torch.ones(1, 4), 3) != layout(torch.ones(3, 4), 3)


def test_a_value_is_put_together_again_from_its_tensors():
    value = (features(3), True, None, torch.ones(4))
    doubled = with_tensors(value, (2 * each for each in tensors(value)))
    assert layout(doubled, 4) == layout(value, 4)
    assert doubled[1:3] == (True, None)
    for ours, given in zip(tensors(doubled), tensors(value), strict=True):
        assert torch.equal(ours, 2 * given)


def test_more_rows_repeat_the_last_one_and_keep_the_order_in_memory():
    tensor = torch.randn(3, 4, 5, 5).to(memory_format=torch.channels_last)
    padded = with_rows(tensor, 3, 6)
    assert torch.equal(padded, torch.cat((tensor, *[tensor[2:]] * 3)))
    assert padded.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(with_rows(tensor[:1], 3, 6), tensor[:1])


def doubled(values):
    return 2 * values


def replayed(function, capture):
    return ReplayedCall(function, capture, threading.Lock())


def test_a_layout_is_captured_when_it_has_occurred_often():
    captures = Captures()
    call = replayed(doubled, captures)
    for number in range(CALLS_BEFORE_CAPTURE):
        call(torch.full((3, 2), float(number)))
        call(torch.zeros(3, 5 + number))
    assert not captures.names
    results = [call(torch.full((3, 2), float(number))) for number in range(5)]
    assert len(captures.names) == 1
    for number, result in enumerate(results):
        # Of its own: the calls that followed have not overwritten it.
        assert torch.equal(result, torch.full((3, 2), 2.0 * number))


def test_all_numbers_of_rows_are_captured_as_a_few():
    captures = Captures()
    call = replayed(doubled, captures)
    for _ in range(CALLS_BEFORE_CAPTURE + 1):
        for rows in range(1, PADDED_ROWS[-1] + 1):
            values = torch.randn(rows, 2)
            assert torch.equal(call(values), 2 * values)
    assert len(captures.names) == len(PADDED_ROWS)


def test_what_is_captured_and_counted_is_bounded():
    captures = Captures()
    call = replayed(doubled, captures)
    for _ in range(CALLS_BEFORE_CAPTURE + 1):
        for width in range(MOST_CAPTURED + 2):
            call(torch.zeros(1, width))
    for width in range(2 * MOST_COUNTED):
        call(torch.zeros(2, width))
    assert len(captures.names) == MOST_CAPTURED + 2
    assert len(call._captured) == MOST_CAPTURED
    assert len(call._counts) == MOST_COUNTED
    # The layouts that were used last are kept.
    call(torch.zeros(1, MOST_CAPTURED + 1))
    assert len(captures.names) == MOST_CAPTURED + 2


def test_a_call_that_cannot_be_captured_runs_without(caplog):
    attempts = []

    def refuse(function, arguments):
        attempts.append(arguments)
        raise RuntimeError('operation not permitted when stream is capturing')

    call = replayed(doubled, refuse)
    for number in range(CALLS_BEFORE_CAPTURE + 20):
        values = torch.full((2, 2), float(number))
        assert torch.equal(call(values), 2 * values)
    assert len(attempts) == 1
    (record,) = caplog.records
    assert 'doubled is not captured any more' in record.getMessage()
    assert 'not permitted' in record.getMessage()


def test_no_memory_for_the_inputs_of_a_capture_fails_no_call(caplog, monkeypatch):
    attempts = []

    def exhausted(tensor, rows, padded):
        attempts.append(rows)
        raise torch.OutOfMemoryError('out of memory')

    monkeypatch.setattr(replayed_calls, 'with_rows', exhausted)
    captures = Captures()
    call = replayed(doubled, captures)
    for number in range(2 * CALLS_BEFORE_CAPTURE + 2):
        values = torch.full((5, 2), float(number))
        assert torch.equal(call(values), 2 * values)
    assert attempts == [5]
    assert not captures.names
    (record,) = caplog.records
    assert (
        'doubled is not captured any more, which is slower: out of memory' in record.getMessage()
    )


@pytest.mark.parametrize('name,images', [('nano', 1), ('nano', 3), ('edgetam', 1)])
def test_padded_calls_of_a_network_return_what_the_network_returns(name, images, monkeypatch):
    monkeypatch.setattr(replayed_calls, 'CALLS_BEFORE_CAPTURE', 0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(name, 128 if name == 'nano' else 256).eval()
    captures = Captures()
    replaying = ReplayedNetwork(network, captures)
    shapes, size, generator = network.memory_layout, network.image_size, torch.Generator()

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    @torch.inference_mode()
    def walk(network, objects, seed):
        generator.manual_seed(seed)
        seen = network.encode_image(random(images if objects > 1 else 1, 3, size, size))
        if len(seen.embedding) > 1:
            seen = ImageFeatures(
                seen.embedding[torch.arange(objects) % images],
                tuple(level[torch.arange(objects) % images] for level in seen.high_resolution),
            )
        memory = Memory(
            random(objects, 3, shapes.tokens, shapes.channels),
            torch.tensor([[6, 1, 0]]).expand(objects, -1),
            random(objects, 4, shapes.pointer_channels),
            torch.arange(4.0).expand(objects, -1),
        )
        conditioned = network.attend_to_memory(seen.embedding, memory)
        nothing = torch.zeros(objects, 0, 2), torch.zeros(objects, 0)
        candidates = network.decode(
            seen, conditioned, network.encode_prompts(*nothing), several=True
        )
        mask = random(objects, 1, size, size)
        remembered = network.encode_memory(seen.embedding, mask, candidates.object_logit)
        return conditioned, candidates, remembered

    for objects in (5, 6):
        found, expected = walk(replaying, objects, objects), walk(network, objects, objects)
        for ours, exact in zip(tensors(found), tensors(expected), strict=True):
            torch.testing.assert_close(ours, exact, rtol=1e-3, atol=1e-4)
    # 5 and 6 objects are one layout.
    assert sorted(captures.names) == [
        'attend_to_memory',
        'decode',
        'encode_image',
        'encode_memory',
    ]


@pytest.mark.parametrize('name', ['nano', 'edgetam'])
@pytest.mark.parametrize('optimised', [False, True])
def test_what_empty_places_of_a_memory_hold_is_not_read(name, optimised):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(name, 128 if name == 'nano' else 256).eval().requires_grad_(False)
        shapes, side = network.memory_layout, network.image_size // 16
        embedding = torch.randn(1, shapes.pointer_channels, side, side)
        memory = Memory(
            torch.randn(2, 3, shapes.tokens, shapes.channels),
            torch.tensor([[6, 1, 0], [6, 2, 1]]),
            torch.randn(2, 4, shapes.pointer_channels),
            torch.arange(8.0).view(2, 4),
        )
        filled_up = memory.padded(7, 16)
        filled_up.tokens[:, 3:] = torch.randn(2, 4, shapes.tokens, shapes.channels)
        filled_up.pointers[:, 4:] = torch.randn(2, 12, shapes.pointer_channels)
    if optimised:
        network.optimise(torch.device('cpu'), torch.float32, compiled=False)
    expected = network.attend_to_memory(embedding, memory)
    found = network.attend_to_memory(embedding, filled_up)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_growing_memories_of_a_later_object_are_replayed():
    captures, network = Captures(), load_network('nano')
    made, attend = [], network.attend_to_memory

    def attend_to_memory(embedding, memory):
        if not captures.calling:
            made.append(tuple(memory.tokens.shape[:2]))
        return attend(embedding, memory)

    network.attend_to_memory = attend_to_memory
    # The rule that remembers every frame.
    settings = replace(TrackerSettings.for_network(network.suited_settings), memory_rule='sam2')
    tracker = Tracker(ReplayedNetwork(network, captures), settings)
    mask = np.zeros((120, 160), bool)
    mask[30:80, 15:60] = True
    stamps = iter(range(100))

    def track(pixels):
        made.clear()
        for number in range(25):
            frame = Frame(pixels, next(stamps))
            if not number:
                tracker.add_prompt(frame, Prompt(mask=mask))
            (track,) = tracker.step(frame)
        tracker.remove(track.object_id)
        return list(made)

    pixels = generate_clip(3, 1, (120, 160), 'easy').frames[0]
    # Those with empty places and those without, until they are captured.
    first = track(pixels)
    assert first == [(1, 1)] + [(1, 7)] * 2 * CALLS_BEFORE_CAPTURE
    assert captures.names.count('attend_to_memory') == 2
    assert track(pixels) == [(1, 1)]
    assert captures.names.count('attend_to_memory') == 2


def test_objects_that_come_and_go_are_tracked_as_without_captures():
    clip, network = generate_clip(3, 30, (120, 160), 'easy'), load_network('nano')
    captures = Captures()

    def tracks(network):
        tracker = Tracker(network)
        for stamp, pixels in enumerate(clip.frames):
            if stamp in {0, 2}:
                mask = np.zeros((120, 160), bool)
                mask[30:80, 15 + 25 * stamp : 60 + 25 * stamp] = True
                tracker.add_prompt(Frame(pixels, stamp), Prompt(mask=mask))
            if stamp == 26:
                tracker.remove(1)
            yield tracker.step(Frame(pixels, stamp))

    both = zip(tracks(network), tracks(ReplayedNetwork(network, captures)), strict=True)
    for stamp, (expected, found) in enumerate(both):
        assert [each.object_id for each in found] == [each.object_id for each in expected]
        for ours, exact in zip(found, expected, strict=True):
            union = (ours.mask | exact.mask).sum()
            assert (ours.mask & exact.mask).sum() >= 0.99 * union, stamp
    assert set(captures.names) == {'encode_image', 'decode', 'attend_to_memory', 'encode_memory'}
    # For one object and for two; attention also with empty places and without.
    counts = Counter(captures.names)
    assert counts.pop('attend_to_memory') <= 4
    assert max(counts.values()) <= 2
