# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the tracker node: the one place where they are named and explained."""

from dataclasses import dataclass, field

from sam_tracker.core.time import SECOND
from sam_tracker.ros.parameters.camera_node import CameraNodeParameters
from sam_tracker.ros.parameters.declaration import Change, declared
from sam_tracker.ros.parameters.detections import DetectionParameters
from sam_tracker.ros.parameters.segmentation import SegmentationParameters
from sam_tracker.tracking.settings import DEFAULT_MODE, MODES, TrackerSettings

DEFAULTS = TrackerSettings()
"""The tracker's own defaults; here they only get names, units and explanations."""


@dataclass(frozen=True)
class MotionParameters:
    """The motion model, in the modes that have one."""

    weight: float | None = declared(
        None,
        'Weight of the motion score in the selection of a mask; the predicted IoU has the rest. '
        'auto: what suits the network, 0.15 for large and 0.25 for the others.',
        change=Change.LIVE,
        kind=float,
        minimum=0.0,
        maximum=1.0,
    )
    stable_frames: int = declared(
        DEFAULTS.stable_frames,
        'Confirmed frames in a row after which the motion score is used in the selection.',
        change=Change.LIVE,
        minimum=1,
        maximum=1000,
    )
    stable_affinity: float = declared(
        DEFAULTS.stable_affinity,
        'Minimum predicted IoU of a mask to confirm a frame.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    nominal_rate: float = declared(
        round(SECOND / DEFAULTS.frame_period, 3),
        'Frame rate for which the noise of the motion model holds. It limits nothing: images may '
        'come at any rate, and the model uses their stamps.',
        minimum=0.1,
        maximum=1000.0,
        unit='Hz',
    )


@dataclass(frozen=True)
class CameraMotionParameters:
    """How the motion of the camera is measured, which the motion model takes into account."""

    source: str = declared(
        'images',
        'images: by the optical flow beside the objects, about 2 ms for an image. imu: by the '
        "angular velocities on the topic imu and the camera's camera_info. tf: by the transforms "
        'from the frame of camera_info to fixed_frame; needs tf2_ros, and transforms that are '
        "there before their image. off: the motion model takes the camera's motion for that of "
        'the objects.',
        choices=('off', 'images', 'imu', 'tf'),
    )
    fixed_frame: str = declared(
        'odom',
        'Frame that does not turn with the camera, for the source tf.',
    )
    imu_roll: float = declared(
        0.0,
        'Orientation of the frame of the imu in the optical frame of the camera: roll about x, '
        'then pitch about y, then yaw about z. All zero: its axes are those of the optical frame, '
        'x to the right, y down, z forward, as in most cameras with an imu. Roll 1.5708 and pitch '
        '-1.5708: its axes are those of a robot, x forward, y left, z up.',
        minimum=-3.15,
        maximum=3.15,
        unit='rad',
    )
    imu_pitch: float = declared(0.0, 'See imu_roll.', minimum=-3.15, maximum=3.15, unit='rad')
    imu_yaw: float = declared(0.0, 'See imu_roll.', minimum=-3.15, maximum=3.15, unit='rad')


@dataclass(frozen=True)
class MemoryParameters:
    """Which frames are remembered, in the modes with SAMURAI's memory."""

    affinity: float = declared(
        DEFAULTS.memory_affinity,
        'A frame is remembered only if the predicted IoU of its mask is above this.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    object_score: float = declared(
        DEFAULTS.memory_object_logit,
        'A frame is remembered only if its object score (a logit) is above this.',
        change=Change.LIVE,
        minimum=-100.0,
        maximum=100.0,
    )
    motion_score: float = declared(
        DEFAULTS.memory_motion_score,
        'A frame is remembered only if its motion score, where it has one, is above this.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=1.0,
    )


@dataclass(frozen=True)
class SavedObjectsParameters:
    """Whether objects survive a restart of the node."""

    file: str = declared(
        '',
        'File for the masks of all objects, written when the node is deactivated or ends. A node '
        'that starts with it goes on tracking them, from its first image on, under their ids. '
        'Empty: objects are not saved.',
    )
    period: float = declared(
        0.0,
        'Time between two writings of the file while the node tracks, so that objects survive a '
        'crash too. 0: only at the end.',
        minimum=0.0,
        maximum=3600.0,
        unit='s',
    )
    maximum_age: float = declared(
        30.0,
        'Objects of a file that is older than this are not tracked again: they have moved.',
        minimum=0.0,
        maximum=1e6,
        unit='s',
    )


