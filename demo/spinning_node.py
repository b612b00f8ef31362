# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A node of a demonstration, spun by a thread of its own."""

import threading

import rclpy
from rclpy.executors import SingleThreadedExecutor


class SpinningNode:
    """Initialises ROS and creates a node; a subclass calls ``spin`` when it is set up."""

    def __init__(self, name: str) -> None:
        rclpy.init()
        self._node = rclpy.create_node(name)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)

    def spin(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
        rclpy.try_shutdown()
