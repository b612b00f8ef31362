# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Labels as messages in a bag, under the stamps of the images; ``ros2 bag play`` plays them."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
from typing import Any

import numpy as np

from sam_tracker.core.time import SECOND
from sam_tracker.labelling.exports.export import Exported
from sam_tracker.labelling.labelled_track import LabelledTrack
from sam_tracker.labelling.labels import LabelledImage
from sam_tracker.labelling.message_types import typestore
from sam_tracker.labelling.recording import LabellingError

TOPIC = '/sam_tracker/tracks'


def export_bag(exported: Exported, folder: Path) -> None:
    """
    Write the bag ``NAME``, mcap, with one ``sam_tracker/msg/TrackArray`` for each image.

    :raises LabellingError: rosbags is not installed, or the definitions of our messages are not
        found.
    """
    try:
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
    except ImportError as error:
        raise LabellingError(
            "bags are written with rosbags: pip install 'rosbags>=0.11.1,<0.12'"
        ) from error
    store = typestore()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f'.{os.getpid()}' / exported.name
    shutil.rmtree(part.parent, ignore_errors=True)
    try:
        writer = Writer(part, version=9, storage_plugin=StoragePlugin.MCAP)
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            kind = 'sam_tracker/msg/TrackArray'
            connection = writer.add_connection(TOPIC, kind, typestore=store)
            for image in exported.labels.images():
                message = _message(store.types, image, exported)
                # Images without a time are written at the beginning of it.
                writer.write(connection, max(image.stamp, 0), store.serialize_cdr(message, kind))
        shutil.rmtree(folder / exported.name, ignore_errors=True)
        part.replace(folder / exported.name)
    finally:
        shutil.rmtree(part.parent, ignore_errors=True)


def _message(types: Any, image: LabelledImage, exported: Exported) -> Any:  # noqa: ANN401
    time, duration = types['builtin_interfaces/msg/Time'], types['builtin_interfaces/msg/Duration']
    return types['sam_tracker/msg/TrackArray'](
        header=types['std_msgs/msg/Header'](time(*divmod(image.stamp, SECOND)), image.frame_id),
        image_width=image.width,
        image_height=image.height,
        tracks=[_track(types, track, exported) for track in image.tracks],
        processing_latency=duration(0, 0),
    )


def _track(types: Any, track: LabelledTrack, exported: Exported) -> Any:  # noqa: ANN401
    box, region = types['sam_tracker/msg/ImageBox'], track.region
    crop = np.zeros(0, np.uint8)
    rectangle = types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    if region is not None:
        crop = track.mask[region.slices].astype(np.uint8).reshape(-1) * np.uint8(255)
        rectangle = types['sensor_msgs/msg/RegionOfInterest'](
            region.x, region.y, region.height, region.width, False
        )
    fields: dict[str, Any] = {'region': rectangle, 'data': crop}
    mask = types['sam_tracker/msg/Mask']
    for name in mask.__dataclass_fields__:
        fields.setdefault(name, np.zeros(0, np.uint32))
    fields.pop('__msgtype__', None)
    return types['sam_tracker/msg/Track'](
        object_id=track.object_id,
        label=exported.labels.names[track.object_id],
        state=int(track.state),
        time_since_seen=types['builtin_interfaces/msg/Duration'](0, 0),
        box=box(*(track.box or (0.0, 0.0, 0.0, 0.0))),
        predicted_box=box(0.0, 0.0, 0.0, 0.0),
        velocity=types['sam_tracker/msg/ImageVelocity'](0.0, 0.0),
        mask=mask(**fields),
        confidence=track.confidence,
        mask_affinity_score=track.mask_affinity,
        object_score=track.object_logit,
        motion_score=float('nan') if track.motion_score is None else track.motion_score,
        duplicate_of=0,
    )
