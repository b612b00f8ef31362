# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of a stream whose times are known."""

import pytest

pytest.importorskip('rclpy')

from sam_tracker.core.time import SECOND
from sam_tracker.ros.camera.image_stream import REMEMBERED, ImageStream


def test_rate_and_latency_of_known_times():
    stream = ImageStream()
    for number in range(101):
        arrival = 5 * SECOND + number * SECOND // 20
        stream.add(stamp=arrival - number * 1_000_000, arrival=arrival)
    report = stream.report()
    assert report.received == 101
    assert report.rate == pytest.approx(20.0)
    latency = report.latency
    assert (latency.least, latency.median, latency.p95, latency.most) == (0.0, 50.0, 95.0, 100.0)


def test_nothing_received_has_no_latency():
    report = ImageStream().report()
    assert (report.received, report.rate, report.latency) == (0, 0.0, None)


def test_one_image_has_no_rate():
    stream = ImageStream()
    stream.add(stamp=0, arrival=3_000_000)
    assert stream.report().rate == 0.0
    assert stream.report().latency.median == 3.0


def test_memory_is_bounded_and_the_count_is_not():
    stream = ImageStream()
    for number in range(REMEMBERED + 500):
        stream.add(stamp=number, arrival=number + (9_000_000 if number < 400 else 1_000_000))
    report = stream.report()
    assert report.received == REMEMBERED + 500
    assert report.latency.most == 1.0
