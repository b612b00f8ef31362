# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the image monitor node."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import Change, declared
from sam_tracker.ros.parameters.image import RELIABILITIES

START = Change.AT_START


@dataclass(frozen=True)
class ImageMonitorParameters:
    """In the order of the documentation."""

    frames: int = declared(
        0,
        'How many images to receive before ending. 0: until stopped.',
        change=START,
        minimum=0,
    )
    patience: float = declared(
        10.0,
        'How long to wait for an image before ending. 0: forever.',
        change=START,
        minimum=0,
        maximum=3600,
        unit='s',
    )
    picture: str = declared(
        '',
        'Path of a picture to make of the last image (.png, .jpg). Empty: none.',
        change=START,
    )
    report: str = declared(
        '', 'Path of a file for the figures, in JSON. Empty: none.', change=START
    )
    image_transport: str = declared(
        'raw',
        'raw receives `image`, compressed receives `image/compressed`.',
        change=START,
        choices=('raw', 'compressed'),
    )
    reliability: str = declared(
        'best_effort',
        'best_effort receives from every publisher; reliable has lost messages sent again.',
        change=START,
        choices=RELIABILITIES,
    )
    depth: int = declared(
        5,
        'How many images may wait to be counted.',
        change=START,
        minimum=1,
        maximum=1000,
    )
