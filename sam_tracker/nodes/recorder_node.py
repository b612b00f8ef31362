# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Records tracks and their images as a video, plots and text files in one folder.

It subscribes to `image` (or `image/compressed`) and `tracks` (sam_tracker/TrackArray), and pairs
messages with equal headers. The files are complete after SIGINT, SIGTERM, `stop_after` and
`idle_timeout`.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.qos import QoSProfile
from tqdm import tqdm

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.paths import expanded
from sam_tracker.msg import TrackArray
from sam_tracker.recording.frame import RecordingError
from sam_tracker.recording.recording import Recording
from sam_tracker.ros.camera.header_match import HeaderMatch
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.ros.images.conversion import ImageError, rgb_image
from sam_tracker.ros.messages.recorded_tracks import (
    TrackMessageError,
    check_size,
    recorded_frame,
)
from sam_tracker.ros.parameters.node_parameters import declare
from sam_tracker.ros.parameters.recorder import RecorderParameters
from sam_tracker.ros.process.run_node import REFUSED, NodeFinished, run_node
from sam_tracker.video.sources import silence_decoders

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.ros.camera.header_match import Pair

NAME = 'recorder'

IMAGE_DEPTH = 8
"""Images queued while one is written."""

TRACKS = QoSProfile(depth=50)

CHECK_PERIOD = 0.5
"""Seconds between checks of the clock and of the publishers."""

SILENCE = 3.0
"""Seconds without a pair before a warning gives the reasons."""


class RecorderNode(Node):
    """Writes each image with its tracks as soon as both have arrived."""

    def __init__(self, **options: object) -> None:
        """
        Create the folder and subscribe.

        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        :raises RecordingError: the folder cannot be written.
        """
        super().__init__(NAME, **options)
        self._settings = declare(self, RecorderParameters)
        self.folder = _folder(self._settings.output_folder)
        self.recording = Recording(
            self.folder, self._settings.video_rate, self._settings.video_codec
        )
        self._range = DynamicRange()
        self._match = HeaderMatch(self._settings.buffer_megabytes * 1_000_000)
        self._input = ImageInput(
            self,
            self._settings.image_transport,
            self._settings.image_reliability,
            self._on_image,
            self.default_callback_group,
            depth=IMAGE_DEPTH,
        )
        self._input.start()
        self._tracks = self.create_subscription(TrackArray, 'tracks', self._on_tracks, TRACKS)
        self._last_pair = time.monotonic()
        expected = self._settings.expected_frames or self._settings.stop_after
        self._progress = tqdm(
            total=expected,
            unit='image',
            # None: shown in a terminal only.
            disable=None if expected else True,
        )
        self.create_timer(CHECK_PERIOD, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(
            f'recording {self._input.topic} and {self._tracks.topic_name} to {self.folder}'
        )

    @property
    def tracks_without_image(self) -> int:
        return self._match.tracks_without_image + self._match.waiting[1]

    def destroy_node(self) -> None:
        self._progress.close()
        super().destroy_node()

    def _on_image(self, image: 'Image | CompressedImage') -> None:
        self._record(self._match.add_image(image))

    def _on_tracks(self, tracks: TrackArray) -> None:
        self._record(self._match.add_tracks(tracks))

    def _record(self, pair: 'Pair | None') -> None:
        if pair is None:
            return
        image, tracks = pair
        self._last_pair = time.monotonic()
        try:
            frame = recorded_frame(tracks)
            picture = np.asarray(
                cv2.cvtColor(rgb_image(image, self._range), cv2.COLOR_RGB2BGR), np.uint8
            )
            check_size(frame, picture)
        except (ImageError, TrackMessageError) as error:
            self.get_logger().warning(f'not recorded: {error}', throttle_duration_sec=5.0)
            return
        self.recording.add(frame, picture)
        self._progress.update()
        if self.recording.images == self._settings.stop_after:
            raise NodeFinished

    def _check(self) -> None:
        silence = time.monotonic() - self._last_pair
        idle_timeout = self._settings.idle_timeout
        if idle_timeout and self.recording.images and silence > idle_timeout:
            raise NodeFinished
        reasons = self._input.check(silent=silence > SILENCE)
        if silence < SILENCE:
            return
        if not self.count_publishers(self._tracks.topic_name):
            reasons.append(f'no publisher of {self._tracks.topic_name}')
        images, tracks = self._match.waiting
        if images and tracks:
            reasons.append('the headers of images and tracks do not match')
        elif tracks and not reasons:
            reasons.append(f'no images on {self._input.topic}')
        elif images and not reasons:
            reasons.append(f'no tracks on {self._tracks.topic_name}')
        self.get_logger().info(
            f'nothing to record: {"; ".join(reasons) or "no images come"}',
            throttle_duration_sec=10.0,
        )


def main(args: Sequence[str] | None = None) -> int:
    """Record until stopped or done; complete the files in any case."""
    made: list[RecorderNode] = []

    def make_node() -> RecorderNode:
        made.append(RecorderNode())
        return made[0]

    silence_decoders()
    exit_code = REFUSED
    try:
        exit_code = run_node(NAME, make_node, args, refusals=(RecordingError,))
    finally:
        if made:
            exit_code = _complete(made[0], exit_code)
    return exit_code


def _complete(node: RecorderNode, exit_code: int) -> int:
    """Complete the files and return the exit code; ``exit_code`` is that of the recording."""
    logger = get_logger(NAME)
    try:
        paths = node.recording.finish()
    except RecordingError as error:
        if not exit_code:  # else the same has been said already
            logger.fatal(str(error))
        return REFUSED
    logger.info(
        f'recorded {node.recording.images} images to {node.folder}: '
        + ', '.join(path.name for path in paths)
    )
    if node.tracks_without_image:
        logger.warning(f'{node.tracks_without_image} images came too late or not at all')
    return exit_code


def _folder(given: str) -> Path:
    if given:
        return expanded(given)
    return Path(f'sam_tracker_{datetime.now().astimezone():%Y%m%d_%H%M%S}')


if __name__ == '__main__':
    sys.exit(main())
