# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps that repeat, come late, or jump back."""

from sam_tracker.core.time import SECOND
from sam_tracker.ros.camera.image_order import ImageOrder, Order

MILLISECOND = SECOND // 1000


def test_images_in_order_are_next_however_long_the_pause():
    order = ImageOrder()
    stamps = [5 * SECOND, 5 * SECOND + 1, 6 * SECOND, 9999 * SECOND]
    assert [order.classify(stamp) for stamp in stamps] == [Order.NEXT] * 4


def test_the_same_stamp_again_is_a_repetition():
    order = ImageOrder()
    order.classify(5 * SECOND)
    assert order.classify(5 * SECOND) is Order.REPEATED
    assert order.classify(5 * SECOND + 1) is Order.NEXT


def test_an_overtaken_image_is_late_and_does_not_move_time():
    order = ImageOrder()
    order.classify(5 * SECOND)
    assert order.classify(5 * SECOND - 33 * MILLISECOND) is Order.LATE
    assert order.classify(5 * SECOND) is Order.REPEATED
    assert order.jumps == 0


def test_a_bag_that_starts_again_is_a_jump_and_goes_on_from_there():
    order = ImageOrder()
    order.classify(60 * SECOND)
    assert order.classify(2 * SECOND) is Order.JUMPED_BACK
    assert order.classify(2 * SECOND + 33 * MILLISECOND) is Order.NEXT
    assert order.jumps == 1
