# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Record which painted masks the published generator keeps, and which it drops as duplicates.

PyPI's ``segment-anything`` needs ``torchvision``, which this package does not::

    python3 -m venv sam && sam/bin/pip install segment-anything==1.0 torch torchvision
    sam/bin/python test/segmentation/record_duplicates.py test/data/sam1/duplicates.npz

The generator is the published one; the network behind it paints, as that of the tests does. No
weights are needed.
"""

from contextlib import ExitStack
import importlib.metadata
import json
from pathlib import Path
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[1]))

from networks.sam1.record import suppressed
from networks.torchvision_operators import name_operators
from segmentation.painting import SIZE, painted

PACKAGES = ('segment-anything', 'torchvision', 'torch', 'numpy')
POINTS_PER_SIDE = 12
OVERLAPS = (0.3, 0.5, 0.7, 0.9)
PREDICTED_IOU = 0.2
STABILITY_SCORE = 0.5


class Painter:
    """Has the interface of ``SamPredictor``; images have the size of the network's input."""

    device = torch.device('cpu')
    model = SimpleNamespace(mask_threshold=0.0)
    transform = SimpleNamespace(apply_coords=lambda points, size: points)

    def set_image(self, image) -> None:
        assert image.shape == (SIZE, SIZE, 3)

    def reset_image(self) -> None:
        """Nothing is kept."""

    def predict_torch(self, points, labels, multimask_output, return_logits):
        assert multimask_output and return_logits and labels.all()
        blobs = [painted(x, y) for x, y in points[:, 0].tolist()]
        logits = torch.stack([each for each, _ in blobs])
        full = F.interpolate(logits, (SIZE, SIZE), mode='bilinear', align_corners=False)
        return full, torch.stack([iou for _, iou in blobs]), logits


def main(path: Path) -> None:
    name_operators()
    answers = {}
    for overlap in OVERLAPS:
        found = generated(overlap)
        found.sort(key=lambda one: one['predicted_iou'], reverse=True)
        answers[f'{overlap}: masks'] = np.packbits([one['segmentation'] for one in found], axis=-1)
        answers[f'{overlap}: scores'] = np.array([one['predicted_iou'] for one in found])
        print(f'{len(found)} masks at an overlap of {overlap}')  # noqa: T201
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    np.savez_compressed(path, versions=json.dumps(versions), **answers)
    print(f'{path}: {path.stat().st_size} bytes, {versions}')  # noqa: T201


def generated(overlap: float) -> list[dict]:
    from segment_anything import SamAutomaticMaskGenerator, automatic_mask_generator
    from segment_anything.utils.amg import batched_mask_to_box, build_point_grid

    def half_open(masks):
        """SAM's boxes end at the last pixel, this package's after it."""
        return batched_mask_to_box(masks) + torch.tensor([0, 0, 1, 1])

    with ExitStack() as patches:
        patches.enter_context(
            mock.patch.object(automatic_mask_generator, 'batched_mask_to_box', half_open)
        )
        patches.enter_context(
            mock.patch.object(automatic_mask_generator, 'SamPredictor', lambda model: Painter())
        )
        patches.enter_context(
            mock.patch.object(automatic_mask_generator, 'batched_nms', suppressed)
        )
        generator = SamAutomaticMaskGenerator(
            None,
            points_per_side=None,
            # SAM takes the middle of a pixel for a whole number, and its grid does not; here its
            # points lie where this package puts them.
            point_grids=[build_point_grid(POINTS_PER_SIDE) - 0.5 / SIZE],
            pred_iou_thresh=PREDICTED_IOU,
            stability_score_thresh=STABILITY_SCORE,
            box_nms_thresh=overlap,
        )
        return generator.generate(np.zeros((SIZE, SIZE, 3), np.uint8))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
