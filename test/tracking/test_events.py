# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Events: what happens to objects from one frame to the next."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.tracking.events import Change, events_between
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracker import Tracker

SIZE, SIDE = 128, 32
SEEN = {0, 1, 7, 8}
"""Frames on which the object is in the image."""


def test_an_object_that_leaves_and_returns_is_started_lost_found_and_ended_once(scripted, disc):
    def script(frame, _):
        logits = disc(SIDE, 16, 16, 6)
        return torch.stack([logits] * 3), torch.full((3,), 0.9), 6.0 if frame in SEEN else -9.0

    period = 1_000_000_000
    settings = TrackerSettings(
        lost_after=3 * period, forget_after=5 * period, frame_period=period, closer_look=False
    )
    tracker = Tracker(scripted(SIZE, script), settings)
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    happened, before = [], []
    for number in range(20):
        frame = Frame(image, number * period)
        if number == 0:
            tracker.add_prompt(frame, Prompt(box=[40, 40, 90, 90]))
        tracks = tracker.step(frame)
        happened += [(number, event.change) for event in events_between(before, tracks)]
        before = tracks
    assert happened == [
        (0, Change.STARTED),
        (5, Change.LOST),
        (7, Change.FOUND),
        (12, Change.LOST),
        (14, Change.ENDED),
    ]


states = st.sampled_from([state for state in TrackState if state is not TrackState.FORGOTTEN])
objects = st.dictionaries(st.integers(1, 4), states)


@given(st.lists(objects, min_size=1, max_size=12))
def test_whoever_hears_all_events_knows_which_objects_there_are_and_which_are_lost(frames):
    known: dict[int, bool] = {}
    before: list = []
    for frame in frames:
        # An object that was lost is not occluded before it was seen again.
        lost = {each.object_id for each in before if each.state is TrackState.LOST}
        hidden = {key for key, state in frame.items() if state is TrackState.OCCLUDED}
        frame |= dict.fromkeys(lost & hidden, TrackState.LOST)
        after = [SimpleNamespace(object_id=key, state=frame[key]) for key in sorted(frame)]
        for event in events_between(before, after):
            number = event.track.object_id
            if event.change is Change.STARTED:
                assert number not in known
                known[number] = False
            elif event.change is Change.ENDED:
                del known[number]
            else:
                assert known[number] is (event.change is Change.FOUND)
                known[number] = event.change is Change.LOST
        before = after
        assert set(known) == set(frame)
        assert known == {key: state is TrackState.LOST for key, state in frame.items()}
