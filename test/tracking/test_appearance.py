# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""An object is not taken for what passes in front of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import ImageFeatures
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.appearance import appearances, familiarity
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.video.generated import generate_clip

SIZE = 128
SETTINGS = TrackerSettings(familiarity=0.5, closer_look=False)
IMAGE = np.zeros((80, 80, 3), np.uint8)
OWN, COVER = torch.tensor([1.0, 0.2, 0.0]), torch.tensor([0.0, 0.2, 1.0])
COVERED = range(10, 15)


def features(embedding, *levels):
    return ImageFeatures(embedding, levels)


def test_an_appearance_is_the_mean_over_the_mask():
    random = torch.Generator().manual_seed(0)
    embedding = torch.randn((1, 5, 8, 8), generator=random)
    logits = torch.randn((2, 3, 32, 32), generator=random)
    found = appearances(features(embedding), logits)
    assert found.shape == (2, 3, 5)
    # Every pixel of the mask shows the cell of the embedding that it lies in.
    shown = embedding[0].repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
    expected = shown[:, logits[1, 2] > 0].mean(dim=1)
    torch.testing.assert_close(found[1, 2], expected)


def test_objects_of_different_windows_have_their_own_embeddings():
    embedding = torch.stack([torch.full((4, 8, 8), 1.0), torch.full((4, 8, 8), 3.0)])
    found = appearances(features(embedding), torch.ones((2, 1, 16, 16)))
    assert found[:, 0, 0].tolist() == [1, 3]


def test_an_empty_mask_has_no_appearance():
    found = appearances(features(torch.ones((1, 4, 8, 8))), -torch.ones((1, 1, 16, 16)))
    assert not found.any()


def test_familiarity_is_that_of_the_most_similar_known_appearance():
    one, other = np.array([1.0, 0.0]), np.array([0.0, 2.0])
    between = np.array([3.0, 4.0])
    assert familiarity(between, [one, other]) == pytest.approx(0.8)
    assert familiarity(-one, [one]) == pytest.approx(-1)
    assert familiarity(one, [np.zeros(2)]) == 1
    assert familiarity(one, []) == 1


@pytest.fixture
def network(scripted, disc):
    """One object at rest, which something of another look covers for a while."""

    class Coloured(scripted):
        def encode_image(self, images):
            super().encode_image(images)
            shown = COVER if self.frame in COVERED else OWN
            return features(shown[None, :, None, None].expand(1, 3, 8, 8))

        def attend_to_memory(self, embedding, memory):
            return super().attend_to_memory(embedding[:, :1, :1, :1], memory)

        def without_memory(self, embedding):
            return torch.zeros((1, 1, 1, 1))

    own, sure = disc(SIZE // 4, 16, 16, 6), torch.tensor([0.9, 0.8, 0.7])
    return Coloured(SIZE, lambda frame, number: (torch.stack([own] * 3), sure, 6.0))


def tracks(tracker, last):
    """Track an object that is prompted on frame 0; return its track on every later frame."""
    tracker.add_prompt(Frame(IMAGE, 0), Prompt(box=[20, 20, 60, 60]))
    period = tracker.settings.frame_period
    return {number: tracker.step(Frame(IMAGE, number * period))[0] for number in range(1, last)}


def test_an_object_is_occluded_while_its_mask_shows_something_else(network):
    found = tracks(Tracker(network, SETTINGS), 20)
    occluded = {number for number, each in found.items() if each.state is TrackState.OCCLUDED}
    assert occluded == set(COVERED)
    for number in COVERED:
        assert found[number].box is None
        assert found[number].confidence == 0
        assert found[number].predicted_box is not None
        # The object score stays what the network says.
        assert found[number].object_score == 6


def test_what_covers_an_object_does_not_enter_its_memory(network):
    tracks(Tracker(network, SETTINGS), 20)
    for number in COVERED:
        mask, logit = network.remembered[number, 1]
        assert (mask < 0.5).all()
        assert logit < 0
        assert not network.present[number, 1]
    # It is read once as the last frame, and good ones before it.
    assert network.readings[14, 1].frames == [0, 5, 6, 7, 8, 9, 13]
    assert network.readings[17, 1].frames == [0, 6, 7, 8, 9, 15, 16]


def test_without_a_threshold_the_network_decides_alone(network):
    found = tracks(Tracker(network, replace(SETTINGS, familiarity=None)), 20)
    assert {each.state for each in found.values()} == {TrackState.TRACKED}


def test_a_correction_adds_what_the_object_looks_like_now(network):
    tracker = Tracker(network, replace(SETTINGS, cumulative_prompts=False))
    tracks(tracker, 11)
    tracker.add_prompt(
        Frame(IMAGE, 10 * SETTINGS.frame_period), Prompt(box=[20, 20, 60, 60]), object_id=1
    )
    for number in range(11, 18):
        (track,) = tracker.step(Frame(IMAGE, number * SETTINGS.frame_period))
        assert track.state is TrackState.TRACKED


def test_a_mask_that_is_given_up_claims_no_pixels(scripted, disc):
    shapes = {1: disc(SIZE // 4, 8, 16, 6), 2: disc(SIZE // 4, 24, 16, 6)}

    class Coloured(scripted):
        def encode_image(self, images):
            super().encode_image(images)
            embedding = torch.zeros((1, 3, 8, 8))
            embedding[..., :4] = OWN[:, None, None]
            embedding[..., 4:] = COVER[:, None, None]
            return features(embedding)

        def attend_to_memory(self, embedding, memory):
            return super().attend_to_memory(embedding[:, :1, :1, :1], memory)

        def without_memory(self, embedding):
            return torch.zeros((1, 1, 1, 1))

    def script(frame, number):
        # The first object jumps onto the second, with the better predicted IoU.
        mask = shapes[2] if frame >= 5 else shapes[number]
        return torch.stack([mask] * 3), torch.tensor([0.9, 0.8, 0.7]) - 0.01 * number, 6.0

    tracker = Tracker(Coloured(SIZE, script), SETTINGS)
    for box in ([5, 25, 35, 55], [45, 25, 75, 55]):
        tracker.add_prompt(Frame(IMAGE, 0), Prompt(box=box))
    for number in range(1, 9):
        found = tracker.step(Frame(IMAGE, number * SETTINGS.frame_period))
    assert [each.state for each in found] == [TrackState.OCCLUDED, TrackState.TRACKED]
    assert [each.duplicate_of for each in found] == [0, 0]


def test_the_bundled_network_tells_an_object_from_what_covers_it():
    clip = generate_clip(10004, 60, 192, 'medium', held_out=True, scenario='occlusion')
    covered = np.flatnonzero(~clip.visible[:, 0])
    assert len(covered)
    network, found = load_network('nano'), {}
    for mode in ('samurai', 'sam_tracker'):
        tracker = Tracker(network, TrackerSettings.for_network(network.suited_settings, mode))
        tracker.add_prompt(Frame(clip.frames[0], 0), Prompt(box=clip.boxes[0, 0]))
        found[mode] = [
            tracker.step(Frame(clip.frames[number], number * SETTINGS.frame_period))[0].state
            for number in range(1, 45)
        ]
    # Frame 1 is the first of the lists.
    assert {found['samurai'][number - 1] for number in covered} == {TrackState.TRACKED}
    assert {found['sam_tracker'][number - 1] for number in covered} == {TrackState.OCCLUDED}
    assert found['sam_tracker'][-1] is TrackState.TRACKED
