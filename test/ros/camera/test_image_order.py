# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps that repeat, come late, or jump back."""

import numpy as np
from numpy.typing import NDArray
import pytest

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


@pytest.mark.parametrize('images', [3, 5, 15, 29])
def test_a_loop_of_less_than_a_second_is_accepted_in_every_round(images):
    order = ImageOrder()
    rounds = [
        [order.classify((60 + number) * SECOND // 30) for number in range(images)]
        for _ in range(4)
    ]
    assert rounds[0] == [Order.NEXT] * images
    for each in rounds[1:]:
        assert each[2:] == [Order.JUMPED_BACK, *[Order.NEXT] * (images - 3)]
    assert order.jumps == 3


@pytest.mark.parametrize('images', [3, 5, 15, 29])
@pytest.mark.parametrize('rate', [2, 10])
def test_a_loop_is_accepted_in_every_round_after_images_of_another_clock_and_rate(images, rate):
    order = ImageOrder()
    for number in range(20):
        order.classify((1000 + number) * SECOND // rate + 1000 * SECOND)
    for round_number in range(5):
        orders = [order.classify((60 + number) * SECOND // 30) for number in range(images)]
        assert Order.JUMPED_BACK in orders, round_number


def test_a_loop_of_two_images_goes_on():
    order = ImageOrder()
    rounds = [[order.classify(SECOND), order.classify(SECOND + 1000)] for _ in range(9)]
    assert rounds[0] == [Order.NEXT, Order.NEXT]
    assert [Order.JUMPED_BACK in each for each in rounds[1:]] == [False, True] * 4


def test_two_publishers_of_the_same_images_one_image_apart_are_no_loop():
    order = ImageOrder()
    first = [order.classify(SECOND)]
    for number in range(1, 50):
        stamp = SECOND + number * 33 * MILLISECOND
        # In bursts, the newest image of the quicker one first.
        first.append(order.classify(stamp))
        order.classify(stamp - 33 * MILLISECOND)
        order.classify(stamp)
    assert first == [Order.NEXT] * 50
    assert order.jumps == 0


def test_a_clock_that_is_set_back_by_less_than_a_second_is_a_jump_at_the_third_image():
    order = ImageOrder()
    assert order.classify(10 * SECOND) is Order.NEXT
    stamps = [9 * SECOND + number * 33 * MILLISECOND for number in range(3, 8)]
    assert [order.classify(stamp) for stamp in stamps] == [
        Order.LATE,
        Order.LATE,
        Order.JUMPED_BACK,
        Order.NEXT,
        Order.NEXT,
    ]


def test_of_two_publishers_whose_clocks_differ_the_later_clock_is_followed():
    order = ImageOrder()
    for number in range(60):
        stamp = 60 * SECOND + number * 33 * MILLISECOND
        assert order.classify(stamp) is Order.NEXT
        if number:
            assert order.classify(stamp - 300 * MILLISECOND) is Order.LATE
    assert order.jumps == 0


@pytest.mark.parametrize(('rate', 'rate_behind'), [(5, 30), (10, 30), (30, 30), (30, 5), (2, 60)])
@pytest.mark.parametrize('behind', [100, 300, 900])
def test_of_two_publishers_the_later_clock_is_followed_at_any_rates(rate, rate_behind, behind):
    random = np.random.default_rng(0)

    def arrivals(rate: int) -> NDArray[np.int64]:
        """Ten seconds, each image up to 0.1 periods early or late."""
        times = (np.arange(10 * rate) + random.uniform(-0.1, 0.1, 10 * rate)) / rate
        return np.round((60 + times) * SECOND).astype(np.int64)

    images = [(int(arrival), int(arrival)) for arrival in arrivals(rate)]
    images += [(int(each), int(each) - behind * MILLISECOND) for each in arrivals(rate_behind)]
    order = ImageOrder()
    jumps = []
    for _, stamp in sorted(images):
        order.classify(stamp)
        jumps.append(order.jumps)
    # The rate is not known before the second image.
    assert jumps[-1] <= 1
    assert jumps[-1] == jumps[len(jumps) // 5]


def test_the_other_publisher_is_followed_once_that_with_the_later_clock_is_silent():
    order = ImageOrder()
    for number in range(20):
        order.classify(60 * SECOND + number * 200 * MILLISECOND)
    start = 60 * SECOND + 19 * 200 * MILLISECOND - 900 * MILLISECOND
    orders = [order.classify(start + number * 33 * MILLISECOND) for number in range(12)]
    assert orders == [Order.LATE] * 10 + [Order.JUMPED_BACK, Order.NEXT]


def test_a_stamp_that_stands_is_a_repetition_for_ever():
    order = ImageOrder()
    order.classify(5 * SECOND)
    assert {order.classify(5 * SECOND) for _ in range(20)} == {Order.REPEATED}


def test_overtaken_images_in_falling_order_are_late():
    order = ImageOrder()
    order.classify(5 * SECOND)
    stamps = [5 * SECOND - number * 33 * MILLISECOND for number in range(1, 9)]
    assert {order.classify(stamp) for stamp in stamps} == {Order.LATE}
