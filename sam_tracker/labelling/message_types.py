# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The messages that are read from bags, and those of this package for rosbags, as installed."""

from __future__ import annotations

import os
from pathlib import Path
import sys
from typing import Any

import sam_tracker
from sam_tracker.labelling.recording import LabellingError

IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
PROMPT = 'sam_tracker/msg/Prompt'
DETECTIONS = 'vision_msgs/msg/Detection2DArray'
READ = (*IMAGES, PROMPT, DETECTIONS)
"""Types of all messages that are read."""

NAMES = ('ImageBox', 'ImagePoint', 'ImageVelocity', 'Mask', 'Prompt', 'Track', 'TrackArray')


def typestore() -> Any:  # noqa: ANN401
    """
    Return the types of ROS 2 Jazzy that rosbags knows, and ours.

    :raises LabellingError: our definitions are not found.
    """
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    folder = _definitions()
    types = {}
    for name in NAMES:
        text = (folder / f'{name}.msg').read_text(encoding='utf-8')
        types.update(get_types_from_msg(text, f'sam_tracker/msg/{name}'))
    store.register(types)
    return store


def _definitions() -> Path:
    package = Path(sam_tracker.__path__[0])
    prefixes = [sys.prefix, *os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)]
    # The checkout first, then what CMake has installed.
    places = [package.parent / 'msg'] + [
        Path(prefix) / 'share' / 'sam_tracker' / 'msg' for prefix in prefixes if prefix
    ]
    for place in places:
        if all((place / f'{name}.msg').exists() for name in NAMES):
            return place
    raise LabellingError(
        f'the definitions of the messages are not found in {", ".join(map(str, places))}'
    )
