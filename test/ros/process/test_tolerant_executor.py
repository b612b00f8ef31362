# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that come and go while the executor spins."""

import threading
import time

import pytest
import rclpy
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidHandle
from std_msgs.msg import Header

from sam_tracker.ros.process.tolerant_executor import TolerantExecutor


def test_a_destroyed_entity_that_a_callback_uses_is_an_error(domain):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('subject', context=context)
    executor = TolerantExecutor(num_threads=2, context=context)
    executor.add_node(node)
    publisher = node.create_publisher(Header, 'topic', 1)
    node.destroy_publisher(publisher)
    node.create_timer(0.01, lambda: publisher.publish(Header()))
    with pytest.raises(InvalidHandle):
        executor.spin()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def test_subscriptions_with_event_handlers_may_come_and_go(domain):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('subject', context=context)
    executor = TolerantExecutor(num_threads=2, context=context)
    executor.add_node(node)
    node.create_timer(0.001, lambda: None)
    failures = []

    def spin() -> None:
        try:
            executor.spin()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    events = SubscriptionEventCallbacks(incompatible_qos=lambda _: None)
    end = time.monotonic() + 3
    while time.monotonic() < end and not failures:
        made = node.create_subscription(Header, 'topic', lambda _: None, 1, event_callbacks=events)
        node.destroy_subscription(made)
    executor.shutdown()
    assert failures == []
    node.destroy_node()
    rclpy.try_shutdown(context=context)
