# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""State of a configured localizer node: converts messages to published places."""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING

from std_msgs.msg import Header

from sam_tracker.core.time import SECOND
from sam_tracker.localization.camera import Camera, CameraError
from sam_tracker.localization.depth_image import DepthImage
from sam_tracker.localization.depth_match import DepthMatch, Match
from sam_tracker.localization.ground import Ground
from sam_tracker.localization.localizer import Localizer, View
from sam_tracker.msg import TrackArray
from sam_tracker.nodes.localizer.frames import Frames
from sam_tracker.nodes.localizer.localizer_output import LocalizerOutput
from sam_tracker.nodes.localizer.transform_queue import TransformQueue
from sam_tracker.ros.camera.transforms import TransformError, frame_text
from sam_tracker.ros.images.depth import ReceivedDepth, received_depth
from sam_tracker.ros.images.encodings import ImageError
from sam_tracker.ros.messages.calibration import calibrated_camera
from sam_tracker.ros.messages.places import PlacedObject, seen_object
from sam_tracker.ros.messages.recorded_tracks import TrackMessageError, recorded_frame
from sam_tracker.ros.messages.stamps import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.callback_groups import CallbackGroup
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image

    from sam_tracker.localization.place import Place
    from sam_tracker.localization.rigid_transform import RigidTransform
    from sam_tracker.ros.parameters.localizer import LocalizerParameters
    from sam_tracker.ros.process.managed_node import ManagedNode

FAULT_TIME = 5.0
"""Seconds for which a fault is named after it was last seen."""


class Fault(enum.Enum):
    """Problem of an image; reported with the text of its last occurrence."""

    TRACKS = 'tracks that contradict themselves'
    CAMERA = 'no usable calibration'
    DEPTH = 'no usable depth image'
    STAMPS = 'depth images too far away in time'
    REGISTRATION = 'depth images of another frame'
    EMPTY = 'images without depth on any object'
    FRAME = 'no transform'


