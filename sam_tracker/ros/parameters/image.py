# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node that listens to a camera and keeps its last images."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import Change, declared


@dataclass(frozen=True)
class ImageParameters:
    """How images come in, and which are kept."""

    image_transport: str = declared(
        'raw',
        'raw subscribes to `image` (sensor_msgs/Image), compressed to `image/compressed` '
        '(sensor_msgs/CompressedImage).',
        choices=('raw', 'compressed'),
    )
    image_reliability: str = declared(
        'auto',
        'Reliability asked of the publisher of images. auto: reliable while every publisher '
        'offers it, else best effort. A qos_overrides parameter of the topic goes before this.',
        choices=('auto', 'reliable', 'best_effort'),
    )
    frame_buffer_seconds: float = declared(
        5.0,
        'How far into the past a request with a stamp may point.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=600.0,
        unit='s',
    )
    frame_buffer_megabytes: int = declared(
        256,
        'Memory the kept images may take; the oldest go first.',
        change=Change.LIVE,
        minimum=1,
        maximum=65536,
        unit='MB',
    )
