# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the recorder node."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import Change, declared

START = Change.AT_START


@dataclass(frozen=True)
class RecorderParameters:
    """The parameters of the recorder node, in the order of the documentation."""

    output_folder: str = declared(
        '',
        'Folder to write to; it is made, and files of an earlier recording in it are replaced. '
        'Empty: a new folder `sam_tracker_DATE_TIME` in the current one.',
        change=START,
    )
    stop_after: int = declared(
        0,
        'Images after which the recording is complete and the node ends. 0: never.',
        change=START,
        minimum=0,
        maximum=2**31 - 1,
        unit='images',
    )
    idle_timeout: float = declared(
        0.0,
        'Time without a new image after which the recording is complete and the node ends; '
        'counted from the first recorded image on. 0: never.',
        change=START,
        minimum=0.0,
        maximum=86400.0,
        unit='s',
    )
    expected_frames: int = declared(
        0,
        'Images to expect, for a progress bar in a terminal. 0: stop_after; no bar without both.',
        change=START,
        minimum=0,
        maximum=2**31 - 1,
        unit='images',
    )
    video_rate: float = declared(
        0.0,
        'Pictures per second of the video, one for each tracked image. 0: the median of the first '
        'stamps.',
        change=START,
        minimum=0.0,
        maximum=240.0,
        unit='Hz',
    )
    video_codec: str = declared(
        'auto',
        'Codec of the video. Browsers play avc1 (H.264) and vp09 (VP9), but not mp4v (MPEG-4). '
        'auto: avc1 where OpenCV can write it, else mp4v; vp09 takes far more processor time.',
        change=START,
        choices=('auto', 'avc1', 'vp09', 'mp4v'),
    )
    image_transport: str = declared(
        'raw',
        'raw subscribes to `image` (sensor_msgs/Image), compressed to `image/compressed` '
        '(sensor_msgs/CompressedImage).',
        change=START,
        choices=('raw', 'compressed'),
    )
    image_reliability: str = declared(
        'auto',
        'Reliability asked of the publisher of images. auto: reliable while every publisher '
        'offers it, else best effort.',
        change=START,
        choices=('auto', 'reliable', 'best_effort'),
    )
    buffer_megabytes: int = declared(
        256,
        'Memory that images may take while they wait for their tracks; the oldest go first.',
        change=START,
        minimum=1,
        maximum=65536,
        unit='MB',
    )
