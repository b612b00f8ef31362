# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Objects keep their place in the image, whatever part of it they are decoded from.

The network here finds an object by its colour, and so really looks at the pixels it is given.
"""

from dataclasses import replace
import gc

import numpy as np
import pytest
import torch
from torch import nn

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.evaluation.readers.generated_clips import prompt_from_mask
from sam_tracker.networks.api import ImageFeatures, MaskCandidates, MemoryLayout, SuitedSettings
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.closer_look.focus import MOST_MISSES
from sam_tracker.tracking.doubts import MOST_ENCODINGS
from sam_tracker.tracking.inference import Inference
from sam_tracker.tracking.motion.mask_selector import MaskSelector
from sam_tracker.tracking.prompting import Prompting
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.sighting import Sighting
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracked_object import TrackedObject
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.tracking.view_encoder import MOST_VIEWS, ViewEncoder
from sam_tracker.video.generated import generate_clip

SIDE, WIDTH, HEIGHT = 128, 640, 480
CELLS = SIDE // 4
PERIOD = TrackerSettings().frame_period
RED, GREEN = (250, 20, 20), (20, 250, 20)
SETTINGS = TrackerSettings(closer_look=True)


class ColourNetwork(nn.Module):
    """Remembers the colour of an object and finds it again; sizes as in ``networks.api``."""

    device = torch.device('cpu')
    image_size = SIDE
    suited_settings = SuitedSettings()
    memory_layout = MemoryLayout(tokens=1, channels=3, pointer_channels=3)

    def __init__(self):
        super().__init__()
        self.encoded = []
        """Number of images of each call of ``encode_image``."""

    def scale(self, width, height):
        return ImageScale(width, height, SIDE)

    def preprocess(self, images):
        small = nn.functional.interpolate(
            images.permute(0, 3, 1, 2).float(), (SIDE, SIDE), mode='area'
        )
        return small / 255

    def encode_image(self, images):
        self.encoded.append(len(images))
        return ImageFeatures(nn.functional.avg_pool2d(images, 4), (images,))

    def without_memory(self, embedding):
        return embedding * 0

    def attend_to_memory(self, embedding, memory):
        # The pointer of the prompted frame is the colour of the object.
        return memory.pointers[:, 0, :, None, None].float().expand(-1, -1, CELLS, CELLS)

    def encode_prompts(self, points, labels, mask_logits=None):
        return points, mask_logits

    def encode_mask_prompt(self, mask):
        return mask[..., ::4, ::4]

    def decode(self, features, conditioned, prompts, several):
        points, mask = prompts
        pixels = features.high_resolution[0]
        colour = conditioned[:, :, 0, 0]
        if points.shape[1]:
            x, y = points.mean(1)[0].round().long().clamp(0, SIDE - 1).tolist()
            colour = pixels[:, :, y, x]
        elif mask is not None:
            inside = mask * torch.ones_like(features.embedding)
            colour = (inside * features.embedding).sum((2, 3)) / inside.sum((2, 3))
        distance = (pixels - colour[:, :, None, None]).abs().amax(1)
        alike = (distance < 0.25).float()[:, None]
        logits = (nn.functional.interpolate(alike, (CELLS, CELLS), mode='area') - 0.3) * 20
        there = logits.flatten(1).amax(1)
        count = 3 if several else 1
        return MaskCandidates(
            logits.expand(-1, count, -1, -1),
            torch.tensor([0.9, 0.8, 0.7])[:count].expand(len(logits), -1),
            colour[:, None].expand(-1, count, -1),
            there,
        )

    def object_pointer(self, token, present):
        return token

    def encode_memory(self, embedding, mask, object_logit):
        assert len(embedding) in (1, len(mask))
        return torch.zeros(len(mask), 1, 3)


def picture(*things):
    """Draw squares (x, y, side, colour), given by their centres, on grey."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for x, y, side, colour in things:
        image[y - side // 2 : y + side // 2, x - side // 2 : x + side // 2] = colour
    return image


def square(x, y, side):
    return np.array([x - side // 2, y - side // 2, x + side // 2, y + side // 2], float)


@pytest.fixture
def network():
    return ColourNetwork()


def errors(track, expected):
    return np.abs(track.box - expected).max()


def test_a_small_object_is_measured_more_finely_and_in_image_pixels(network):
    found, first = {}, Frame(picture((300, 200, 30, RED)), 0)
    for closer in (False, True):
        tracker = Tracker(network, replace(SETTINGS, closer_look=closer))
        tracker.add_prompt(first, Prompt(box=square(300, 200, 30)))
        for number in range(1, 30):
            x, y = 300 + 5 * number, 200 + 3 * number
            (track,) = tracker.step(Frame(picture((x, y, 30, RED)), number * PERIOD))
            assert track.state is TrackState.TRACKED
            found.setdefault(closer, []).append(errors(track, square(x, y, 30)))
    assert max(found[True]) < 4
    assert np.mean(found[True]) < np.mean(found[False]) / 2


@pytest.mark.parametrize('pause', [900, 86400, 2**31 - 2])
def test_an_object_is_tracked_on_after_any_pause_or_jump_of_the_clock(network, pause):
    tracker = Tracker(network, SETTINGS)
    tracker.add_prompt(Frame(picture((300, 200, 40, RED)), 0), Prompt(box=square(300, 200, 40)))
    stamps = [PERIOD, 2 * PERIOD, pause * SECOND, pause * SECOND + PERIOD]
    for x, stamp in enumerate(stamps, 300):
        (track,) = tracker.step(Frame(picture((x, 200, 40, RED)), stamp))
        assert track.state is TrackState.TRACKED
        # Right after the pause it is measured on the whole image.
        assert errors(track, square(x, 200, 40)) < 8


def test_a_part_apart_from_the_object_is_dropped_in_a_window_too(network):
    tracker = Tracker(network, SETTINGS)
    tracker.add_prompt(Frame(picture((300, 200, 40, RED)), 0), Prompt(box=square(300, 200, 40)))
    for number in range(1, 6):
        things = [(300, 200, 40, RED)]
        if number >= 3:
            things.append((360, 250, 16, RED))
        (track,) = tracker.step(Frame(picture(*things), number * PERIOD))
        region = track.decoded_mask.scale.region
        assert region.width < WIDTH
        assert region.x + region.width > 368, 'the part is in the window'
        assert errors(track, square(300, 200, 40)) < 4


def test_the_mask_at_image_size_lies_where_the_object_is(network):
    tracker = Tracker(network, SETTINGS)
    tracker.add_prompt(Frame(picture((500, 400, 40, RED)), 0), Prompt(box=square(500, 400, 40)))
    (track,) = tracker.step(Frame(picture((504, 404, 40, RED)), PERIOD))
    truth = np.zeros((HEIGHT, WIDTH), bool)
    truth[384:424, 484:524] = True
    assert (track.mask & truth).sum() / (track.mask | truth).sum() > 0.85


def test_the_encoding_of_a_window_does_not_keep_those_of_the_others(network):
    frame = CachedFrame(0, network.scale(WIDTH, HEIGHT))
    views = [Region(0, 0, 128, 128), Region(200, 100, 128, 128), Region(400, 200, 128, 128)]
    together = ViewEncoder(network).encode(frame, picture(), views)
    assert network.encoded == [3]
    for index, view in enumerate(views):
        kept = frame.features[view]
        for each, whole in zip(
            (kept.embedding, *kept.high_resolution),
            (together.embedding, *together.high_resolution),
            strict=True,
        ):
            assert each.untyped_storage().nbytes() == each.nbytes
            assert torch.equal(each[0], whole[index])


def test_windows_of_several_objects_are_encoded_in_one_batch(network):
    tracker = Tracker(network, SETTINGS)
    image = picture((100, 100, 30, RED), (500, 400, 30, GREEN))
    tracker.add_prompt(Frame(image, 0), Prompt(box=square(100, 100, 30)))
    tracker.add_prompt(Frame(image, 0), Prompt(box=square(500, 400, 30)))
    network.encoded.clear()
    tracks = tracker.step(Frame(image, PERIOD))
    assert network.encoded == [2]
    assert errors(tracks[0], square(100, 100, 30)) < 4
    assert errors(tracks[1], square(500, 400, 30)) < 4


def test_as_many_objects_as_are_bounded_stay_verifiable_when_more_have_windows(network):
    settings = replace(SETTINGS, familiarity=0.0, certain_familiarity=0.5)
    tracker = Tracker(network, settings)
    places = [(x, y) for y in (100, 240, 380) for x in (80, 240, 400, 560)]
    colours = [(r, g, b) for r in (0, 120, 250) for g in (0, 250) for b in (0, 250)]
    things = [(x, y, 30, colour) for (x, y), colour in zip(places, colours, strict=True)]
    image = picture(*things)
    for x, y, side, _ in things:
        tracker.add_prompt(Frame(image, 0), Prompt(box=square(x, y, side)))
    for number in range(1, 4):
        tracks = tracker.step(Frame(image, number * PERIOD))
        assert len({track.decoded_mask.scale.region for track in tracks}) == len(things)
        gc.collect()
        kept = [each.stamp for each in gc.get_objects() if type(each) is Sighting]
        assert kept == MOST_ENCODINGS * [number * PERIOD]


def test_eight_small_objects_are_measured_as_finely_as_one(network):
    tracker = Tracker(network, SETTINGS)
    colours = [(r, g, b) for r in (20, 250) for g in (20, 250) for b in (20, 250)]
    colours[0] = (250, 250, 130)
    places = [(x, y) for y in (120, 360) for x in (80, 240, 400, 560)]
    things = [(x, y, 30, colour) for (x, y), colour in zip(places, colours, strict=True)]
    for thing in things:
        tracker.add_prompt(Frame(picture(*things), 0), Prompt(box=square(*thing[:3])))
    for number in range(1, 5):
        moved = [(x + 3 * number, y, side, colour) for x, y, side, colour in things]
        tracks = tracker.step(Frame(picture(*moved), number * PERIOD))
        for track, thing in zip(tracks, moved, strict=True):
            assert errors(track, square(*thing[:3])) < 4


def test_an_object_that_went_far_away_unseen_is_found_in_the_whole_image(network):
    tracker = Tracker(network, SETTINGS)
    tracker.add_prompt(Frame(picture((100, 100, 30, RED)), 0), Prompt(box=square(100, 100, 30)))
    for number in range(1, MOST_MISSES + 1):
        (track,) = tracker.step(Frame(picture(), number * PERIOD))
        assert track.state is not TrackState.TRACKED
    image = picture((550, 420, 30, RED))
    (track,) = tracker.step(Frame(image, (MOST_MISSES + 1) * PERIOD))
    assert track.state is TrackState.TRACKED
    assert errors(track, square(550, 420, 30)) < 16


def test_a_click_on_a_small_object_is_answered_from_a_closer_view(network):
    tracker = Tracker(network, SETTINGS)
    click = Prompt(points=[(300, 200)], labels=[1])
    track = tracker.add_prompt(Frame(picture((300, 200, 34, RED)), 0), click)
    assert errors(track, square(300, 200, 34)) < 3
    # The whole image finds it, a window shows its size, a narrower one its outline.
    assert network.encoded == [1, 1, 1]


def test_a_box_is_decoded_closely_and_its_object_followed_in_the_whole_image(network):
    tracker = Tracker(network, SETTINGS)
    box = square(300, 200, 120)
    tracker.add_prompt(Frame(picture((300, 200, 120, RED)), 0), Prompt(box=box))
    assert network.encoded == [1, 1]
    network.encoded.clear()
    (track,) = tracker.step(Frame(picture((310, 206, 120, RED)), PERIOD))
    assert network.encoded == [1]
    assert errors(track, square(310, 206, 120)) < WIDTH / CELLS


@pytest.mark.parametrize('side', [20, 120])
def test_prompts_on_one_frame_keep_few_encodings(network, side):
    inference = Inference(network, SETTINGS, None)
    prompting = Prompting(inference, SETTINGS)
    frame = Frame(picture((320, 240, 120, RED)), 0)
    cached = CachedFrame(0, network.scale(WIDTH, HEIGHT))
    for step in range(3 * MOST_VIEWS):
        prompt = Prompt(box=square(280 + 3 * step, 240, side))
        row, selector = inference.store.add(), MaskSelector(SETTINGS)
        held = TrackedObject(1, '', row, selector, 0, (WIDTH, HEIGHT))
        prompting.apply(held, frame, cached, prompt)
        inference.store.remove(row)
    assert len(cached.features) <= MOST_VIEWS + 1


def test_what_corrects_a_box_is_decoded_in_two_windows(network):
    tracker = Tracker(network, SETTINGS)
    frame = Frame(picture((300, 200, 120, RED)), 0)
    tracker.add_prompt(frame, Prompt(box=square(300, 200, 120)))
    network.encoded.clear()
    click = Prompt(points=[(310, 210)], labels=[1])
    track = tracker.add_prompt(frame, click, object_id=1)
    # That of the whole image is at hand.
    assert network.encoded == [1, 1]
    assert errors(track, square(300, 200, 120)) < WIDTH / CELLS


class WaveringNetwork(ColourNetwork):
    """Of its answers that correct a mask, every other one is the opposite, with less certainty."""

    corrections = 0

    def decode(self, features, conditioned, prompts, several):
        found = super().decode(features, conditioned, prompts, several)
        points, mask = prompts
        if points.shape[1] and mask is not None:
            assert several, 'a correction needs a choice of masks'
            self.corrections += 1
            if self.corrections % 2:
                return replace(found, mask_logits=found.mask_logits / -2)
        return found


@pytest.mark.parametrize('first', [Prompt(box=square(300, 200, 120)), Prompt([(300, 200)], [1])])
def test_a_correction_is_the_mean_of_what_two_windows_show(first):
    network = WaveringNetwork()
    tracker = Tracker(network, SETTINGS)
    frame = Frame(picture((300, 200, 120, RED)), 0)
    tracker.add_prompt(frame, first)
    network.corrections = 0
    click = Prompt([(310, 210)], [1])
    track = tracker.add_prompt(frame, click, object_id=1)
    assert network.corrections == 2
    assert errors(track, square(300, 200, 120)) < WIDTH / CELLS


def test_a_correction_on_a_tracked_frame_is_decoded_at_the_scale_of_the_memories(network):
    tracker = Tracker(network, SETTINGS)
    frame = Frame(picture((300, 200, 120, RED)), 0)
    tracker.add_prompt(frame, Prompt(box=square(300, 200, 120)))
    later = Frame(frame.pixels, PERIOD)
    tracker.step(later)
    network.encoded.clear()
    tracker.add_prompt(later, Prompt([(310, 210)], [1]), object_id=1)
    # The whole image is at hand; one window outlines the answer.
    assert network.encoded == [1]


class HollowNetwork(ColourNetwork):
    """Its best candidate for a prompt leaves out the middle of the frame."""

    def decode(self, features, conditioned, prompts, several):
        found = super().decode(features, conditioned, prompts, several)
        if several and prompts[0].shape[1]:
            logits = found.mask_logits.clone()
            middle = slice(CELLS // 2 - 3, CELLS // 2 + 3)
            logits[:, 0, middle, middle] = -10
            found = replace(found, mask_logits=logits)
        return found


def test_a_click_that_a_closer_look_would_leave_out_is_answered_by_what_follows_it():
    tracker = Tracker(HollowNetwork(), SETTINGS)
    frame = Frame(picture((320, 240, 260, RED)), 0)
    tracker.add_prompt(frame, Prompt(box=square(320, 240, 260)))
    later = Frame(frame.pixels, PERIOD)
    tracker.step(later)
    track = tracker.add_prompt(later, Prompt(points=[(320, 240)], labels=[1]), object_id=1)
    assert track.mask[240, 320]


def test_the_motion_of_an_object_starts_with_the_click_on_it(network):
    inference = Inference(network, SETTINGS, None)
    row, selector = inference.store.add(), MaskSelector(SETTINGS)
    held = TrackedObject(1, '', row, selector, 0, (WIDTH, HEIGHT))
    cached = CachedFrame(0, network.scale(WIDTH, HEIGHT))
    click = Prompt(points=[(300, 200)], labels=[1])
    frame = Frame(picture((300, 200, 120, RED)), 0)
    prompted = Prompting(inference, SETTINGS).apply(held, frame, cached, click)
    assert network.encoded == [1, 1]
    assert prompted.selector.motion is not None


def test_a_box_that_fills_the_image_needs_no_closer_look(network):
    tracker = Tracker(network, SETTINGS)
    frame = Frame(picture((320, 240, 400, RED)), 0)
    tracker.add_prompt(frame, Prompt(box=square(320, 240, 400)))
    assert network.encoded == [1]


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['box', 'point'])
def test_a_closer_look_outlines_a_prompted_object_better(kind):
    network = load_network('mobile')
    overlaps = {False: [], True: []}
    for seed in range(8):
        clip = generate_clip(seed, 1, 320, 'medium', held_out=True)
        truth = clip.masks[0] == 1
        frame = Frame(clip.frames[0], 0)
        prompt = prompt_from_mask(truth, kind)
        for closer, found in overlaps.items():
            tracker = Tracker(network, replace(SETTINGS, closer_look=closer))
            tracker.add_prompt(frame, prompt)
            (track,) = tracker.step(frame)
            found.append((track.mask & truth).sum() / (track.mask | truth).sum())
    assert np.mean(overlaps[True]) > np.mean(overlaps[False])


def test_two_objects_that_claim_the_same_pixels_are_told_apart_across_windows(network):
    tracker = Tracker(network, SETTINGS)
    image = picture((200, 200, 30, RED), (420, 200, 60, RED))
    tracker.add_prompt(Frame(image, 0), Prompt(box=square(200, 200, 30)))
    tracker.add_prompt(Frame(image, 0), Prompt(box=square(420, 200, 60)))
    for number in range(1, 12):
        x = 200 + 20 * number
        image = picture((420, 200, 60, RED), (min(x, 420), 200, 30, RED))
        tracks = tracker.step(Frame(image, number * PERIOD))
    masks = [track.mask for track in tracks]
    both = (masks[0] & masks[1]).sum()
    assert both <= 0.1 * max(masks[0].sum(), masks[1].sum())
