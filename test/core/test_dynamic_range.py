# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""16-bit images keep their detail as 8-bit images, and their brightness is steady."""

import numpy as np
import pytest

from sam_tracker.core.dynamic_range import DynamicRange

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(('low', 'high'), [(0, 1023), (0, 4095), (7000, 8500), (0, 65535)])
def test_the_values_that_are_used_fill_the_grey_levels(low, high):
    pixels = RNG.integers(low, high, (120, 160), np.uint16, endpoint=True)
    grey = DynamicRange().eight_bits(pixels)
    assert grey.dtype == np.uint8
    assert len(np.unique(grey)) > 250
    order = np.argsort(pixels, axis=None)
    assert (np.diff(grey.reshape(-1)[order].astype(int)) >= 0).all()


def test_hot_and_dead_pixels_do_not_count():
    pixels = RNG.integers(1000, 2000, (120, 160), np.uint16)
    clean = DynamicRange().eight_bits(pixels)
    pixels[3, 4], pixels[60, 70] = 65535, 0
    dirty = DynamicRange().eight_bits(pixels)
    assert np.abs(clean.astype(int) - dirty)[5:50].max() <= 1


def test_noise_of_a_flat_image_is_not_amplified():
    pixels = RNG.integers(5000, 5010, (120, 160), np.uint16)
    assert np.ptp(DynamicRange().eight_bits(pixels)) <= 10


def test_a_bright_thing_that_comes_in_does_not_make_the_rest_flicker():
    scene = RNG.integers(1000, 2000, (120, 160), np.uint16)
    with_sun = scene.copy()
    with_sun[:30] = 60000
    followed = DynamicRange()
    before = followed.eight_bits(scene)[60:].mean()
    means = [followed.eight_bits(with_sun)[60:].mean() for _ in range(60)]
    assert followed.limits[1] > 50000  # it is followed in the end
    steps = np.abs(np.diff([before, *means]))
    alone = abs(DynamicRange().eight_bits(with_sun)[60:].mean() - before)
    assert steps[1:].max() < alone / 2


def test_an_image_of_quite_another_brightness_is_visible_at_once():
    followed = DynamicRange()
    followed.eight_bits(np.full((8, 8), 100, np.uint16))
    ramp = np.linspace(30000, 40000, 64).astype(np.uint16).reshape(8, 8)
    assert np.ptp(followed.eight_bits(ramp)) > 250


def test_channels_share_one_range():
    pixels = np.zeros((20, 30, 3), np.uint16)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 100, 600, 1100
    red, green, blue = DynamicRange().eight_bits(pixels)[0, 0]
    assert (red, blue) == (0, 255)
    assert green in {127, 128}
