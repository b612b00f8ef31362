# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Contact sheet of tracked clips, which shows errors between the labelled frames."""

from collections.abc import Collection, Mapping

import cv2
import numpy as np

from sam_tracker import rendering
from sam_tracker.contact_sheet import contact_sheet as arranged
from sam_tracker.evaluation.followers.follower import Follower, Observation
from sam_tracker.evaluation.run import run
from sam_tracker.evaluation.sequence import Dataset, Image, VideoSequence

EVERY = 15
"""Frames from one picture to the next."""
COLUMNS = 7


def contact_sheet(
    dataset: Dataset, follower: Follower, pictures: int | None = None
) -> rendering.Image:
    """
    Track the objects of all clips and return some frames with their tracks drawn.

    :param pictures: of each clip, evenly spread from its first frame to its last; None: every
        15th frame and the last.

    Ground truth boxes are white. The picture is BGR.
    """
    drawn: list[rendering.Image] = []
    captions: list[str] = []
    for name in dataset.sequence_names:
        sequence = dataset.open_sequence(name)
        last = sequence.frame_count - 1
        shown = {*range(0, last, EVERY), last}
        if pictures is not None:
            shown = {round(last * index / max(pictures - 1, 1)) for index in range(pictures)}

        def watch(
            number: int,
            frame: Image,
            observations: Mapping[int, Observation],
            sequence: VideoSequence = sequence,
            shown: Collection[int] = shown,
        ) -> None:
            if number in shown:
                drawn.append(_picture(number, frame, observations, sequence))
                captions.append(f'{sequence.name} {number}')

        run(follower, sequence, watch)
    return arranged(drawn, captions, COLUMNS, tile_width=320)


def _picture(
    number: int,
    frame: Image,
    observations: Mapping[int, Observation],
    sequence: VideoSequence,
) -> rendering.Image:
    picture: rendering.Image = np.ascontiguousarray(frame[..., ::-1])
    for target in sequence.targets:
        box = target.boxes[number]
        if not np.isnan(box).any():
            corners = np.rint(box).astype(int).tolist()
            cv2.rectangle(picture, corners[:2], corners[2:], rendering.WHITE, 2)
    drawn = []
    for object_id, observation in observations.items():
        box = observation.box
        drawn.append(
            rendering.DrawnTrack(
                object_id,
                state='tracked' if observation.present else 'lost',
                box=None if box is None else (box[0], box[1], box[2], box[3]),
                mask=observation.mask.astype(np.uint8),
            )
        )
    rendering.draw_tracks(picture, drawn)
    return picture
