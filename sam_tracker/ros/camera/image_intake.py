# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps, orders, counts and buffers arriving images."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from sam_tracker.ros.camera.image_buffer import LONGEST_FRAME_ID
from sam_tracker.ros.camera.image_order import ImageOrder, Order
from sam_tracker.ros.camera.image_statistics import Drop, ImageStatistics
from sam_tracker.ros.camera.received_image import ReceivedImage
from sam_tracker.ros.messages.stamps import nanoseconds

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.core.dynamic_range import DynamicRange
    from sam_tracker.ros.camera.image_buffer import ImageBuffer

LOG_PERIOD = 5.0
"""Seconds between warnings about one fault."""
EPOCHS = 1000
"""Epochs after which the offset that distinguishes equal stamps repeats; 1 ns each."""


class ImageIntake:
    """
    Accepts images in the order of their stamps and puts them into a buffer.

    ``receive`` and ``miss`` belong to one thread, that of the image callback.
    """

    def __init__(
        self, buffer: ImageBuffer, log: RcutilsLogger, dynamic_range: DynamicRange | None = None
    ) -> None:
        """
        Start without images.

        :param buffer: receives every accepted image, and is cleared when stamps jump back.
        :param log: of the node; warned once for each jump.
        :param dynamic_range: of the camera; None: 16-bit images have the full range.
        """
        self._buffer = buffer
        self._log = log
        self._dynamic_range = dynamic_range
        self._order = ImageOrder()
        self._last_jump = -math.inf
        self.statistics = ImageStatistics(time.monotonic_ns())
        """Counts every image once; see ``restart``."""

    def restart(self) -> None:
        """Count from zero again; the order of stamps goes on."""
        self.statistics = ImageStatistics(time.monotonic_ns())

    def receive(self, message: Image | CompressedImage) -> ReceivedImage | None:
        """
        Accept an image, or count it as dropped and return None.

        An image without a stamp gets the system time. The node's clock would not do: images would
        all have one stamp while simulated time stands. An image whose ``frame_id`` is longer than
        LONGEST_FRAME_ID is dropped and logged.
        """
        arrival = time.monotonic_ns()
        self.statistics.receive(arrival)
        if len(message.header.frame_id) > LONGEST_FRAME_ID:
            self._log.error(
                f'an image cannot be read: its frame_id has {len(message.header.frame_id)} '
                f'characters; at most {LONGEST_FRAME_ID} are allowed',
                throttle_duration_sec=LOG_PERIOD,
            )
            self.statistics.drop(Drop.UNREADABLE, arrival)
            return None
        stamp = nanoseconds(message.header.stamp) or time.time_ns()
        order = self._order.classify(stamp)
        if order is Order.REPEATED:
            self.statistics.drop(Drop.REPEATED, arrival)
            return None
        if order is Order.LATE:
            self.statistics.drop(Drop.OUT_OF_ORDER, arrival)
            return None
        if order is Order.JUMPED_BACK:
            self._log.warning('stamps have jumped back: objects are kept, their motion restarts')
            self._last_jump = time.monotonic()
            self._buffer.clear()
        # A bag in a loop brings the same stamps again. The tracker names frames by their stamps,
        # so equal stamps of two epochs must differ; a request by stamp tolerates far more.
        stamp += self._order.jumps % EPOCHS
        image = ReceivedImage(message, stamp, arrival, self._order.jumps, self._dynamic_range)
        self._buffer.add(image)
        return image

    def miss(self, count: int) -> None:
        """Count images that were published and never received."""
        self.statistics.drop(Drop.NOT_TAKEN, time.monotonic_ns(), count=count)

    @property
    def clock_jumps(self) -> int:
        """How often the stamps have jumped back."""
        return self._order.jumps

    @property
    def seconds_since_clock_jump(self) -> float:
        """Infinite before the first."""
        return time.monotonic() - self._last_jump
