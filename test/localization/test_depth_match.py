# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which depth image belongs to an image."""

from sam_tracker.localization.depth_match import MOST_WAITING, DepthMatch

MS = 1_000_000
SIZE = 1000


class Pairing(DepthMatch[int, int]):
    """Depth images that are known by their time in milliseconds."""

    def __init__(self, most_bytes: int = 10**9) -> None:
        super().__init__(tolerance=40 * MS, patience=200 * MS, most_bytes=most_bytes)

    def depth(self, milliseconds: int) -> None:
        self.add_depth(milliseconds * MS, milliseconds, SIZE)

    def pairs(self, now: int) -> list[tuple[int, int | None]]:
        return [(each.item, each.depth) for each in self.ready(now)]


def test_depth_of_the_same_stamp_is_taken_at_once_whichever_comes_first():
    pairing = Pairing()
    pairing.depth(0)
    pairing.depth(33)
    pairing.add(33 * MS, 1, now=0)
    assert pairing.pairs(0) == [(1, 33)]
    pairing.add(66 * MS, 2, now=0)
    assert pairing.pairs(0) == []
    pairing.depth(66)
    assert pairing.pairs(0) == [(2, 66)]


def test_the_nearest_depth_is_taken_once_a_later_one_has_come():
    pairing = Pairing()
    pairing.depth(0)
    pairing.add(30 * MS, 1, now=0)
    assert pairing.pairs(0) == []
    pairing.depth(50)
    assert pairing.pairs(0) == [(1, 50)]


def test_depth_beyond_the_tolerance_is_no_depth():
    pairing = Pairing()
    pairing.depth(0)
    pairing.add(50 * MS, 1, now=0)
    pairing.depth(100)
    assert pairing.pairs(0) == [(1, None)]


def test_an_image_waits_no_longer_than_it_may():
    pairing = Pairing()
    pairing.depth(0)
    pairing.add(10 * MS, 1, now=0)
    pairing.add(90 * MS, 2, now=50 * MS)
    assert pairing.pairs(199 * MS) == []
    assert pairing.pairs(200 * MS) == [(1, 0)]
    assert pairing.pairs(250 * MS) == [(2, None)]


def test_images_stay_in_order_and_few_wait():
    pairing = Pairing()
    for number in range(MOST_WAITING + 3):
        pairing.add(number * MS, number, now=0)
    assert pairing.pairs(0) == [(0, None), (1, None), (2, None)]


def test_depth_is_bounded_in_bytes_and_the_newest_is_kept():
    pairing = Pairing(most_bytes=2 * SIZE)
    for milliseconds in (0, 30, 60):
        pairing.depth(milliseconds)
    pairing.add(0, 1, now=0)
    assert pairing.pairs(0) == [(1, 30)]
    small = Pairing(most_bytes=1)
    small.depth(0)
    small.add(0, 1, now=0)
    assert small.pairs(0) == [(1, 0)]


def test_a_clock_that_is_set_back_forgets_the_depth_of_before():
    pairing = Pairing()
    pairing.depth(1000)
    pairing.depth(10)
    pairing.add(990 * MS, 1, now=0)
    assert pairing.pairs(200 * MS) == [(1, None)]
