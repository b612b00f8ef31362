# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What is missing in the numbers of a publisher."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sam_tracker.ros.camera.publication_sequence import PublicationSequence


def missed(*numbers: int | None, publishers: int = 1) -> list[int]:
    sequence = PublicationSequence()
    return [sequence.missed(number, publishers) for number in numbers]


@given(st.sets(st.integers(1, 10_000), min_size=1))
def test_taken_and_missed_make_what_was_published_since_the_first(taken):
    numbers = sorted(taken)
    assert sum(missed(*numbers)) + len(numbers) == numbers[-1] - numbers[0] + 1


def test_what_was_published_before_the_first_that_is_taken_is_not_missed():
    assert missed(5000, 5001, 5003) == [0, 0, 1]


@pytest.mark.parametrize('first', [1, 3])
def test_a_publisher_that_starts_anew_has_missed_nothing(first):
    assert missed(700, 701, first, first + 1, first + 4) == [0, 0, 0, 0, 2]


@pytest.mark.parametrize('number', [None, 0, 1, 7])
def test_a_middleware_that_does_not_count_is_not_counted(number):
    assert missed(number, number, number) == [0, 0, 0]


def test_numbers_of_several_publishers_mean_nothing():
    assert missed(1, 900, 2, 901, 5, publishers=2) == [0, 0, 0, 0, 0]


def test_counting_goes_on_when_one_publisher_is_left():
    sequence = PublicationSequence()
    assert sequence.missed(10, 1) == 0
    assert sequence.missed(900, 2) == 0
    assert sequence.missed(20, 1) == 0
    assert sequence.missed(22, 1) == 1
