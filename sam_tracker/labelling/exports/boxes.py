# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes of tracks as text: MOTChallenge's and KITTI's formats."""

from __future__ import annotations

from pathlib import Path

from sam_tracker.core.time import SECOND
from sam_tracker.labelling.exports.export import Exported, replacing


def export_mot(exported: Exported, folder: Path) -> None:
    """
    Write ``NAME/gt/gt.txt`` and ``NAME/seqinfo.ini``, as TrackEval reads them.

    Images and pixels are counted from 1. All objects have class 1, pedestrian, the one that
    evaluations of this format count.
    """
    images = exported.recording.images
    first, last = images[0], images[-1]
    seconds = (last.stamp - first.stamp) / SECOND
    rate = (len(images) - 1) / seconds if seconds > 0 else 30.0
    with replacing(folder / exported.name / 'gt' / 'gt.txt') as file:
        for image in exported.labels.images():
            for track in image.tracks:
                if track.box is None:
                    continue
                x, y, right, bottom = track.box
                file.write(
                    f'{image.number + 1},{track.object_id},{x + 1:g},{y + 1:g},{right - x:g},'
                    f'{bottom - y:g},1,1,1\n'.encode()
                )
    with replacing(folder / exported.name / 'seqinfo.ini') as file:
        file.write(
            f'[Sequence]\nname={exported.name}\nimDir=img1\nframeRate={rate:g}\n'
            f'seqLength={len(images)}\nimWidth={first.width}\nimHeight={first.height}\n'
            'imExt=.jpg\n'.encode()
        )


def export_kitti(exported: Exported, folder: Path) -> None:
    """
    Write ``label_02/NAME.txt`` in the format of KITTI's tracking benchmark.

    Fields that need a position in space have the values that KITTI gives for unknown. Boxes are
    inclusive, in pixels from 0; spaces in labels become underscores.
    """
    with replacing(folder / 'label_02' / f'{exported.name}.txt') as file:
        for image in exported.labels.images():
            for track in image.tracks:
                if track.box is None:
                    continue
                x, y, right, bottom = track.box
                kind = '_'.join(exported.labels.category(track.object_id).split()) or 'object'
                file.write(
                    f'{image.number} {track.object_id} {kind} -1 -1 -10 {x:.2f} {y:.2f}'
                    f' {right - 1:.2f} {bottom - 1:.2f} -1 -1 -1 -1000 -1000 -1000 -10\n'.encode()
                )