class LocalizerSession:
    """
    Places the objects of each TrackArray; for one thread.

    A fault affects only what it concerns: without usable depth there are directions, without
    calibration or transform nothing is published for the image. Depth of another frame is used.
    Faults are counted and named, also while nobody subscribes to the results; only depth images
    are not decoded then.
    """

    def __init__(
        self,
        node: ManagedNode,
        parameters: LocalizerParameters,
        wake: Callable[[], None],
        group: CallbackGroup,
    ) -> None:
        """
        Create the publishers.

        :param wake: calls ``place_ready``; it is called in ``group`` when a transform has come.
        :raises ParameterError: a parameter needs something that is not installed.
        """
        self._parameters = parameters
        self._log = node.get_logger()
        self._frames = Frames(node, parameters, wake, group)
        self._output = LocalizerOutput(node)
        self._localizer = Localizer(parameters.settings)
        depth = parameters.depth
        self._match: DepthMatch[TrackArray, ReceivedDepth] = DepthMatch(
            tolerance=round(depth.tolerance * SECOND),
            patience=round(depth.patience * SECOND),
            most_bytes=depth.megabytes * 1_000_000,
        )
        self._queue: TransformQueue[Match[TrackArray, ReceivedDepth]] = TransformQueue(
            lambda match: self._frames.to_target(match.item.header),
            round(parameters.transform_patience * SECOND),
        )
        self._camera_info: CameraInfo | None = None
        self._camera: Camera | None = None
        self._frame = ''
        self.images = 0
        """Images whose objects were placed."""
        self.images_with_depth = 0
        self.last_depth = self.last_tracks = time.monotonic()
        """When a depth image came, and tracks."""
        self._empty_since: float | None = None
        """From when on depth was on no visible object; None: it was on the last image."""
        self.fault_counts: dict[Fault, int] = dict.fromkeys(Fault, 0)
        self._faults: dict[Fault, tuple[str, float]] = {}

    def close(self) -> None:
        self._frames.close()
        self._output.destroy()

    @property
    def faults(self) -> list[str]:
        """The faults of the last seconds, in words."""
        now = time.monotonic()
        return [text for text, seen in self._faults.values() if now - seen < FAULT_TIME]

    def receive_calibration(self, message: CameraInfo) -> None:
        # Most cameras send the same one with every image; comparing is cheaper than converting.
        if self._camera_info is None or _changed(self._camera_info, message):
            self._camera = None
        self._camera_info = message

    def receive_depth(self, message: Image | CompressedImage) -> None:
        self.last_depth = time.monotonic()
        try:
            depth = received_depth(message)
        except ImageError as error:
            self._report(Fault.DEPTH, str(error))
            return
        self._match.add_depth(nanoseconds(message.header.stamp), depth, depth.nbytes)
        self.place_ready()

    def receive_tracks(self, message: TrackArray) -> None:
        self.last_tracks = time.monotonic()
        stamp = nanoseconds(message.header.stamp)
        self._frames.follow(stamp)
        self._match.add(stamp, message, time.monotonic_ns())
        self.place_ready()

    def place_ready(self) -> None:
        """Place the objects of all images that need not wait for anything any longer."""
        now = time.monotonic_ns()
        for match in self._match.ready(now):
            self._queue.add(match, now)
        for match, to_output in self._queue.ready(now):
            if isinstance(to_output, TransformError):
                self._report(Fault.FRAME, str(to_output))
                self._frames.missed()
                continue
            try:
                self._place(match, to_output)
            except TrackMessageError as error:
                self._report(Fault.TRACKS, str(error))
            except CameraError as error:
                self._report(Fault.CAMERA, str(error))
        if (first := self._queue.first) is not None:
            self._frames.wait_for(first.item.header)

    def _place(
        self, match: Match[TrackArray, ReceivedDepth], to_output: RigidTransform | None
    ) -> None:
        """
        Place the objects of one image, and publish.

        :raises TrackMessageError: the tracks contradict themselves.
        :raises CameraError: there is no usable calibration of the image.
        """
        tracks = match.item
        camera = self._camera_for(tracks)
        usable = self._usable(match.depth, camera, tracks.header.frame_id)
        frame = recorded_frame(tracks)
        if not (self._output.wanted or self._frames.broadcasting):
            return
        depth = None if usable is None else self._decoded(usable)
        ground = self._ground(to_output)
        view = View(frame.stamp, camera, depth, ground, to_output)
        output_frame = self._frames.target or tracks.header.frame_id
        if output_frame != self._frame:
            self._localizer.restart()
            self._frame = output_frame
        places = self._localizer.places(view, [seen_object(each) for each in frame.tracks])
        header = Header(stamp=tracks.header.stamp, frame_id=output_frame)
        placed = [
            PlacedObject(place, track.label, track.state)
            for place, track in zip(places, tracks.tracks, strict=True)
        ]
        if depth is not None:
            self._check_placed(places)
        self._output.publish(header, placed, None if depth is None else match.offset)
        self._frames.broadcast(header, places)
        self.images += 1
        self.images_with_depth += depth is not None

    def _check_placed(self, places: Sequence[Place]) -> None:
        """
        Report that for long no object was placed although there is depth.

        On single images all may be small, and those beyond the range of depth may be on a ground.
        """
        visible = [each for each in places if each.direction is not None]
        limits, now = self._parameters.depth, time.monotonic()
        if not visible or any(each.measurement is not None for each in visible):
            self._empty_since = None
            return
        if self._empty_since is None:
            self._empty_since = now
        if now - self._empty_since > limits.warning:
            self._report(
                Fault.EMPTY,
                f'no depth from {limits.nearest:g} to {limits.farthest:g} m on any of '
                f'{len(visible)} visible objects',
            )

    def _camera_for(self, tracks: TrackArray) -> Camera:
        if self._camera_info is None:
            raise CameraError('no camera_info has come')
        if self._camera is None:
            self._camera = calibrated_camera(
                self._camera_info, rectified=self._parameters.rectified
            )
        camera = self._camera
        if (camera.width, camera.height) != (tracks.image_width, tracks.image_height):
            raise CameraError(
                f'camera_info is for images of {camera.width}x{camera.height}, and the tracks are '
                f'for {tracks.image_width}x{tracks.image_height}'
            )
        return camera

    def _usable(
        self, depth: ReceivedDepth | None, camera: Camera, frame_id: str
    ) -> ReceivedDepth | None:
        """
        Return the depth of an image if it has the image's size; report what is wrong.

        :param frame_id: of the image.
        """
        if depth is None:
            if self._match.has_depth:
                tolerance = self._parameters.depth.tolerance
                self._report(Fault.STAMPS, f'no depth image within {tolerance:g} s of the image')
            return None
        if (depth.width, depth.height) != (camera.width, camera.height):
            self._report(
                Fault.DEPTH,
                f'the depth image has {depth.width}x{depth.height} pixels and the image '
                f'{camera.width}x{camera.height}: it must be registered to the image',
            )
            return None
        if depth.frame_id != frame_id:
            self._report(
                Fault.REGISTRATION,
                f'the depth image has frame {frame_text(depth.frame_id)} and the image '
                f'{frame_text(frame_id)}: it must be registered to the image',
            )
        return depth

    def _decoded(self, depth: ReceivedDepth) -> DepthImage | None:
        try:
            return DepthImage(depth.values, depth.unit)
        except ImageError as error:
            self._report(Fault.DEPTH, str(error))
            return None

    def _ground(self, to_output: RigidTransform | None) -> Ground | None:
        ground = self._parameters.ground
        if ground.source == 'mounting':
            return Ground.below(ground.height, ground.pitch, ground.roll)
        if ground.source == 'target_frame' and to_output is not None:
            return to_output.ground(ground.level)
        return None

    def _report(self, fault: Fault, text: str) -> None:
        self.fault_counts[fault] += 1
        known = self._faults.get(fault)
        now = time.monotonic()
        if known is None or now - known[1] > FAULT_TIME or known[0] != text:
            self._log.warning(text, throttle_duration_sec=FAULT_TIME)
        self._faults[fault] = (text, now)


def _changed(before: CameraInfo, after: CameraInfo) -> bool:
    names = ('width', 'height', 'distortion_model', 'binning_x', 'binning_y', 'roi')
    if any(getattr(before, name) != getattr(after, name) for name in names):
        return True
    return any(
        list(getattr(before, name)) != list(getattr(after, name)) for name in ('k', 'd', 'p')
    )
