# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A tracker and a depth camera for the localizer, which runs as a program over DDS."""

import struct

import cv2
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from sam_tracker.core.time import SECOND
from sam_tracker.msg import Track, Track3DArray, TrackArray
from sam_tracker.ros.camera.camera_info import pinhole_camera_info
from sam_tracker.ros.messages.prompt_requests import whole_mask_message
from sam_tracker.ros.messages.stamps import time_message

LOCALIZER = 'sam_tracker.nodes.localizer.localizer_node'
WIDTH, HEIGHT, DISTANCE = 160, 120, 2.0
PERIOD = SECOND // 10
PATIENCE = 60.0


class Robot:
    """Publishes what a tracker and a depth camera would: one object 2 m ahead."""

    def __init__(self, listener, *, subscribes: bool = True) -> None:
        """
        Create the publishers.

        :param subscribes: whether somebody listens to what the localizer publishes.
        """
        self.listener = listener
        node, reliable = listener.node, QoSProfile(depth=10)
        self.tracks = node.create_publisher(TrackArray, 'tracks', reliable)
        self.depth = node.create_publisher(Image, 'depth', reliable)
        self.camera_info = node.create_publisher(CameraInfo, 'camera_info', reliable)
        self.info = pinhole_camera_info(WIDTH, HEIGHT, 60.0)
        self.places: list[Track3DArray] = []
        if subscribes:
            self.places = listener.listen(Track3DArray, 'localizer/tracks_3d')
        self.diagnostics = listener.listen(DiagnosticArray, '/diagnostics')
        self.number = 0

    def wait_for_the_localizer(self) -> None:
        def heard() -> bool:
            publishers = (self.tracks, self.depth, self.camera_info)
            return all(each.get_subscription_count() for each in publishers) and bool(
                self.listener.node.count_publishers('localizer/tracks_3d')
            )

        self.listener.spin_until(heard, 'subscriptions of the localizer', PATIENCE)

    def header(self, late: int = 0) -> Header:
        """Return that of the present image; ``late`` in nanoseconds."""
        stamp = time_message(SECOND + self.number * PERIOD + late)
        return Header(frame_id='camera_optical_frame', stamp=stamp)

    def send_depth(
        self,
        values: np.ndarray,
        encoding: str = '32FC1',
        late: int = 0,
        frame: str = 'camera_optical_frame',
    ) -> None:
        height, width = values.shape
        message = Image(header=self.header(late), height=height, width=width, encoding=encoding)
        message.header.frame_id = frame
        message.step = width * values.dtype.itemsize
        message.data.frombytes(values.tobytes())
        self.depth.publish(message)

    def send_compressed_depth(self, millimetres: np.ndarray) -> None:
        message = CompressedImage(header=self.header(), format='16UC1; compressedDepth png')
        message.data.frombytes(struct.pack('<iff', 0, 0.0, 0.0))
        message.data.frombytes(cv2.imencode('.png', millimetres)[1].tobytes())
        self.depth.publish(message)

    def send_tracks(self, **changes) -> None:
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[40:80, 60:100] = 255
        track = Track(object_id=7, label='mug', state=Track.STATE_TRACKED)
        track.mask = whole_mask_message(mask)
        for name, value in changes.items():
            setattr(track, name, value)
        message = TrackArray(header=self.header(), tracks=[track])
        message.image_width, message.image_height = WIDTH, HEIGHT
        self.tracks.publish(message)

    def play_until(self, condition, what: str, send=None) -> None:
        """Send images with depth until the condition holds."""

        def played() -> bool:
            self.number += 1
            if self.info is not None:
                self.camera_info.publish(self.info)
            if send is None:
                self.send_depth(depth())
                self.send_tracks()
            else:
                send()
            self.listener.spin_until(lambda: True, 'nothing')
            return bool(condition())

        self.listener.spin_until(played, what, PATIENCE)

    def with_depth(self) -> list[Track3DArray]:
        """Return what was published with depth, which may take a while to be subscribed to."""
        return [each for each in self.places if each.has_depth]

    def problem(self, text: str) -> bool:
        statuses = [each for message in self.diagnostics for each in message.status]
        return any(
            each.name == 'localizer: localization'
            and each.level == DiagnosticStatus.WARN
            and text in each.message
            for each in statuses
        )


def depth(value: float = DISTANCE, kind: type = np.float32) -> np.ndarray:
    """Return depth images with the object before a wall."""
    values = np.full((HEIGHT, WIDTH), 2 * value, kind)
    values[40:80, 60:100] = value
    return values


@pytest.fixture
def robot(listener) -> Robot:
    return Robot(listener)


@pytest.fixture
def localizer(robot, start):
    program = start(LOCALIZER)
    robot.wait_for_the_localizer()
    return program
