# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Rates, drops, ages and latencies."""

from collections import Counter

from hypothesis import given, strategies
import pytest
from sensor_msgs.msg import Image

from sam_tracker.core.time import SECOND
from sam_tracker.ros.camera.image_statistics import MOST_EVENTS, WINDOW, Drop, ImageStatistics
from sam_tracker.ros.camera.received_image import ReceivedImage

MILLISECOND = SECOND // 1000


def image(arrival: int = 0) -> ReceivedImage:
    return ReceivedImage(Image(), arrival, arrival)


def run(rate: float, seconds: float, *, processed_every: int = 1) -> ImageStatistics:
    statistics = ImageStatistics(0)
    for index in range(int(rate * seconds)):
        now = round((index + 1) * SECOND / rate)
        statistics.receive(now)
        if index % processed_every == 0:
            statistics.process(
                image(now), now + 20 * MILLISECOND, 35 * MILLISECOND, 15 * MILLISECOND
            )
        else:
            statistics.drop(Drop.REPLACED, now, image(now))
    return statistics


def test_rates_are_those_of_the_last_seconds():
    report = run(30.0, 60.0, processed_every=3).report(60 * SECOND)
    assert report.input_rate == pytest.approx(30.0, rel=0.02)
    assert report.processed_rate == pytest.approx(10.0, rel=0.02)
    assert (report.received, report.processed) == (1800, 600)
    assert report.dropped == {Drop.REPLACED: 1200}


def test_rates_hold_from_the_first_second_on():
    assert run(30.0, 1.0).report(SECOND).input_rate == pytest.approx(30.0, rel=0.05)


def test_when_the_camera_stops_the_rates_fall_and_the_silence_grows():
    report = run(30.0, 10.0).report(25 * SECOND)
    assert (report.input_rate, report.processed_rate) == (0.0, 0.0)
    assert report.silence == pytest.approx(15.0)
    assert report.age is None
    assert report.latency is None


def test_before_the_first_image_the_silence_counts_from_the_start():
    assert ImageStatistics(SECOND).report(3 * SECOND).silence == 2.0


def test_latency_and_age_are_spread_over_the_window():
    statistics = ImageStatistics(0)
    for milliseconds in range(1, 101):
        received = image(SECOND)
        statistics.process(
            received, SECOND + milliseconds * MILLISECOND, 2 * MILLISECOND, MILLISECOND
        )
    report = statistics.report(2 * SECOND)
    assert report.latency.median == pytest.approx(0.0505)
    assert report.latency.p95 == pytest.approx(0.09505)
    assert report.latency.most == pytest.approx(0.1)
    assert report.age.most == pytest.approx(0.002)
    assert report.tracking.median == pytest.approx(0.001)


def test_recent_drops_are_those_of_the_window_and_all_stay_counted():
    statistics = ImageStatistics(0)
    statistics.drop(Drop.UNREADABLE, SECOND)
    assert statistics.report(SECOND + 1).recently_dropped == {Drop.UNREADABLE: 1}
    statistics.drop(Drop.REPLACED, SECOND + WINDOW)
    report = statistics.report(SECOND + WINDOW)
    assert report.recently_dropped == {Drop.REPLACED: 1}
    assert report.dropped == {Drop.UNREADABLE: 1, Drop.REPLACED: 1}


def test_missed_images_are_published_but_not_received():
    statistics = ImageStatistics(0)
    statistics.receive(1)
    statistics.drop(Drop.NOT_TAKEN, 1, count=3)
    statistics.drop(Drop.NOT_TAKEN, 1)
    report = statistics.report(1)
    assert (report.received, report.dropped) == (1, {Drop.NOT_TAKEN: 4})
    assert report.published == 5


@given(
    events=strategies.lists(
        strategies.tuples(strategies.integers(0, 9), strategies.sampled_from([None, *Drop]))
    )
)
def test_every_image_is_counted_once_whatever_happens_to_it_and_processing_wins(events):
    images = [image(index) for index in range(10)]
    statistics = ImageStatistics(0)
    expected: dict[int, Drop | None] = {}
    for index, drop in events:
        if drop is None:
            statistics.process(images[index], 1, 1, 1)
            expected[index] = None
        else:
            statistics.drop(drop, 1, images[index])
            expected.setdefault(index, drop)
    report = statistics.report(2)
    assert report.processed == list(expected.values()).count(None)
    assert report.dropped == Counter(each for each in expected.values() if each is not None)


def test_memory_is_bounded_at_any_rate():
    statistics = ImageStatistics(0)
    for now in range(MOST_EVENTS * 3):
        statistics.receive(now)
        statistics.drop(Drop.REPLACED, now, image(now))
    assert len(statistics._arrivals) == len(statistics._drops) == MOST_EVENTS
    assert len(statistics._outcomes) == 0
    assert statistics.report(MOST_EVENTS * 3).received == MOST_EVENTS * 3
