# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks that look only half like their object are verified by tracking them backwards."""

from contextlib import nullcontext
from dataclasses import replace
import gc
import math

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import ImageFeatures
from sam_tracker.tracking.doubts import MOST_ENCODINGS, PERIOD
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.sighting import Sighting
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracker import Tracker

SIZE = 64
IMAGE = np.zeros((SIZE, SIZE, 3), np.uint8)
SETTINGS = TrackerSettings(
    familiarity=0.3, certain_familiarity=0.8, verified_overlap=0.5, closer_look=False
)
OWN, HALF = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])
"""Colours of the object and of what looks half like it; their cosine is 0.71."""
FIRST, LAST = 8, 20
"""Frames on which the mask looks half like the object."""


@pytest.fixture
def network(scripted, disc):
    """A network whose image has one colour on each frame, and which says what leads back where."""

    class Network(scripted):
        own = disc(SIZE // 4, 5, 5, 3)
        elsewhere = disc(SIZE // 4, 11, 11, 3)
        half = range(FIRST, LAST)
        leads_back = range(0)
        """Frames whose mask, tracked back, is found where the object was."""

        def encode_image(self, images):
            super().encode_image(images)
            colour = HALF if self.frame in self.half else OWN
            shown = colour[None, :, None, None].expand(1, 2, 4, 4)
            return ImageFeatures(shown.clone(), (torch.tensor([[self.frame]]),))

        def attend_to_memory(self, embedding, memory):
            return super().attend_to_memory(embedding[:, :1, :1, :1], memory)

        def without_memory(self, embedding):
            return torch.zeros((1, 1, 1, 1))

        def decode(self, features, conditioned, prompts, several):
            self.back = bool(features.high_resolution[0] < self.frame)
            if self.back:
                self.verified.append(self.frame)
            answer = super().decode(features, conditioned, prompts, several)
            self._decoded = [] if self.back else self._decoded
            return answer

        def encode_memory(self, embedding, mask, object_logit):
            # Verification encodes the memory of objects that were decoded before.
            self._decoded = self._decoded or [1]
            return super().encode_memory(embedding, mask, object_logit)

        def answer(self, frame, _number):
            led_astray = self.back and frame not in self.leads_back
            mask = self.elsewhere if led_astray else self.own
            return torch.stack([mask] * 3), torch.tensor([0.9, 0.8, 0.7]), 6.0

    network = Network(SIZE, lambda frame, number: network.answer(frame, number))
    network.back, network.verified = False, []
    return network


def tracked(tracker, last, *, verifying=True):
    """Track an object that is prompted on frame 0; return its state on every later frame."""
    tracker.add_prompt(Frame(IMAGE, 0), Prompt(box=[8, 8, 32, 32]))
    states = []
    for number in range(1, last):
        (track,) = tracker.step(Frame(IMAGE, number * SETTINGS.frame_period))
        states.append(track.state)
        if verifying:
            tracker.verify()
    return dict(enumerate(states, 1))


def occluded(states):
    return [number for number, state in states.items() if state is TrackState.OCCLUDED]


def test_an_object_that_turns_is_tracked_on_since_its_mask_leads_back_to_it(network):
    network.leads_back = network.half
    assert occluded(tracked(Tracker(network, SETTINGS), 25)) == []


def test_what_passes_in_front_counts_as_absence_from_the_next_frame_until_the_object_is_seen(
    network,
):
    states = tracked(Tracker(network, SETTINGS), 25)
    assert occluded(states) == list(range(FIRST + 1, LAST))
    assert states[LAST] is TrackState.TRACKED


def test_the_frame_of_a_mask_that_was_refuted_is_remembered_as_one_of_absence(network):
    tracked(Tracker(network, SETTINGS), FIRST + 1)
    mask, logit = network.remembered[FIRST, 1]
    assert (mask < 0.5).all()
    assert logit < 0
    assert not network.present[FIRST, 1]


def test_a_refuted_mask_does_not_move_the_object(network, disc):
    network.own, still = disc(SIZE // 4, 5, 5, 3), network.own
    script = network.answer
    far = disc(SIZE // 4, 9, 9, 3)

    def answer(frame, number):
        network.own = far if frame == FIRST and not network.back else still
        return script(frame, number)

    network.answer = answer
    tracker = Tracker(network, SETTINGS)
    tracked(tracker, FIRST + 2)
    (track,) = tracker.objects
    assert track.predicted_box == pytest.approx([8, 8, 32, 32], abs=4.5)


@pytest.mark.parametrize('refuted', [True, False])
def test_a_refuted_mask_does_not_move_the_window_that_the_object_is_looked_for_in(
    network, disc, refuted
):
    still, moved = disc(SIZE // 4, 7.5, 7.5, 2), disc(SIZE // 4, 9, 7.5, 2)
    script, preprocess = network.answer, network.preprocess
    columns = np.arange(1024) // 4
    image = np.broadcast_to(columns[None, :, None], (1024, 1024, 3)).astype(np.uint8)
    mask = np.zeros((1024, 1024), bool)
    mask[480:544, 480:544] = True
    left = []

    def watched(images):
        """Note the column at which the window begins, in steps of 4 pixels."""
        left.append(int(images[0, 0, 0, 0]))
        return preprocess(images)

    def answer(frame, number):
        network.own = moved if frame == FIRST and not network.back else still
        return script(frame, number)

    network.preprocess, network.answer = watched, answer
    network.leads_back = range(0 if refuted else LAST)
    tracker = Tracker(network, replace(SETTINGS, closer_look=True))
    tracker.add_prompt(Frame(image, 0), Prompt(mask=mask))
    for number in range(1, FIRST + 2):
        tracker.step(Frame(image, number * SETTINGS.frame_period))
        tracker.verify()
    assert network.verified == [FIRST]
    before, after = left[-2:]
    assert before > 0
    assert (abs(after - before) < 2) == refuted


def test_an_object_is_found_again_by_a_mask_that_leads_back_to_it(network):
    network.leads_back = range(14, 25)
    states = tracked(Tracker(network, SETTINGS), 25)
    first = next(number for number in network.verified if number >= 14)
    assert occluded(states) == list(range(FIRST + 1, first + 1))
    mask, logit = network.remembered[first, 1]
    assert (mask > 0.5).any()
    assert logit > 0
    assert network.present[first, 1]


@pytest.mark.parametrize('rule', ['samurai', 'dam'])
def test_the_mask_by_which_an_object_is_found_again_is_read_on_the_next_frame(network, rule):
    network.leads_back = range(14, 25)
    tracked(Tracker(network, replace(SETTINGS, memory_rule=rule)), 25)
    first = next(number for number in network.verified if number >= 14)
    assert network.readings[first + 1, 1].frames[-1] == first


@pytest.mark.parametrize('memory_growth', [1.15, math.inf])
def test_a_mask_that_has_spread_is_not_remembered_though_the_object_is_found_again_by_it(
    network, disc, memory_growth
):
    network.leads_back = range(14, 25)
    answer, spread = network.answer, disc(SIZE // 4, 5, 5, 3.8)

    def spreading(frame, number):
        masks, *scores = answer(frame, number)
        return (torch.stack([spread] * 3) if frame in network.leads_back else masks), *scores

    network.answer = spreading
    tracked(Tracker(network, replace(SETTINGS, memory_growth=memory_growth)), 25)
    first = next(number for number in network.verified if number >= 14)
    assert network.present[first, 1]
    assert (first in network.readings[first + 4, 1].frames) == math.isinf(memory_growth)


def test_a_mask_is_verified_once_in_a_few_frames(network):
    network.half = range(FIRST, 60)
    tracked(Tracker(network, SETTINGS), 60)
    assert network.verified == list(range(FIRST, 60, PERIOD))


def test_a_verification_that_fails_is_not_tried_again_before_its_time(network, monkeypatch):
    network.half = range(FIRST, 60)
    attempts = []

    def failing(*_arguments):
        attempts.append(network.frame)
        raise RuntimeError('out of memory')

    monkeypatch.setattr('sam_tracker.tracking.inference.Inference.track_alone', failing)
    tracker = Tracker(network, SETTINGS)
    tracked(tracker, FIRST, verifying=False)
    for number in range(FIRST, 60):
        tracker.step(Frame(IMAGE, number * SETTINGS.frame_period))
        with pytest.raises(RuntimeError) if tracker.doubtful else nullcontext():
            tracker.verify()
    assert attempts == list(range(FIRST, 60, PERIOD))


def test_a_mask_that_leads_back_well_takes_the_place_of_the_certain_one(network):
    network.half = network.leads_back = range(FIRST, 60)
    certain = []
    decode = network.decode

    def watched(features, *arguments, **options):
        if features.high_resolution[0] < network.frame:
            certain.append(int(features.high_resolution[0]))
        return decode(features, *arguments, **options)

    network.decode = watched
    tracked(Tracker(network, SETTINGS), 20)
    assert certain == [FIRST - 1, *range(FIRST, 20 - PERIOD, PERIOD)]


def test_without_verification_half_a_likeness_is_enough(network):
    assert occluded(tracked(Tracker(network, SETTINGS), 25, verifying=False)) == []
    assert network.verified == []


@pytest.mark.parametrize('missing', ['familiarity', 'certain_familiarity'])
def test_nothing_is_verified_for_a_network_of_unknown_familiarity(network, missing):
    tracker = Tracker(network, replace(SETTINGS, **{missing: None}))
    assert occluded(tracked(tracker, 25)) == []
    assert network.verified == []


def test_a_distrusted_object_is_tracked_again_when_verification_is_switched_off(network):
    tracker = Tracker(network, SETTINGS)
    states = tracked(tracker, FIRST + 2)
    assert states[FIRST + 1] is TrackState.OCCLUDED
    tracker.change(replace(SETTINGS, familiarity=-1.0, certain_familiarity=None))
    (track,) = tracker.step(Frame(IMAGE, (FIRST + 2) * SETTINGS.frame_period))
    assert track.state is TrackState.TRACKED


def test_an_object_that_is_distrusted_is_not_compared_less_strictly_than_others(network):
    tracker = Tracker(network, SETTINGS)
    tracked(tracker, FIRST + 2)
    tracker.change(replace(SETTINGS, familiarity=0.8, certain_familiarity=0.5))
    (track,) = tracker.step(Frame(IMAGE, (FIRST + 2) * SETTINGS.frame_period))
    assert track.state is TrackState.OCCLUDED


def test_doubts_end_with_a_prompt_a_removal_and_a_clock_that_restarts(network):
    def doubting():
        network.frame = -1
        tracker = Tracker(network, replace(SETTINGS, cumulative_prompts=False))
        tracked(tracker, FIRST + 1, verifying=False)
        assert tracker.doubtful
        return tracker

    tracker = doubting()
    stamp = FIRST * SETTINGS.frame_period
    tracker.add_prompt(Frame(IMAGE, stamp), Prompt(box=[8, 8, 32, 32]), object_id=1)
    assert not tracker.doubtful
    tracker = doubting()
    tracker.remove(1)
    assert not tracker.doubtful
    tracker = doubting()
    tracker.restart_clock()
    assert not tracker.doubtful
    tracker.verify()
    assert network.verified == []


def test_a_bounded_number_of_encodings_is_kept_however_many_objects_turn(network):
    side, count = SIZE // 4, 2 * MOST_ENCODINGS
    blocks = [np.s_[row : row + 3, column : column + 3] for row in range(0, 16, 4)
              for column in range(0, 16, 4)]  # fmt: skip
    shape = (1, 7, side, side)

    def encode_image(_images):
        """Show each object in its own colour up to the frame that has its number."""
        network.frame += 1
        shown = torch.zeros(shape)
        shown[:, 0] = 1
        for number, block in enumerate(blocks, 1):
            shown[0, 1][block] = float(number < network.frame)
        return ImageFeatures(shown, (torch.tensor([[network.frame]]),))

    def answer(_frame, number):
        logits = torch.full((3, side, side), -8.0)
        for each in logits:
            each[blocks[number - 1]] = 8.0
        return logits, torch.tensor([0.9, 0.8, 0.7]), 6.0

    network.encode_image, network.answer = encode_image, answer
    tracker = Tracker(network, replace(SETTINGS, exclusive=False))
    for _ in range(count):
        tracker.add_prompt(Frame(IMAGE, 0), Prompt(box=[8, 8, 32, 32]))
    for number in range(1, count + 2):
        tracker.step(Frame(IMAGE, number * SETTINGS.frame_period))
    assert tracker.doubtful
    gc.collect()
    sightings = [each for each in gc.get_objects() if type(each) is Sighting]
    assert sightings
    for each in (tensor for seen in sightings for tensor in (seen.mask.logits, seen.token)):
        assert each.untyped_storage().nbytes() == each.nbytes, 'a view of all objects'
    encodings = {
        each.data_ptr()
        for each in gc.get_objects()
        if type(each) is torch.Tensor and each.shape == shape
    }
    assert MOST_ENCODINGS <= len(encodings) <= MOST_ENCODINGS + 1
