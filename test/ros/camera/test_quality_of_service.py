# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which reliability is asked of publishers of images."""

import pytest
from rclpy.qos import ReliabilityPolicy

from sam_tracker.ros.camera.quality_of_service import (
    image_overrides,
    image_profile,
    wanted_reliability,
)

RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT


@pytest.mark.parametrize(
    ('offered', 'current', 'wanted'),
    [
        ([RELIABLE], None, RELIABLE),
        ([RELIABLE, RELIABLE], BEST_EFFORT, RELIABLE),
        ([RELIABLE, BEST_EFFORT], RELIABLE, BEST_EFFORT),
        ([BEST_EFFORT], RELIABLE, BEST_EFFORT),
        ([], None, BEST_EFFORT),
        ([], RELIABLE, RELIABLE),
    ],
)
def test_by_default_what_every_publisher_offers(offered, current, wanted):
    assert wanted_reliability('auto', offered, current) is wanted


def test_the_parameter_goes_before_what_is_offered():
    assert wanted_reliability('reliable', [BEST_EFFORT], None) is RELIABLE
    assert wanted_reliability('best_effort', [RELIABLE], None) is BEST_EFFORT


def test_an_override_goes_before_what_is_wanted():
    profile = image_profile()
    assert image_overrides(RELIABLE).callback(profile).successful
    assert profile.reliability is RELIABLE
    profile.reliability = BEST_EFFORT
    image_overrides(RELIABLE).callback(profile)
    assert profile.reliability is BEST_EFFORT


def test_only_the_newest_image_is_kept():
    assert image_profile().depth == 1
