# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the localizer node."""

from dataclasses import dataclass, field

from sam_tracker.localization.localizer import LocalizerSettings
from sam_tracker.localization.surface import DepthLimits
from sam_tracker.ros.parameters.declaration import AUTO, Change, declared
from sam_tracker.ros.parameters.image import RELIABILITIES

START = Change.AT_START
DEFAULTS = LocalizerSettings()


@dataclass(frozen=True)
class DepthParameters:
    """Pairing of depth images with images, and limits of their values."""

    tolerance: float = declared(
        0.05,
        'The most by which the stamps of an image and its depth image may differ.',
        minimum=0.0,
        maximum=1.0,
        unit='s',
    )
    patience: float = declared(
        0.1,
        'How long tracks wait for depth images before those at hand are used.',
        minimum=0.0,
        maximum=10.0,
        unit='s',
    )
    nearest: float = declared(
        DEFAULTS.limits.nearest,
        'Depth below this is ignored.',
        minimum=0.0,
        maximum=1000.0,
        unit='m',
    )
    farthest: float = declared(
        DEFAULTS.limits.farthest,
        'Depth above this is ignored.',
        minimum=0.0,
        maximum=1000.0,
        unit='m',
    )
    megabytes: int = declared(
        64,
        'Memory for depth images that wait for their tracks; the oldest are dropped first.',
        minimum=1,
        maximum=65536,
        unit='MB',
    )
    warning: float = declared(
        2.0,
        'Time without a depth image, or without tracks, after which diagnostics warn.',
        minimum=0.0,
        maximum=3600.0,
        unit='s',
    )


@dataclass(frozen=True)
class GroundParameters:
    """Where the ground is, for distances without depth."""

    source: str = declared(
        'none',
        'Where the ground is. mounting: `height`, `pitch` and `roll` of the camera; '
        'target_frame: it is the plane z = `level` of that frame, whose z points up.',
        choices=('none', 'mounting', 'target_frame'),
    )
    height: float = declared(
        1.0,
        'Height of the camera above the ground.',
        minimum=0.01,
        maximum=1000.0,
        unit='m',
    )
    pitch: float = declared(
        0.0,
        'Angle by which the camera looks down.',
        minimum=-90.0,
        maximum=90.0,
        unit='degrees',
    )
    roll: float = declared(
        0.0,
        'Angle by which the camera is turned clockwise, seen from behind.',
        minimum=-180.0,
        maximum=180.0,
        unit='degrees',
    )
    level: float = declared(
        0.0, 'Height of the ground in `target_frame`.', minimum=-1000.0, maximum=1000.0, unit='m'
    )


@dataclass(frozen=True)
class LocalizerParameters:
    """In the order of the documentation."""

    target_frame: str = declared(
        '',
        'Frame of all coordinates, by tf2_ros, such as odom or base_link. Empty: the optical '
        'frame of the camera.',
    )
    transform_patience: float = declared(
        0.2,
        'How long an image waits for the transform to `target_frame` at its time, before it is '
        'given up.',
        minimum=0.0,
        maximum=10.0,
        unit='s',
    )
    broadcast_frames: bool = declared(
        False,
        'Whether to broadcast a frame for each object that has a position, by tf2_ros.',
    )
    frame_prefix: str = declared(
        'object_',
        'What the names of these frames begin with; the id of the object follows.',
    )
    rectified: bool = declared(
        False,
        'Whether the images are rectified: `p` of the calibration is used instead of `k` and `d`.',
    )
    depth_transport: str = declared(
        'raw',
        'raw subscribes to `depth` (sensor_msgs/Image), compressedDepth to '
        '`depth/compressedDepth` (sensor_msgs/CompressedImage).',
        choices=('raw', 'compressedDepth'),
    )
    depth_reliability: str = declared(
        AUTO,
        'Reliability of the subscription to depth images. auto: reliable while every publisher '
        'offers it, else best effort.',
        choices=(AUTO, *RELIABILITIES),
    )
    acceleration: float = declared(
        DEFAULTS.acceleration,
        'How fast objects change their velocity: the standard deviation of its drift in one '
        'second is a twentieth of the speed, at least 0.005 m/s, more while the object is not '
        'where it was expected, and at most this. Smaller: smoother velocities, which follow '
        'later.',
        minimum=0.001,
        maximum=100.0,
        unit='m/s',
    )
    predict_for: float = declared(
        DEFAULTS.predict_for,
        'How long an object that is not measured has a predicted position.',
        minimum=0.0,
        maximum=60.0,
        unit='s',
    )
    depth: DepthParameters = field(default_factory=DepthParameters)
    ground: GroundParameters = field(default_factory=GroundParameters)
    autostart: bool = declared(
        True,
        'Configure and activate at start. false: wait for lifecycle transitions.',
        change=START,
    )

    @property
    def settings(self) -> LocalizerSettings:
        """What they mean for the localizer."""
        limits = DepthLimits(self.depth.nearest, self.depth.farthest)
        return LocalizerSettings(limits, self.acceleration, self.predict_for)
