# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Rates, drops, ages and latencies."""

import pytest

from sam_tracker.core.time import SECOND
from sam_tracker.ros.camera.frame_statistics import MOST_EVENTS, Drop, FrameStatistics

MILLISECOND = SECOND // 1000


def run(rate: float, seconds: float, *, processed_every: int = 1) -> FrameStatistics:
    statistics = FrameStatistics(0)
    for index in range(int(rate * seconds)):
        now = round((index + 1) * SECOND / rate)
        statistics.receive(now)
        if index % processed_every == 0:
            statistics.publish(now + 20 * MILLISECOND, now, 35 * MILLISECOND, 15 * MILLISECOND)
        else:
            statistics.drop(Drop.REPLACED)
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
    assert FrameStatistics(SECOND).report(3 * SECOND).silence == 2.0


def test_latency_and_age_are_spread_over_the_window():
    statistics = FrameStatistics(0)
    for milliseconds in range(1, 101):
        arrival = SECOND
        statistics.publish(
            arrival + milliseconds * MILLISECOND, arrival, 2 * MILLISECOND, MILLISECOND
        )
    report = statistics.report(2 * SECOND)
    assert report.latency.median == pytest.approx(0.0505)
    assert report.latency.p95 == pytest.approx(0.09505)
    assert report.latency.most == pytest.approx(0.1)
    assert report.age.most == pytest.approx(0.002)
    assert report.tracking.median == pytest.approx(0.001)


def test_newly_dropped_counts_from_one_report_to_the_next():
    statistics = FrameStatistics(0)
    statistics.drop(Drop.UNREADABLE)
    assert statistics.report(1).newly_dropped == {Drop.UNREADABLE: 1}
    statistics.drop(Drop.REPLACED)
    report = statistics.report(2)
    assert report.newly_dropped == {Drop.REPLACED: 1}
    assert report.dropped == {Drop.UNREADABLE: 1, Drop.REPLACED: 1}


def test_several_images_can_be_missed_at_once():
    statistics = FrameStatistics(0)
    statistics.drop(Drop.NOT_TAKEN, 3)
    statistics.drop(Drop.NOT_TAKEN)
    report = statistics.report(1)
    assert (report.received, report.dropped) == (0, {Drop.NOT_TAKEN: 4})


def test_memory_is_bounded_at_any_rate():
    statistics = FrameStatistics(0)
    for now in range(MOST_EVENTS * 3):
        statistics.receive(now)
    assert len(statistics._arrivals) == MOST_EVENTS
    assert statistics.report(MOST_EVENTS * 3).received == MOST_EVENTS * 3
