# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Measures how images arrive: rate, latency and losses; it can save the last image.

It subscribes to `image` or `image/compressed`. Lost images are those that the middleware reports:
gaps in a publisher's sequence numbers since the first image that arrived. The exit code is 1 if
no image arrived.
"""

from collections.abc import Sequence
from dataclasses import asdict
import json
import sys
import time

import cv2
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.paths import expanded, missing
from sam_tracker.ros.camera.camera_topics import CameraTopics, image_quality_of_service
from sam_tracker.ros.camera.image_stream import ImageStream, StreamReport
from sam_tracker.ros.images.colour_conversion import colour_converter
from sam_tracker.ros.images.conversion import ImageError, rgb_image
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.image_monitor import ImageMonitorParameters
from sam_tracker.ros.parameters.node_parameters import declare
from sam_tracker.ros.process.run_node import REFUSED, NodeFinished, run_node

try:
    from rclpy.event_handler import QoSMessageLostInfo, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import QoSMessageLostInfo, SubscriptionEventCallbacks

LONGEST_LATENCY = 3_600_000.0
"""Milliseconds; with a longer latency the stamps cannot be times of publication."""


class ImageMonitorNode(Node):
    def __init__(self, **options: object) -> None:
        """
        Subscribe to the images.

        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        """
        super().__init__('image_monitor', **options)
        self.settings = declare(self, ImageMonitorParameters)
        check_writable(self.settings)
        self.stream = ImageStream()
        self.lost = 0
        self.last: Image | CompressedImage | None = None
        self._heard = time.monotonic()
        topics = CameraTopics.of(self)
        compressed = self.settings.image_transport == 'compressed'
        self.topic = topics.compressed if compressed else topics.image
        if self.settings.picture:
            self.get_logger().info(colour_converter().description)
        self.create_subscription(
            CompressedImage if compressed else Image,
            self.topic,
            self._take,
            image_quality_of_service(self.settings.reliability, self.settings.depth),
            event_callbacks=SubscriptionEventCallbacks(message_lost=self._count_lost),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.1, self._check_patience, clock=steady)
        self.get_logger().info(f'listening to {self.topic}')

    def _take(self, message: Image | CompressedImage) -> None:
        arrival = self.get_clock().now().nanoseconds
        self.stream.add(nanoseconds(message.header.stamp), arrival)
        self.last = message
        self._heard = time.monotonic()
        if self.stream.received == self.settings.frames:
            raise NodeFinished

    def _count_lost(self, event: QoSMessageLostInfo) -> None:
        self.lost = event.total_count

    def _check_patience(self) -> None:
        if 0 < self.settings.patience < time.monotonic() - self._heard:
            raise NodeFinished


def check_writable(settings: ImageMonitorParameters) -> None:
    """
    Check at start whether the files can be written at the end.

    :raises ParameterError: a file cannot be written.
    """
    for name, value in (('picture', settings.picture), ('report', settings.report)):
        folder = expanded(value).parent
        if value and (missing(folder) or not folder.is_dir()):
            raise ParameterError(
                f'{name} cannot be written: the folder of {value!r} does not exist'
            )
    if settings.picture and not cv2.haveImageWriter(settings.picture):
        raise ParameterError(
            f'picture cannot be written: {settings.picture!r} has no suffix of an image format'
        )


def summary(node: ImageMonitorNode, report: StreamReport) -> str:
    text = f'received {report.received} images on {node.topic}'
    latency = report.latency
    if latency is None:
        return text
    text += f' at {report.rate:.2f} Hz, lost {node.lost}; '
    if not -LONGEST_LATENCY < latency.median < LONGEST_LATENCY:
        return text + 'latency unknown: the stamps are not times of publication'
    return text + (
        f'latency in ms: least {latency.least:.1f}, median {latency.median:.1f}, '
        f'p95 {latency.p95:.1f}, most {latency.most:.1f}'
    )


def write_results(node: ImageMonitorNode, report: StreamReport) -> None:
    """
    Write the files named by the parameters.

    :raises ImageError: the last image cannot be read.
    :raises OSError: a file cannot be written.
    """
    settings, logger = node.settings, node.get_logger()
    if settings.report:
        figures = {'topic': node.topic, 'lost': node.lost, **asdict(report)}
        expanded(settings.report).write_text(json.dumps(figures, indent=2) + '\n')
    if settings.picture and node.last is not None:
        rgb = rgb_image(node.last, DynamicRange())
        path = expanded(settings.picture)
        if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)):
            raise OSError(f'{str(path)!r} cannot be written')
        logger.info(f'the last image, {rgb.shape[1]}x{rgb.shape[0]}, is in {path}')


def main(args: Sequence[str] | None = None) -> int:
    nodes: list[ImageMonitorNode] = []

    def make_node() -> ImageMonitorNode:
        nodes.append(ImageMonitorNode())
        return nodes[0]

    exit_code = run_node('image_monitor', make_node, args, refusals=(ImageError,))
    if exit_code or not nodes:
        return exit_code
    node, report = nodes[0], nodes[0].stream.report()
    node.get_logger().info(summary(node, report))
    try:
        write_results(node, report)
    except (ImageError, OSError) as error:
        node.get_logger().fatal(str(error))
        return REFUSED
    return 0 if report.received else REFUSED


if __name__ == '__main__':
    sys.exit(main())
