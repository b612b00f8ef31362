# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Whole streams through a small network with random weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.runtime import Runtime
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

from ..sam2_predictor import make_telling

WIDTH, HEIGHT, FRAMES = 160, 120, 24
# Random masks overlap everywhere; here objects are to ignore each other.
SETTINGS = TrackerSettings(exclusive=False, closer_look=False)
PERIOD = SETTINGS.frame_period
BOX = Prompt(box=[20, 20, 80, 70])
CLICK = Prompt(points=[[100, 60]], labels=[1])


@pytest.fixture(scope='module')
def network():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        network = Sam2Network(configuration_named('nano')).eval()
        make_telling(network.state_dict())
    return network


def stream(seed):
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    for number in range(FRAMES):
        frame = np.kron(ground, np.ones((8, 8, 1), np.uint8))
        frame[30:70, 20 + 3 * number : 60 + 3 * number] = rng.integers(0, 255, 3)
        yield Frame(frame, number * PERIOD)


@pytest.fixture(scope='module')
def clips():
    return [list(stream(seed)) for seed in (1, 2)]


def follow(network, clip, prompts, settings=SETTINGS, runtime=None):
    """Track, with prompts given by the number of the frame they come after; yields tracks."""
    tracker = Tracker(network, settings, runtime)
    for number, frame in enumerate(clip):
        tracker.step(frame)
        for prompt in prompts.get(number, ()):
            tracker.add_prompt(frame, prompt)
        yield {track.object_id: track for track in tracker.objects}


def difference(track, other):
    """Greatest difference of the logits, relative to the greatest logit."""
    return float((track.logits - other.logits).abs().max() / other.logits.abs().max())


def test_two_trackers_on_one_network_give_what_each_gives_alone(network, clips):
    prompts = [{0: [BOX, CLICK]}, {2: [CLICK]}]
    alone = [list(follow(network, clip, when)) for clip, when in zip(clips, prompts, strict=True)]
    trackers = [follow(network, clip, when) for clip, when in zip(clips, prompts, strict=True)]
    together = list(zip(*trackers, strict=True))
    for number, pair in enumerate(together):
        for which, tracks in enumerate(pair):
            expected = alone[which][number]
            assert tracks.keys() == expected.keys()
            for object_id, track in tracks.items():
                assert torch.equal(track.logits, expected[object_id].logits)
                np.testing.assert_equal(track.confidence, expected[object_id].confidence)
                np.testing.assert_array_equal(track.mask, expected[object_id].mask)
    assert together[-1][0][1].logits.std() > 0.01


def test_an_object_is_followed_alike_alone_and_among_others(network, clips):
    alone = list(follow(network, clips[0], {0: [BOX]}))
    among = list(follow(network, clips[0], {0: [BOX, CLICK], 3: [CLICK], 9: [BOX, BOX]}))
    for tracks, expected in zip(among, alone, strict=True):
        # Batches of other sizes round otherwise.
        assert difference(tracks[1], expected[1]) < 1e-4
    assert sorted(among[-1]) == [1, 2, 3, 4, 5]
    assert difference(among[-1][2], among[-1][1]) > 0.005


def test_removing_an_object_leaves_the_others_as_they_were(network, clips):
    kept = list(follow(network, clips[0], {0: [BOX, CLICK]}))
    tracker = Tracker(network, SETTINGS)
    for number, frame in enumerate(clips[0]):
        tracker.step(frame)
        if number == 0:
            for prompt in (BOX, CLICK):
                tracker.add_prompt(frame, prompt)
        if number == 8:
            tracker.remove(1)
        if number > 8:
            (track,) = tracker.objects
            assert track.object_id == 2
            assert difference(track, kept[number][2]) < 1e-4


def test_a_prompt_on_an_old_frame_gives_what_it_would_have_given_then(network, clips):
    clip = clips[0]
    expected = list(follow(network, clip, {0: [BOX], 5: [CLICK]}))
    tracker = Tracker(network, SETTINGS)
    for number, frame in enumerate(clip):
        tracker.step(frame)
        if number == 0:
            tracker.add_prompt(frame, BOX)
        if number == 12:
            late = tracker.add_prompt(clip[5], CLICK, later=clip[6:13])
            assert difference(late, expected[12][2]) < 1e-4
        for track in tracker.objects:
            assert difference(track, expected[number][track.object_id]) < 1e-4
    assert len(tracker.objects) == 2


def test_objects_beyond_one_batch_are_tracked_alike(network, clips, monkeypatch):
    prompts = {0: [BOX, CLICK, Prompt(points=[[30, 100]], labels=[1])]}
    expected = list(follow(network, clips[0], prompts))
    for module in ('networks.batching', 'tracking.inference', 'tracking.propagation'):
        monkeypatch.setattr(f'sam_tracker.{module}.LARGEST_BATCH', 2)
    for tracks, whole in zip(follow(network, clips[0], prompts), expected, strict=True):
        for object_id, track in tracks.items():
            assert difference(track, whole[object_id]) < 1e-4


def test_narrow_arithmetic_finds_nearly_the_same_masks(network, clips):
    prompts, settings = {0: [BOX, CLICK]}, replace(SETTINGS, exclusive=True)
    expected = list(follow(network, clips[0], prompts, settings))[3]
    runtime = Runtime(torch.device('cpu'), torch.bfloat16)
    found = list(follow(network, clips[0][:4], prompts, settings, runtime))[3]
    for object_id, track in found.items():
        assert track.logits.dtype == torch.float32
        same = (track.mask == expected[object_id].mask).mean()
        assert same > 0.8, (object_id, same)


def test_nothing_is_written_to_the_network(network, clips):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    attributes = {name: dict(vars(module)) for name, module in network.named_modules()}
    list(follow(network, clips[0], {0: [BOX]}))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
    for name, module in network.named_modules():
        assert vars(module).keys() == attributes[name].keys()


def test_tracks_of_earlier_frames_stay_as_they_were(network, clips):
    tracker = Tracker(network, SETTINGS)
    frame = clips[0][0]
    tracker.step(frame)
    kept = [tracker.add_prompt(frame, BOX)]
    logits = [kept[0].logits.clone()]
    for frame in clips[0][1:]:
        buffer = frame.pixels.copy()
        kept += tracker.step(Frame(buffer, frame.stamp))
        logits.append(kept[-1].logits.clone())
        buffer[:] = 0
    for track, expected in zip(kept, logits, strict=True):
        assert torch.equal(track.logits, expected)
