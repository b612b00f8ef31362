# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Mask metrics of DAVIS: region similarity J and boundary accuracy F.

Source: Perazzi et al., A benchmark dataset and evaluation methodology for video object
segmentation, CVPR 2016; details that the paper leaves open follow its published evaluation.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

BOUNDARY_TOLERANCE = 0.008
"""Distance at which boundaries still agree, as a share of the image's diagonal."""


def region_similarity(predicted: Mask, truth: Mask) -> float:
    """
    Return J, the intersection over union of two masks [H, W]; 1 when both are empty.

    :raises ValueError: the shapes differ.
    """
    _require_equal_shapes(predicted, truth)
    union = np.count_nonzero(predicted | truth)
    return np.count_nonzero(predicted & truth) / union if union else 1.0


def boundary_accuracy(
    predicted: Mask, truth: Mask, tolerance: float = BOUNDARY_TOLERANCE
) -> float:
    """
    Return F, the harmonic mean of precision and recall of the boundary of a mask [H, W].

    A pixel of one boundary is right when the other boundary comes as near as ``tolerance`` times
    the diagonal, rounded up to whole pixels. Two empty masks agree; an empty one agrees with no
    other. :raises ValueError: the shapes differ.
    """
    _require_equal_shapes(predicted, truth)
    reach = np.ceil(tolerance * np.hypot(*truth.shape))
    drawn, wanted = boundary(predicted), boundary(truth)
    if not drawn.any() or not wanted.any():
        return float(drawn.any() == wanted.any())
    precision = float(_within(reach, wanted)[drawn].mean())
    recall = float(_within(reach, drawn)[wanted].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: Mask) -> Mask:
    """Return the pixels [H, W] that differ from the next one to the right, below, or both."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    here = padded[:-1, :-1]
    different: Mask = (
        (here != padded[:-1, 1:]) | (here != padded[1:, :-1]) | (here != padded[1:, 1:])
    )
    return different


def _within(reach: float, pixels: Mask) -> Mask:
    """Return the pixels [H, W] within the radius ``reach`` of any of ``pixels``."""
    others = np.logical_not(pixels).view(np.uint8)
    # The cost of a distance transform does not depend on the reach, as that of a dilation does.
    distance = cv2.distanceTransform(others, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    near: Mask = distance <= reach + 1e-3  # squared distances are whole numbers
    return near


def _require_equal_shapes(predicted: Mask, truth: Mask) -> None:
    if predicted.shape != truth.shape:
        raise ValueError(
            f'the predicted mask has the shape {predicted.shape}, the true one {truth.shape}'
        )
