# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node that subscribes to a camera and keeps its last images."""

from dataclasses import dataclass, field

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.ros.parameters.declaration import AUTO, Change, declared

RELIABILITIES = ('reliable', 'best_effort')
"""Of a topic with images, as ROS names them."""


@dataclass(frozen=True)
class BufferParameters:
    """Which of the last images are kept, for requests that name one by its stamp."""

    seconds: float = declared(
        5.0,
        'Age of the oldest image that a prompt or request may name by its stamp.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=600.0,
        unit='s',
    )
    megabytes: int = declared(
        256,
        'Memory for these images; the oldest are dropped first.',
        change=Change.LIVE,
        minimum=1,
        maximum=65536,
        unit='MB',
    )


@dataclass(frozen=True)
class ImageParameters:
    """How images are received, and which are kept."""

    image_transport: str = declared(
        'raw',
        'raw subscribes to `image` (sensor_msgs/Image), compressed to `image/compressed` '
        '(sensor_msgs/CompressedImage).',
        choices=('raw', 'compressed'),
    )
    image_reliability: str = declared(
        AUTO,
        'Reliability of the subscription to images. auto: reliable while every publisher offers '
        'it, else best effort. A qos_overrides parameter of the topic takes precedence.',
        choices=(AUTO, *RELIABILITIES),
    )
    dynamic_range: str = declared(
        AUTO,
        'Which values of 16-bit images become black and white. auto: those that the images use, '
        'followed slowly, for infrared and other cameras of 10 to 14 bits; full: 0 and 65535.',
        choices=(AUTO, 'full'),
    )
    buffer: BufferParameters = field(default_factory=BufferParameters)

    def camera_range(self) -> DynamicRange | None:
        """Return what ``dynamic_range`` means for one camera."""
        return None if self.dynamic_range == 'full' else DynamicRange()
