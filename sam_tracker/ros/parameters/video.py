# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the video node."""

from dataclasses import dataclass

from sam_tracker.ros.images.conversion import WRITTEN
from sam_tracker.ros.parameters.declaration import Change, declared
from sam_tracker.ros.parameters.image import RELIABILITIES
from sam_tracker.video.sources import PATTERN

START = Change.AT_START


@dataclass(frozen=True)
class VideoParameters:
    """The parameters of the video node, in the order of the documentation."""

    source: str = declared(
        PATTERN,
        'What to publish: path of a video file, path of a folder of images (in the natural order '
        'of their names), or `pattern`, a moving test pattern.',
        change=START,
    )
    frames: int = declared(0, 'How many frames to publish. 0: all.', change=START, minimum=0)
    loop: bool = declared(False, 'Start again at the end instead of ending.', change=START)
    rate: float | None = declared(
        None,
        'Frames per second. auto: as recorded, and 30 for what has no rate.',
        kind=float,
        change=START,
        minimum=0.001,
        maximum=1000,
        unit='Hz',
    )
    width: int | None = declared(
        None,
        'Width to resize to. auto: as recorded, or by the height and the aspect ratio.',
        kind=int,
        change=START,
        minimum=1,
        maximum=16384,
        unit='px',
    )
    height: int | None = declared(
        None,
        'Height to resize to. auto: as recorded, or by the width and the aspect ratio.',
        kind=int,
        change=START,
        minimum=1,
        maximum=16384,
        unit='px',
    )
    encoding: str = declared(
        'bgr8', 'Encoding of the images.', change=START, choices=tuple(WRITTEN)
    )
    image_transport: str = declared(
        'raw',
        'raw publishes `image`, compressed publishes `image/compressed`, both publishes both.',
        change=START,
        choices=('raw', 'compressed', 'both'),
    )
    compressed_format: str = declared(
        'jpeg',
        'How images are compressed: jpeg takes mono8, bgr8 and rgb8, png also mono16.',
        change=START,
        choices=('jpeg', 'png'),
    )
    jpeg_quality: int = declared(
        90, '100 is best and largest.', change=START, minimum=1, maximum=100
    )
    camera_info: bool = declared(True, 'Publish `camera_info` with every image.', change=START)
    calibration_file: str = declared(
        '',
        'Calibration to publish, a YAML file as camera_calibration writes it. '
        'Empty: an ideal camera of the field of view below.',
        change=START,
    )
    horizontal_field_of_view: float = declared(
        60.0,
        'Of the ideal camera.',
        change=START,
        minimum=1,
        maximum=179,
        unit='degrees',
    )
    frame_id: str = declared(
        'camera_optical_frame', 'Coordinate frame in the header (REP 103).', change=START
    )
    stamps: str = declared(
        'now',
        'now: the time of publication. recorded: the times in the file names of a folder (seconds '
        'with a decimal point, or nanoseconds), else one second plus the time from the first '
        'frame, equal in every run; stamps keep rising when a loop starts again.',
        change=START,
        choices=('now', 'recorded'),
    )
    reliability: str = declared(
        'reliable',
        'Of the image topics. A reliable publisher serves best-effort subscribers too.',
        change=START,
        choices=RELIABILITIES,
    )
    depth: int = declared(
        5,
        'How many images wait to be sent to a slow reliable subscriber.',
        change=START,
        minimum=1,
        maximum=1000,
    )
    wait_for_subscribers: int = declared(
        0,
        'How many subscribers to images to wait for, so that they miss no frame. '
        '0: start at once.',
        change=START,
        minimum=0,
        maximum=1000,
    )
    progress: bool = declared(
        True,
        'Show a progress bar in a terminal, unless looping.',
        change=START,
    )
