# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Publishes a video file, a folder of images, or a test pattern as a camera.

The topics are `image` (sensor_msgs/Image), `image/compressed` (sensor_msgs/CompressedImage) and
`camera_info` (sensor_msgs/CameraInfo). When `image` is remapped, the other two move with it, as
with any camera.
"""

from collections.abc import Sequence
import sys
import time
from typing import Any

from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from tqdm import tqdm

from sam_tracker.core.paths import expanded
from sam_tracker.core.time import SECOND
from sam_tracker.ros.camera.camera_info import (
    CalibrationError,
    pinhole_camera_info,
    read_camera_info,
)
from sam_tracker.ros.camera.camera_topics import CameraTopics, image_publisher
from sam_tracker.ros.images.conversion import (
    ImageError,
    compressed_image_message,
    converted_from_bgr,
    image_message,
)
from sam_tracker.ros.messages.stamps import time_message
from sam_tracker.ros.parameters.node_parameters import declare
from sam_tracker.ros.parameters.video import VideoParameters
from sam_tracker.ros.process.run_node import NodeFinished, run_node
from sam_tracker.video.frame_source import Frame, VideoError
from sam_tracker.video.sources import open_source, silence_decoders

SETTLING_TIME = 0.5
"""Seconds from finding the subscribers to the first image, so that they find the publisher."""

LAST_IMAGES = Duration(seconds=2)
"""Longest wait for the last images to arrive before the node ends."""

RECORDING_START = SECOND
"""Stamp of the first frame of a source without times, in ns; not zero, which means no stamp."""


class VideoNode(Node):
    """Publishes each frame at its time in the recording, and decodes the next in between."""

    def __init__(self, **options: object) -> None:
        """
        Open the source and start publishing.

        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        :raises VideoError: the source cannot be read.
        """
        super().__init__('video', **options)
        self._settings = declare(self, VideoParameters)
        self._source = open_source(
            self._settings.source, self._settings.width or 0, self._settings.height or 0
        )
        self._rate = self._settings.rate or self._source.rate
        first = self._source.read()
        if first is None:
            raise VideoError(f'source {self._settings.source!r} has no frame')
        self._next: Frame | None = first
        height, width = first.bgr.shape[:2]
        self._camera_info = self._make_camera_info(width, height)
        if self._settings.image_transport != 'raw':
            # Refuse now, not at the first image, an encoding that cannot be compressed.
            self._compress(converted_from_bgr(first.bgr, self._settings.encoding), Header())
        self._make_publishers()

        self._published = 0
        self._started = 0.0
        self._loop_start = 0
        self._subscribers_found: float | None = None
        self._progress: tqdm | None = None
        self._timer = self.create_timer(0.02, self._wait_for_subscribers)
        self.get_logger().info(
            f'{self._settings.source}: {width}x{height} {self._settings.encoding} '
            f'at {self._rate:g} Hz on {", ".join(each.topic_name for each in self._images)}'
        )

    def _make_camera_info(self, width: int, height: int) -> CameraInfo:
        if self._settings.calibration_file:
            path = expanded(self._settings.calibration_file)
            return read_camera_info(path, width, height)
        return pinhole_camera_info(width, height, self._settings.horizontal_field_of_view)

    def _make_publishers(self) -> None:
        settings, topics = self._settings, CameraTopics.of(self)
        quality = (settings.reliability, settings.depth)
        self._raw = self._compressed = self._info = None
        if settings.image_transport in {'raw', 'both'}:
            self._raw = image_publisher(self, Image, topics.image, *quality)
        if settings.image_transport in {'compressed', 'both'}:
            self._compressed = image_publisher(self, CompressedImage, topics.compressed, *quality)
        if settings.camera_info:
            self._info = image_publisher(self, CameraInfo, topics.camera_info, *quality)
        made = (self._raw, self._compressed)
        self._images: list[Publisher] = [each for each in made if each is not None]

    def _expected_frames(self) -> int | None:
        counts = [count for count in (self._settings.frames, self._source.frame_count) if count]
        return min(counts, default=None)

    def _wait_for_subscribers(self) -> None:
        wanted = self._settings.wait_for_subscribers
        found = sum(each.get_subscription_count() for each in self._images)
        if found < wanted:
            self._subscribers_found = None
            self.get_logger().info(
                f'waiting for {wanted} subscribers, found {found}', throttle_duration_sec=5.0
            )
            return
        now = time.monotonic()
        if self._subscribers_found is None:
            self._subscribers_found = now
        if wanted and now < self._subscribers_found + SETTLING_TIME:
            return
        self.destroy_timer(self._timer)
        self._started = time.monotonic()
        self._progress = tqdm(
            total=self._expected_frames(),
            unit='frame',
            # None: shown in a terminal only.
            disable=None if self._settings.progress and not self._settings.loop else True,
        )
        self._speed = self._rate / self._source.rate
        self._due = time.monotonic_ns()
        self._timer = self.create_timer(1 / self._rate, self._play)
        self._play()

    def _play(self) -> None:
        frame = self._next
        if frame is None or (self._settings.frames and self._published == self._settings.frames):
            self._finish()
            return
        self._publish(frame)
        self._published += 1
        if self._progress is not None:
            self._progress.update()
        self._next = self._source.read()
        pause = round(SECOND / self._source.rate)
        if self._next is not None:
            pause = self._next.nanoseconds - frame.nanoseconds
        elif self._settings.loop:
            self._loop_start += frame.nanoseconds + pause
            self._source.rewind()
            self._next = self._source.read()
        self._wait(pause)

    def _wait(self, pause: int) -> None:
        """Schedule the next frame, a number of nanoseconds of the recording after this one."""
        now = time.monotonic_ns()
        # A frame that is late delays those after it: they are not hurried.
        self._due = max(self._due + round(pause / self._speed), now)
        self._timer.timer_period_ns = max(self._due - now, 1)
        self._timer.reset()

    def _publish(self, frame: Frame) -> None:
        header = Header(frame_id=self._settings.frame_id)
        if self._settings.stamps == 'recorded':
            start = RECORDING_START if self._source.start is None else self._source.start
            header.stamp = time_message(start + self._loop_start + frame.nanoseconds)
        else:
            header.stamp = self.get_clock().now().to_msg()
        image = converted_from_bgr(frame.bgr, self._settings.encoding)
        if self._raw is not None:
            self._raw.publish(image_message(image, self._settings.encoding, header))
        if self._info is not None:
            self._camera_info.header = header
            self._info.publish(self._camera_info)
        if self._compressed is not None and self._compressed.get_subscription_count():
            self._compressed.publish(self._compress(image, header))

    def _compress(self, image: NDArray[Any], header: Header) -> CompressedImage:
        return compressed_image_message(
            image,
            self._settings.encoding,
            header,
            codec=self._settings.compressed_format,
            jpeg_quality=self._settings.jpeg_quality,
        )

    def _finish(self) -> None:
        seconds = time.monotonic() - self._started
        for publisher in self._images:
            publisher.wait_for_all_acked(LAST_IMAGES)
        self._close_progress()
        self.get_logger().info(
            f'published {self._published} frames in {seconds:.1f} s '
            f'({self._published / seconds:.2f} Hz)'
        )
        if self._source.undecoded:
            self.get_logger().warning(
                f'{self._source.undecoded} damaged frames of {self._settings.source} were skipped'
            )
        raise NodeFinished

    def _close_progress(self) -> None:
        if self._progress is not None:
            self._progress.close()

    def destroy_node(self) -> None:
        self._close_progress()
        self._source.close()
        super().destroy_node()


def main(args: Sequence[str] | None = None) -> int:
    silence_decoders()
    return run_node('video', VideoNode, args, refusals=(VideoError, ImageError, CalibrationError))


if __name__ == '__main__':
    sys.exit(main())
