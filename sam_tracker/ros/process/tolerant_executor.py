# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""An executor for nodes that create and destroy subscriptions while they spin."""

from __future__ import annotations

from pathlib import Path
import traceback

import rclpy
from rclpy.exceptions import InvalidHandle
from rclpy.executors import MultiThreadedExecutor

RCLPY = str(Path(rclpy.__file__).parent)


class TolerantExecutor(MultiThreadedExecutor):
    """
    Continues when an entity is destroyed while rclpy waits for it or takes from it.

    rclpy handles that for most entities, but not for the event handlers of a subscription (seen
    in 7.1): about once in a hundred times the error ended the process. An invalid handle that is
    used in a callback is raised like any other error.
    """

    def spin_once(self, timeout_sec: float | None = None) -> None:
        try:
            super().spin_once(timeout_sec)
        except InvalidHandle as error:
            # The first entry is this function. A callback's own code lies outside rclpy.
            entries = traceback.extract_tb(error.__traceback__)[1:]
            if any(not entry.filename.startswith(RCLPY) for entry in entries):
                raise
