# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The mask of a prompt follows the object on the frames beside it, and fades out."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from sam_tracker.core.run_length import run_lengths
from sam_tracker.labelling.carried_mask import REACH, CarriedMask
from sam_tracker.labelling.labelled_track import LabelledTrack
from sam_tracker.tracking.track import TrackState

HEIGHT, WIDTH, STEP = 120, 200, 2


def texture(seed, shape):
    noise = np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 4)


def moving(number):
    """Return a frame and the mask on it of a disc that moves over a scene at rest."""
    scene, disc = texture(1, (HEIGHT, WIDTH)), texture(2, (HEIGHT, WIDTH))
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (60, 60), 18, 1, -1)
    mask, disc = (np.roll(image, STEP * number, axis=1) for image in (mask, disc))
    return np.where(mask[..., None] > 0, disc, scene), mask > 0


def label(mask):
    """Return what a network found."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    counts = run_lengths(mask.view(np.uint8), (0, 0), WIDTH, HEIGHT)['counts']
    return LabelledTrack(
        object_id=1,
        state=TrackState.TRACKED if width else TrackState.OCCLUDED,
        confidence=0.5 if width else 0.0,
        mask_affinity=0.5,
        object_logit=1.0,
        motion_score=None,
        size=(WIDTH, HEIGHT),
        box=(x, y, x + width, y + height) if width else None,
        counts=counts if width else '',
    )


def iou(mask, other):
    return (mask & other).sum() / (mask | other).sum()


def carried_to(number):
    carried = CarriedMask.of(*moving(0))
    for each in range(1, number + 1):
        carried = carried.moved(moving(each)[0])
    return carried


def half(mask):
    """Return the upper half of a mask: a network that sees a part of the object."""
    part = mask.copy()
    part[60:] = False
    return part


def test_a_mask_follows_the_object_where_the_network_sees_a_part_of_it():
    truth = moving(1)[1]
    found = label(half(truth))
    mixed = carried_to(1).mixed(found)
    assert iou(found.mask, truth) < 0.55 and iou(mixed.mask, truth) > 0.8
    columns, rows = np.where(mixed.mask.any(0))[0], np.where(mixed.mask.any(1))[0]
    assert mixed.box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    assert mixed.confidence == found.confidence


def test_the_network_counts_more_with_every_frame():
    shares = []
    for number in range(1, REACH + 1):
        truth = moving(number)[1]
        mixed = carried_to(number).mixed(label(half(truth))).mask
        shares.append(mixed.sum() / truth.sum())
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8 and shares[-1] < 0.65
    assert carried_to(REACH).moved(moving(REACH + 1)[0]) is None


def test_a_network_that_sees_nothing_is_believed_after_half_the_frames():
    nothing = label(np.zeros((HEIGHT, WIDTH), bool))
    near, far = carried_to(1).mixed(nothing), carried_to(REACH).mixed(nothing)
    assert iou(near.mask, moving(1)[1]) > 0.8
    assert near.state is TrackState.TRACKED and 0 < near.confidence < 1
    assert far is nothing


def test_where_both_agree_the_label_stays():
    truth = moving(2)[1]
    assert iou(carried_to(2).mixed(label(truth)).mask, truth) > 0.9


@pytest.mark.parametrize('height,width', [(3, 200), (200, 3), (1, 1)])
def test_narrow_images_are_carried_too(height, width):
    pixels, mask = texture(3, (height, width)), np.ones((height, width), bool)
    carried = CarriedMask.of(pixels, mask).moved(pixels)
    everything = replace(label(np.zeros((HEIGHT, WIDTH), bool)), size=(width, height))
    assert carried.mixed(everything).mask.all()


def test_an_empty_mask_and_another_image_size_end_it():
    pixels, mask = moving(0)
    assert CarriedMask.of(pixels, np.zeros_like(mask)) is None
    assert CarriedMask.of(pixels, mask).moved(pixels[:-1]) is None
