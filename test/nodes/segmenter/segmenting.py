# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A picture, prompts for what is on it, a camera that shows it, and a client that asks."""

import threading
import time

import cv2
import numpy as np
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.msg import ImageBox, ImagePoint, Mask, Prompt
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.srv import SegmentImage

from ...conftest import PATIENCE, wait_until
from ..conftest import HEIGHT, WIDTH, Camera, Graph

Request = SegmentImage.Request
DISC = (100, 60, 26)
"""Centre and radius, in pixels."""
DISC_BOX = np.array([74.0, 34.0, 127.0, 87.0])


def picture() -> np.ndarray:
    """[HEIGHT, WIDTH, 3]: a bright disc before a dark ground, and a square."""
    image = np.full((HEIGHT, WIDTH, 3), (70, 60, 50), np.uint8)
    cv2.circle(image, DISC[:2], DISC[2], (40, 220, 250), cv2.FILLED)
    cv2.rectangle(image, (15, 30), (45, 60), (220, 60, 200), cv2.FILLED)
    return image


def picture_message(encoding: str = 'bgr8', **header: object) -> Image:
    image = picture() if encoding == 'bgr8' else picture()[..., 0].copy()
    return image_message(image, encoding, Header(frame_id='photo', **header))


def large_picture_message() -> Image:
    """[320, 400]: a bright thing that fills most of the image."""
    image = np.full((320, 400, 3), (70, 60, 50), np.uint8)
    cv2.circle(image, (200, 160), 150, (40, 220, 250), cv2.FILLED)
    return image_message(image, 'bgr8', Header(frame_id='photo'))


def point_prompt(x: float = DISC[0], y: float = DISC[1], **fields: object) -> Prompt:
    return Prompt(points=[ImagePoint(x=float(x), y=float(y))], point_labels=[1], **fields)


def box_prompt(corners: np.ndarray = DISC_BOX) -> Prompt:
    x_min, y_min, x_max, y_max = map(float, corners)
    box = ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
    return Prompt(box=box)


def corners(box: ImageBox) -> np.ndarray:
    return np.array([box.x_min, box.y_min, box.x_max, box.y_max])


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two boxes."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    return shared / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared)


def pixels(mask: Mask) -> np.ndarray:
    return np.frombuffer(mask.data, np.uint8).reshape(mask.region.height, mask.region.width)


class PictureCamera(Camera):
    """Publishes the picture."""

    def image(self) -> np.ndarray:
        return picture()


class Client:
    """Asks one node to segment, from a thread of its own."""

    def __init__(self, graph: Graph, node: str) -> None:
        self._node = rclpy.create_node('client', context=graph.context)
        self._executor = SingleThreadedExecutor(context=graph.context)
        self._executor.add_node(self._node)
        self._segment = self._node.create_client(SegmentImage, f'{node}/segment_image')
        self._parameters = self._node.create_client(SetParameters, f'{node}/set_parameters')
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()
        assert self._segment.wait_for_service(2 * PATIENCE), 'segment_image is not there'
        # A service that is there may not know yet where answers go, and the first ones are lost.
        wait_until(self._is_answered, 'a first answer of segment_image', 2 * PATIENCE)

    def _is_answered(self) -> bool:
        future = self.begin(mode=255)
        end = time.monotonic() + 5.0
        while not future.done() and time.monotonic() < end:
            time.sleep(0.01)
        return future.done()

    def begin(self, **fields: object):
        return self._segment.call_async(Request(**fields))

    def segment(
        self, *, patience: float = 2 * PATIENCE, **fields: object
    ) -> SegmentImage.Response:
        future = self.begin(**fields)
        wait_until(future.done, 'an answer of segment_image', patience)
        return future.result()

    def set(self, name: str, value: object) -> object:
        assert self._parameters.wait_for_service(PATIENCE)
        parameter = Parameter(name, value=value).to_parameter_msg()
        future = self._parameters.call_async(SetParameters.Request(parameters=[parameter]))
        wait_until(future.done, 'an answer of set_parameters')
        return future.result().results[0]

    def close(self) -> None:
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
