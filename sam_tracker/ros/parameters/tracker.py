# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the tracker node: the one place where they are named and explained."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import Change, declared
from sam_tracker.ros.parameters.image import ImageParameters
from sam_tracker.ros.parameters.network import NetworkParameters
from sam_tracker.ros.parameters.segmentation import SegmentationParameters


@dataclass(frozen=True)
class TrackingParameters:
    """How objects are followed."""

    autostart: bool = declared(
        True,
        'Configure and activate at start. Off: wait for lifecycle transitions.',
        change=Change.AT_START,
    )

    catch_up_frames: int = declared(
        8,
        'Images, spread evenly, on which an object prompted in the past is followed up to the '
        'present. More follow it more surely, and the present waits longer.',
        change=Change.LIVE,
        minimum=1,
        maximum=1000,
    )
    service_timeout: float = declared(
        10.0,
        'How long a service waits for the tracker before it answers that it could not.',
        change=Change.LIVE,
        minimum=0.1,
        maximum=600.0,
        unit='s',
    )
    no_image_warning: float = declared(
        3.0,
        'Time without an image after which diagnostics warn.',
        change=Change.LIVE,
        minimum=0.1,
        maximum=3600.0,
        unit='s',
    )

    motion_aware: bool = declared(
        True,
        "Choose masks and memories by SAMURAI's rules. Off: plain SAM 2.",
    )
    motion_weight: float = declared(
        -1.0,
        'Weight of the motion score against the mask affinity, 0 to 1. '
        'Negative: what suits the network, 0.15 for large and 0.25 for the others.',
        minimum=-1.0,
        maximum=1.0,
    )
    stable_frames: int = declared(
        15,
        'Confirmed frames in a row after which the motion model has a say.',
        minimum=1,
        maximum=1000,
    )
    stable_affinity: float = declared(
        0.3,
        'Mask affinity below which a frame confirms nothing.',
        minimum=0.0,
        maximum=1.0,
    )
    memory_affinity: float = declared(
        0.5,
        'Mask affinity above which a frame is worth remembering.',
        minimum=0.0,
        maximum=1.0,
    )
    memory_object_score: float = declared(
        0.0,
        'Object score (a logit) above which a frame is worth remembering.',
        minimum=-100.0,
        maximum=100.0,
    )
    memory_motion_score: float = declared(
        0.0,
        'Motion score above which a frame is worth remembering.',
        minimum=0.0,
        maximum=1.0,
    )
    frame_rate: float = declared(
        30.0,
        'Rate of the camera for which the noise of the motion model holds. Images may come at any '
        'rate: the model goes by their stamps.',
        minimum=0.1,
        maximum=1000.0,
        unit='Hz',
    )
    lost_after: float = declared(
        2.0,
        'Time without sight of an object after which it is LOST, and its motion forgotten.',
        minimum=0.0,
        maximum=3600.0,
        unit='s',
    )
    exclusive: bool = declared(
        True,
        'Give pixels that two objects claim to the better supported one, and tell duplicates.',
    )
    maximum_objects: int = declared(
        64,
        'Objects that may be followed at once; bounds the memory of the node.',
        minimum=1,
        maximum=65535,
    )


@dataclass(frozen=True)
class TrackerParameters(
    SegmentationParameters, TrackingParameters, ImageParameters, NetworkParameters
):
    """
    All of them.

    Their order, in the parameter file and in the table of the README, is that of the base classes
    from the last to the first.
    """
