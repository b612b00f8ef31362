# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Benefit of a closer look for small objects of real video.

    python benchmark/closer_look.py FOLDER [--sequences NAME ...]

Each recorded sequence (as ``evaluation real`` finds them) is played in the middle of a mosaic of
nine, whose other eight play at the same time, so that objects have a third of their side, and
tracked from its first box with and without a closer look. Printed are the side of the object, as
a share of the mosaic's, and the mean box IoU on the later frames that show it.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
import torch

from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.followers.sam import in_mode
from sam_tracker.evaluation.readers.real import real
from sam_tracker.evaluation.run import run
from sam_tracker.evaluation.sequence import Image, VideoSequence, no_mask
from sam_tracker.networks.weights.loading import load_network

ACROSS = 3
MODES = {'whole image': 'whole_image', 'closer look': 'sam_tracker'}


def in_a_mosaic(sequence: VideoSequence, others: Sequence[VideoSequence]) -> VideoSequence:
    """Return a sequence in the middle of others, which are played to and fro."""

    def tiles(other: VideoSequence, size: tuple[int, int]) -> Iterator[Image]:
        images = [cv2.resize(image, size) for image in other.frames()]
        return cycle(images + images[-2:0:-1])

    def frames() -> Iterator[Image]:
        around: list[Iterator[Image]] = []
        for image in sequence.frames():
            size = image.shape[1], image.shape[0]
            around = around or [tiles(other, size) for other in others]
            row = [next(tile) for tile in around]
            row.insert(len(row) // 2, image)
            rows = [np.hstack(row[k : k + ACROSS]) for k in range(0, len(row), ACROSS)]
            yield np.vstack(rows)

    height, width = next(sequence.frames()).shape[:2]
    offset = np.array([width, height, width, height]) * (ACROSS // 2)
    target = sequence.targets[0]
    boxes = target.boxes + offset
    prompt = Prompt(box=boxes[target.first_frame])
    target = replace(target, boxes=boxes, prompt=prompt, mask=no_mask)
    return replace(sequence, frames=frames, targets=(target,), object_ids=no_mask)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('folder', type=Path, help='of recorded sequences')
    parser.add_argument('--sequences', nargs='*', default=[], help='these alone in the middle')
    parser.add_argument('--checkpoint', default='nano', help='name or file of the weights')
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(options.checkpoint)
    everything = real(options.folder)
    names = list(everything.sequence_names)
    print(f'{"":30} {"side":>6}   ' + '   '.join(f'{name:>11}' for name in MODES))
    table = []
    for name in real(options.folder, tuple(options.sequences)).sequence_names:
        start = names.index(name)
        beside = [names[(start + k + 1) % len(names)] for k in range(ACROSS**2 - 1)]
        sequence = in_a_mosaic(
            everything.open_sequence(name), [everything.open_sequence(each) for each in beside]
        )
        row = []
        for mode in MODES.values():
            (result,) = run(in_mode(mode, network), sequence).targets
            later = result.target.visible.copy()
            later[: result.target.first_frame + 1] = False
            row.append(float(np.nanmean(result.overlap[later])))
        height, width = next(sequence.frames()).shape[:2]
        box = sequence.targets[0].prompt.extent
        side = np.sqrt(np.prod(box[2:] - box[:2]) / (width * height))
        table.append(row)
        print(f'{name:30} {side:6.1%}   ' + '   '.join(f'{value:11.3f}' for value in row))
    print(f'{"mean":39}   ' + '   '.join(f'{value:11.3f}' for value in np.mean(table, axis=0)))


if __name__ == '__main__':
    main()
