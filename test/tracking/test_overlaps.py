# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import torch

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.api import MaskCandidates
from sam_tracker.networks.mask_images import resized_part
from sam_tracker.tracking.candidates import measure
from sam_tracker.tracking.decoded_mask import DecodedMask, without_lost_pixels
from sam_tracker.tracking.overlaps import Claim, resolve_overlaps, support

SHARE = 0.8


def test_the_better_supported_of_two_equal_masks_keeps_it():
    claims = [Claim(1, 0.4, ()), Claim(2, 0.9, ())]
    resolution = resolve_overlaps(claims, np.full((2, 2), 50.0), SHARE)
    assert resolution.losses == [(0, [1])]
    assert resolution.duplicate_of == [2, 0]


def test_of_equal_support_the_older_object_keeps_its_pixels():
    claims = [Claim(7, 0.5, ()), Claim(3, 0.5, ())]
    assert resolve_overlaps(claims, np.full((2, 2), 50.0), SHARE).duplicate_of == [3, 0]


def test_a_mask_that_is_only_touched_is_no_duplicate():
    claims = [Claim(1, 0.4, ()), Claim(2, 0.9, ())]
    resolution = resolve_overlaps(claims, np.array([[100.0, 79], [79, 100]]), SHARE)
    assert resolution.losses == [(0, [1])]
    assert resolution.duplicate_of == [0, 0]


def test_objects_apart_lose_nothing():
    claims = [Claim(1, 0.4, ()), Claim(2, 0.9, ())]
    resolution = resolve_overlaps(claims, np.diag([100.0, 100]), SHARE)
    assert resolution.losses == [] and resolution.duplicate_of == [0, 0]


def test_objects_that_may_share_do():
    claims = [Claim(1, 0.4, {2}), Claim(2, 0.9, {1}), Claim(3, 0.1, ())]
    resolution = resolve_overlaps(claims, np.full((3, 3), 50.0), SHARE)
    assert resolution.losses == [(2, [1, 0])]
    assert resolution.duplicate_of == [0, 0, 2]


def test_a_duplicate_takes_nothing_from_others():
    claims = [Claim(1, 0.9, ()), Claim(2, 0.5, ()), Claim(3, 0.1, ())]
    intersections = np.array([[50.0, 50, 0], [50, 50, 20], [0, 20, 60]])
    resolution = resolve_overlaps(claims, intersections, SHARE)
    assert resolution.duplicate_of == [0, 1, 0]
    assert resolution.losses == [(1, [0])]


def test_a_trusted_motion_supports_more_than_a_slightly_better_mask():
    assert support(0.7, 0.8) > support(0.95, None) > support(0.95, 0.0) - 1e-9


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(2, 5),
    width=st.integers(5, 60),
    height=st.integers(5, 60),
)
def test_afterwards_no_pixel_is_claimed_twice_at_any_resolution(seed, count, width, height):
    random = torch.Generator().manual_seed(seed)
    # Smooth enough to have areas, rough enough to meet everywhere.
    coarse = torch.randn((count, 1, 5, 5), generator=random)
    logits = torch.nn.functional.interpolate(coarse, size=(12, 12), mode='bilinear')[:, 0]
    zeros = torch.zeros(count)
    candidates = MaskCandidates(logits[:, None], zeros[:, None], zeros[:, None, None], zeros)
    _, measured = measure(candidates, -1.0, 48, batch=4, intersecting=True)
    supports = torch.rand(count, generator=random).tolist()
    claims = [Claim(index + 1, value, ()) for index, value in enumerate(supports)]
    whole, scale = Region(0, 0, width, height), ImageScale(width, height, 48)
    masks = [DecodedMask(mask, scale) for mask in logits]
    kept = without_lost_pixels(masks, resolve_overlaps(claims, measured.intersections, SHARE))

    before = torch.stack([resized_part(mask, whole, scale) for mask in logits]) > 0
    after = torch.stack([resized_part(mask, whole, scale) for mask in kept]) > 0
    assert after.sum(0).max() <= 1
    best = int(np.argmax(supports))
    assert torch.equal(after[best], before[best])
    assert not (after & ~before).any()
