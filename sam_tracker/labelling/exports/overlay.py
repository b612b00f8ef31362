# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Labels drawn over the images, as a video that browsers play."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam_tracker.labelling.exports.export import Exported
from sam_tracker.labelling.labels import LabelledImage, LabelSet
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.recording.frame import RecordingError
from sam_tracker.recording.overlay_video import OverlayVideo
from sam_tracker.rendering import DrawnTrack, draw_tracks
from sam_tracker.tracking.track import TrackState
from sam_tracker.video.sources import silence_decoders

CODEC = 'VP80'
"""Few builds of OpenCV write H.264; VP9 takes four times the processor time of VP8."""


def export_overlay(exported: Exported, folder: Path) -> None:
    """
    Write ``NAME.webm``.

    :raises LabellingError: this OpenCV cannot write VP8.
    """
    silence_decoders()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f'.{exported.name}.{os.getpid()}.webm'
    video = OverlayVideo(part, codec=CODEC)
    try:
        pictures = exported.recording.read(0, len(exported.recording.images))
        for image, rgb in zip(exported.labels.images(), pictures, strict=True):
            video.add(image.stamp, drawn(rgb, image, exported.labels))
        video.finish()
        part.replace(folder / f'{exported.name}.webm')
    except RecordingError as error:
        raise LabellingError(str(error)) from error
    finally:
        part.unlink(missing_ok=True)


def drawn(rgb: NDArray[np.uint8], image: LabelledImage, labels: LabelSet) -> NDArray[np.uint8]:
    """Return the labels drawn over an image [H, W, 3] RGB, as BGR."""
    picture = np.ascontiguousarray(rgb[..., ::-1])
    tracks = []
    for track in image.tracks:
        region = track.region
        tracks.append(
            DrawnTrack(
                object_id=track.object_id,
                label=labels.names[track.object_id],
                state='tracked' if track.visible else 'lost',
                confidence=track.confidence,
                box=track.box,
                mask=None if region is None else track.mask[region.slices].astype(np.uint8),
                mask_origin=(0, 0) if region is None else (region.x, region.y),
            )
        )
    draw_tracks(picture, [each for each in tracks if each.state != 'lost'])
    return picture


def seen(image: LabelledImage) -> int:
    """Return how many objects are visible."""
    return sum(track.state is TrackState.TRACKED for track in image.tracks)
