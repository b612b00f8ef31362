# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Tracks as text files.

`tracks.jsonl` has all fields, one line for each image, complete up to the last image even
when the process is killed. `tracks_mot.txt` has the boxes in MOTChallenge's format, and
`tracks_coco.json` the masks as a COCO result file for pycocotools; both contain visible objects
only. Images are counted from 1.
"""

import json
import math
from pathlib import Path
from typing import Any, TextIO

from sam_tracker.core.run_length import RunLengths, run_lengths
from sam_tracker.core.time import SECOND
from sam_tracker.recording.frame import RecordedFrame, RecordedTrack

JSON_LINES = 'tracks.jsonl'
MOT = 'tracks_mot.txt'
COCO = 'tracks_coco.json'
TRACK_FILES = (JSON_LINES, MOT, COCO)


class TrackFiles:
    """
    Writes the three files, image by image.

    :raises OSError: a file cannot be written; from every method.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / name for name in TRACK_FILES]
        # Line buffered, so that every recorded image is on the disk.
        self._lines, self._mot, self._coco = (
            path.open('w', encoding='utf-8', buffering=1) for path in self._paths
        )
        self._frames = 0
        self._coco_empty = True

    def add(self, frame: RecordedFrame) -> None:
        self._frames += 1
        described = []
        for track in frame.tracks:
            segmentation = None
            if track.mask is not None:
                segmentation = run_lengths(
                    track.mask, track.mask_origin, frame.width, frame.height
                )
            described.append(_description(track, segmentation))
            if track.box is None:
                continue
            self._mot.write(_mot_line(self._frames, track))
            if segmentation is not None:
                self._coco.write('[\n' if self._coco_empty else ',\n')
                self._coco_empty = False
                json.dump(_coco_result(self._frames, track, segmentation), self._coco)
        line = {
            'image': self._frames,
            'stamp': {'sec': frame.stamp // SECOND, 'nanosec': frame.stamp % SECOND},
            'frame_id': frame.frame_id,
            'width': frame.width,
            'height': frame.height,
            'processing_latency': round(frame.processing_latency, 6),
            'tracks': described,
        }
        # In one call, so that no reader gets half a line.
        self._lines.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + '\n')

    def finish(self) -> list[Path]:
        """Complete and close the files, and return their paths."""
        self._coco.write('[]\n' if self._coco_empty else '\n]\n')
        for file in self._files():
            file.close()
        return self._paths

    def _files(self) -> tuple[TextIO, TextIO, TextIO]:
        return self._lines, self._mot, self._coco


def _description(track: RecordedTrack, segmentation: RunLengths | None) -> dict[str, Any]:
    return {
        'object_id': track.object_id,
        'label': track.label,
        'state': track.state,
        'seconds_since_seen': track.seconds_since_seen,
        'box': track.box,
        'predicted_box': track.predicted_box,
        'velocity': track.velocity,
        'confidence': track.confidence,
        'mask_affinity_score': track.mask_affinity_score,
        'object_score': track.object_score,
        # JSON has no NaN.
        'motion_score': None if math.isnan(track.motion_score) else track.motion_score,
        'duplicate_of': track.duplicate_of,
        'segmentation': segmentation,
    }


def _mot_line(image: int, track: RecordedTrack) -> str:
    assert track.box is not None
    x_min, y_min, x_max, y_max = track.box
    # MOTChallenge counts pixels from 1.
    return (
        f'{image},{track.object_id},{x_min + 1:.2f},{y_min + 1:.2f},'
        f'{x_max - x_min:.2f},{y_max - y_min:.2f},{track.confidence:.4f},-1,-1,-1\n'
    )


def _coco_result(image: int, track: RecordedTrack, segmentation: RunLengths) -> dict[str, Any]:
    # Without `bbox`: pycocotools would take the area of the box for that of the mask.
    return {
        'image_id': image,
        'category_id': 1,
        'track_id': track.object_id,
        'score': track.confidence,
        'segmentation': segmentation,
    }
