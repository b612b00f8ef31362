# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The tracker of this package, as plain SAM 2, SAMURAI, or in between."""

from collections.abc import Callable
from dataclasses import replace
import math

import numpy as np

from sam_tracker.camera_motion.api import CameraMotionSource
from sam_tracker.camera_motion.image_flow import ImageFlow
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.followers.follower import Observation
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.runtime import Runtime
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import Track, TrackState, seen_boxes
from sam_tracker.tracking.tracker import Tracker


def selection_alone(settings: TrackerSettings) -> TrackerSettings:
    """Select masks by motion; remember every frame, with SAM 2's presence threshold."""
    return replace(
        settings.in_mode('samurai'),
        presence_logit=0.0,
        memory_affinity=0.0,
        memory_object_logit=-math.inf,
        memory_motion_score=-math.inf,
    )


def memory_alone(settings: TrackerSettings) -> TrackerSettings:
    """Select memories by motion; masks by affinity, with SAM 2's presence threshold."""
    return replace(settings.in_mode('samurai'), presence_logit=0.0, motion_weight=0.0)


def lower_presence(settings: TrackerSettings) -> TrackerSettings:
    """Use the presence threshold of the released SAMURAI for any network."""
    return replace(settings.in_mode('samurai'), presence_logit=TrackerSettings.presence_logit)


def whole_image(settings: TrackerSettings) -> TrackerSettings:
    """Look for small objects in the whole image too."""
    return replace(settings, closer_look=False)


def aspect_and_height(settings: TrackerSettings) -> TrackerSettings:
    """Use aspect ratio and height in the Kalman filter, as the released code does."""
    return replace(settings.in_mode('samurai'), motion_model='kalman_aspect_height')


MODES: dict[str, Callable[[TrackerSettings], TrackerSettings]] = {
    'sam2': lambda settings: settings.in_mode('sam2'),
    'selection': selection_alone,
    'memory': memory_alone,
    'samurai': lambda settings: settings.in_mode('samurai'),
    'lower_presence': lower_presence,
    'aspect_height': aspect_and_height,
    'sam_tracker': lambda settings: settings.in_mode('sam_tracker'),
    'dam': lambda settings: settings.in_mode('dam'),
    'samurai_dam': lambda settings: settings.in_mode('samurai_dam'),
    'whole_image': whole_image,
    'camera_motion': lambda settings: settings,
    'samurai_released': lambda settings: settings.in_mode('samurai_released'),
}
"""Each mode's change of the settings that suit a network."""
CAMERA_MOTION = 'camera_motion'
"""The mode in which the motion of the camera is measured by the images."""


class SamFollower:
    """Tracks with one network and some settings; each sequence gets its own tracker."""

    def __init__(
        self,
        name: str,
        network: VideoNetwork,
        settings: TrackerSettings,
        camera_motion: CameraMotionSource | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self.name = name
        self._network = network
        self._settings = settings
        self._camera_motion = camera_motion
        self._runtime = runtime
        self.begin()

    def begin(self) -> None:
        self._tracker = Tracker(self._network, self._settings, self._runtime)
        self._object_ids: dict[int, int] = {}
        self._newest: Frame | None = None

    def prompt(self, frame: Frame, object_id: int, prompt: Prompt) -> Observation:
        track = self._tracker.add_prompt(frame, prompt)
        self._object_ids[track.object_id] = object_id
        self._newest = frame
        return _observation(track)

    def step(self, frame: Frame) -> dict[int, Observation]:
        if self._camera_motion is not None and self._newest is not None:
            boxes = seen_boxes(self._tracker.objects)
            motion = self._camera_motion.between(self._newest, frame, boxes)
            frame = replace(frame, camera_motion=motion)
        self._newest = frame
        tracks = self._tracker.step(frame)
        self._tracker.verify()
        return {self._object_ids[track.object_id]: _observation(track) for track in tracks}


def in_mode(
    mode: str,
    network: VideoNetwork,
    exclusive: bool | None = None,
    runtime: Runtime | None = None,
) -> SamFollower:
    """
    Return the network in one of MODES.

    :param exclusive: whether no two objects may share a pixel; None: as the mode has it.
    :param runtime: by which the network was placed; None: it was not.
    """
    settings = MODES[mode](TrackerSettings.for_network(network.suited_settings))
    if exclusive is not None:
        settings = replace(settings, exclusive=exclusive)
    camera_motion = ImageFlow() if mode == CAMERA_MOTION else None
    return SamFollower(mode, network, settings, camera_motion, runtime)


def _observation(track: Track) -> Observation:
    seen = track.state is TrackState.TRACKED
    mask = track.mask if seen else np.zeros(track.image_size[::-1], np.bool_)
    return Observation(mask, track.box if seen else None)
