# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which depth image belongs to an image."""

import numpy as np

from sam_tracker.localization.depth_image import DepthImage
from sam_tracker.localization.depth_match import MOST_WAITING, DepthMatch

MS = 1_000_000
SIZE = 64


def depth(milliseconds: int) -> DepthImage:
    return DepthImage(np.zeros((SIZE, SIZE), np.uint16), 0.001, milliseconds * MS)


def match(most_bytes: int = 10**9) -> DepthMatch[int]:
    return DepthMatch(tolerance=40 * MS, patience=200 * MS, most_bytes=most_bytes)


def stamps(pairs) -> list:
    return [(item, None if found is None else found.stamp // MS) for item, found in pairs]


def test_depth_of_the_same_stamp_is_taken_at_once_whichever_comes_first():
    pairing = match()
    pairing.add_depth(depth(0))
    pairing.add_depth(depth(33))
    pairing.add(33 * MS, 1, now=0)
    assert stamps(pairing.ready(0)) == [(1, 33)]
    pairing.add(66 * MS, 2, now=0)
    assert pairing.ready(0) == []
    pairing.add_depth(depth(66))
    assert stamps(pairing.ready(0)) == [(2, 66)]


def test_the_nearest_depth_is_taken_once_a_later_one_has_come():
    pairing = match()
    pairing.add_depth(depth(0))
    pairing.add(30 * MS, 1, now=0)
    assert pairing.ready(0) == []
    pairing.add_depth(depth(50))
    assert stamps(pairing.ready(0)) == [(1, 50)]


def test_depth_beyond_the_tolerance_is_no_depth():
    pairing = match()
    pairing.add_depth(depth(0))
    pairing.add(50 * MS, 1, now=0)
    pairing.add_depth(depth(100))
    assert stamps(pairing.ready(0)) == [(1, None)]


def test_an_image_waits_no_longer_than_it_may():
    pairing = match()
    pairing.add_depth(depth(0))
    pairing.add(10 * MS, 1, now=0)
    pairing.add(90 * MS, 2, now=50 * MS)
    assert pairing.ready(199 * MS) == []
    assert stamps(pairing.ready(200 * MS)) == [(1, 0)]
    assert stamps(pairing.ready(250 * MS)) == [(2, None)]


def test_images_stay_in_order_and_few_wait():
    pairing = match()
    for number in range(MOST_WAITING + 3):
        pairing.add(number * MS, number, now=0)
    assert stamps(pairing.ready(0)) == [(0, None), (1, None), (2, None)]


def test_depth_is_bounded_in_bytes_and_the_newest_is_kept():
    pairing = match(most_bytes=2 * SIZE * SIZE * 2)
    for milliseconds in (0, 30, 60):
        pairing.add_depth(depth(milliseconds))
    pairing.add(0, 1, now=0)
    assert stamps(pairing.ready(0)) == [(1, 30)]
    small = match(most_bytes=1)
    small.add_depth(depth(0))
    assert small.newest_depth.stamp == 0


def test_a_clock_that_is_set_back_forgets_the_depth_of_before():
    pairing = match()
    pairing.add_depth(depth(1000))
    pairing.add_depth(depth(10))
    pairing.add(990 * MS, 1, now=0)
    assert stamps(pairing.ready(200 * MS)) == [(1, None)]
