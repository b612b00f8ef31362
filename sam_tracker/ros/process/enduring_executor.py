# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""An executor for nodes that make and destroy subscriptions while they spin."""

from __future__ import annotations

import contextlib

from rclpy.exceptions import InvalidHandle
from rclpy.executors import MultiThreadedExecutor


class EnduringExecutor(MultiThreadedExecutor):
    """
    Goes on when a subscription is destroyed while the executor looks at it.

    rclpy allows for that with subscriptions, timers and services, but not with the event handlers
    of a subscription (seen in 7.1): once in some hundred times the error ended the process.
    """

    def spin_once(self, timeout_sec: float | None = None) -> None:
        # What was destroyed is not there any more when the executor looks again.
        with contextlib.suppress(InvalidHandle):
            super().spin_once(timeout_sec)
