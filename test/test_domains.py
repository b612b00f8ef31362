# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Every test of a graph has a domain of its own, whatever else runs on the machine."""

import pytest

from .conftest import unused_domain


def test_tests_at_the_same_time_have_different_domains():
    with unused_domain() as first, unused_domain() as second:
        assert first != second


def test_a_domain_that_a_program_uses_is_left_to_it():
    rclpy = pytest.importorskip('rclpy')
    with unused_domain() as domain:
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=domain)
        node = rclpy.create_node('somebody', context=context)
    try:
        with unused_domain() as other:
            assert other != domain
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