@dataclass(frozen=True)
class TrackingParameters:
    """How objects are tracked."""

    mode: str = declared(
        DEFAULT_MODE,
        'Rules by which masks are selected and frames remembered. samurai: both by motion. '
        'sam_tracker: the same, and a mask must look like the object (familiarity). dam: '
        'masks by predicted IoU, frames that tell the object from look-alikes (DAM4SAM). '
        'samurai_dam: masks by motion, frames as in dam. sam2: plain SAM 2. samurai_released: '
        "SAMURAI's code to the letter, in what no other parameter says.",
        choices=tuple(MODES),
    )
    no_image_warning: float = declared(
        3.0,
        'Time without an image after which diagnostics warn.',
        change=Change.LIVE,
        minimum=0.1,
        maximum=3600.0,
        unit='s',
    )
    catch_up_frames: int = declared(
        8,
        'Images, evenly spread, over which an object prompted on an older image is tracked up to '
        'the newest one. More are more reliable and delay the next image longer.',
        change=Change.LIVE,
        minimum=1,
        maximum=1000,
    )
    service_timeout: float = declared(
        10.0,
        'Time after which a service that waits for the tracker answers that it could not.',
        change=Change.LIVE,
        minimum=0.1,
        maximum=600.0,
        unit='s',
    )
    maximum_objects: int = declared(
        DEFAULTS.maximum_objects,
        'Objects that may be tracked at once; bounds the memory of the node.',
        minimum=1,
        maximum=65535,
    )
    lost_after: float = declared(
        DEFAULTS.lost_after / SECOND,
        'Time an object is not seen after which it is LOST and its motion is forgotten.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=3600.0,
        unit='s',
    )
    forget_after: float = declared(
        DEFAULTS.forget_after / SECOND,
        'Time a LOST object is searched before it is removed, as its last track says. 0: never. '
        'Pauses of the camera do not count.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=1e6,
        unit='s',
    )
    closer_look: str = declared(
        'auto' if DEFAULTS.closer_look else 'off',
        'auto: look for a small object, of up to 12 % of the side of the image, in a window '
        'around it, which is resized to the input of the network; the whole image is used for '
        'objects that are larger or lost. Each small object costs an encoding of its own on '
        'every frame. A box that prompts is decoded in such a window too. '
        'off: always the whole image, as in SAM 2.',
        change=Change.LIVE,
        choices=('off', 'auto'),
    )
    resolve_overlaps: bool = declared(
        DEFAULTS.exclusive,
        'Give pixels that two objects claim to the better supported one, and mark duplicates.',
        change=Change.LIVE,
    )
    same_object: float = declared(
        DEFAULTS.same_object,
        'A prompt without object id whose mask has an IoU above this with that of a tracked '
        'object is answered with that object, if overlaps are resolved. 1: never.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    familiarity: float | None = declared(
        None,
        'Cosine of the mean image embedding of a mask to those of the prompted masks, below which '
        'the mask shows something else and the object counts as absent. -1: all masks are taken '
        'for the object, and none is verified. auto: what the mode says, which in sam_tracker is '
        '0.4 for nano and mobile and no comparison for other networks.',
        change=Change.LIVE,
        kind=float,
        minimum=-1.0,
        maximum=1.0,
    )
    certain_familiarity: float | None = declared(
        None,
        'The same cosine, from which on a mask certainly shows the object. What lies between is '
        'tracked backwards to verify it. Not above familiarity: no mask is verified. auto: what '
        'suits the network, 0.75 for mobile and no verification for other networks.',
        change=Change.LIVE,
        kind=float,
        minimum=-1.0,
        maximum=1.0,
    )
    motion: MotionParameters = field(default_factory=MotionParameters)
    camera_motion: CameraMotionParameters = field(default_factory=CameraMotionParameters)
    memory: MemoryParameters = field(default_factory=MemoryParameters)
    detections: DetectionParameters = field(default_factory=DetectionParameters)
    saved_objects: SavedObjectsParameters = field(default_factory=SavedObjectsParameters)


@dataclass(frozen=True)
class TrackerParameters(SegmentationParameters, TrackingParameters, CameraNodeParameters):
    """
    All parameters of the tracker node.

    Their order, in the parameter file and in the table of the README, is that of the base classes
    from the last to the first.
    """
