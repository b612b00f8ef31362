# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that come and go while the executor spins."""

import threading
import time

import rclpy
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidHandle
from rclpy.executors import MultiThreadedExecutor
from std_msgs.msg import Header

from sam_tracker.ros.process.enduring_executor import EnduringExecutor


def test_it_goes_on_when_a_handle_is_gone_and_serves_on(domain, monkeypatch):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('subject', context=context)
    executor = EnduringExecutor(num_threads=2, context=context)
    executor.add_node(node)
    wait, errors = MultiThreadedExecutor.wait_for_ready_callbacks, []

    def fail_every_other_time(self, *args, **kwargs):
        if len(errors) % 2 == 0:
            errors.append(InvalidHandle('gone'))
            raise errors[-1]
        errors.append(None)
        return wait(self, *args, **kwargs)

    monkeypatch.setattr(MultiThreadedExecutor, 'wait_for_ready_callbacks', fail_every_other_time)
    served = []
    node.create_timer(0.01, lambda: served.append(1))
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while len(served) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    assert len(served) >= 5
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def test_subscriptions_with_event_handlers_may_come_and_go(domain):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('subject', context=context)
    executor = EnduringExecutor(num_threads=2, context=context)
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
        made = node.create_subscription(Header, 'topic', print, 1, event_callbacks=events)
        node.destroy_subscription(made)
    executor.shutdown()
    assert failures == []
    node.destroy_node()
    rclpy.try_shutdown(context=context)
