# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The node of the demonstration in space: a camera with depth, and an observer of the places."""

import numpy as np
from numpy.typing import NDArray
from rclpy.qos import QoSProfile
from rclpy.task import Future
from scene import RATE, SceneImage
from sensor_msgs.msg import CameraInfo, Image
from spinning_node import SpinningNode
from std_msgs.msg import Header

from sam_tracker.core.time import SECOND
from sam_tracker.msg import ImageBox, Prompt, Track3DArray
from sam_tracker.rendering import Box
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages.stamps import nanoseconds, time_message
from sam_tracker.srv import AddPrompt

FRAME = 'camera_optical_frame'


class Robot(SpinningNode):
    """Publishes images with depth and calibration, and stores the places by stamp."""

    def __init__(self) -> None:
        super().__init__('robot')
        node = self._node
        profile = QoSProfile(depth=10)
        self._image = node.create_publisher(Image, 'image', profile)
        self._depth = node.create_publisher(Image, 'depth', profile)
        self._camera_info = node.create_publisher(CameraInfo, 'camera_info', profile)
        self._prompts = node.create_client(AddPrompt, 'sam_tracker/add_prompt')
        self.places: dict[int, Track3DArray] = {}
        """Messages by the stamps of their images, in nanoseconds."""
        node.create_subscription(Track3DArray, 'localizer/tracks_3d', self._take, profile)
        self._start = node.get_clock().now().nanoseconds
        self._waiting = 0
        """Images that were published before the drive, while the nodes started."""
        self.spin()

    @property
    def subscribed(self) -> bool:
        """Whether tracker and localizer listen and answer."""
        publishers = (self._image, self._depth, self._camera_info)
        return self._prompts.service_is_ready() and all(
            each.get_subscription_count() for each in publishers
        )

    def publish(self, image: SceneImage, number: int) -> int:
        """
        Publish an image and return its stamp.

        :param number: the images of the drive have consecutive ones; 0 may be repeated.
        """
        self._waiting += number == 0
        stamp = self._start + round((self._waiting + number) * SECOND / RATE)
        header = Header(stamp=time_message(stamp), frame_id=FRAME)
        calibration = CameraInfo(header=header, width=image.view.width, height=image.view.height)
        calibration.distortion_model = 'plumb_bob'
        calibration.k = image.view.matrix.reshape(-1)
        calibration.d = [0.0] * 5
        self._camera_info.publish(calibration)
        self._depth.publish(depth_message(image.depth, header))
        self._image.publish(image_message(image.colour, 'rgb8', header))
        return stamp

    def prompt(self, box: Box, label: str) -> Future:
        """Ask for an object to be tracked on the newest image; the future has the answer."""
        x_min, y_min, x_max, y_max = box
        prompt = Prompt(label=label)
        prompt.box = ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
        return self._prompts.call_async(AddPrompt.Request(prompt=prompt))

    def _take(self, message: Track3DArray) -> None:
        self.places[nanoseconds(message.header.stamp)] = message


def depth_message(millimetres: NDArray[np.uint16], header: Header) -> Image:
    """Return a depth image, [height, width]."""
    height, width = millimetres.shape
    message = Image(header=header, height=height, width=width, encoding='16UC1', step=2 * width)
    message.data.frombytes(np.ascontiguousarray(millimetres).data.cast('B'))
    return message
