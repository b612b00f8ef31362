# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks as run lengths along the rows, the format of the pages in a browser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class MaskRunsError(ValueError):
    """Runs that are no mask; the text names the value."""


def row_runs(mask: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """
    Return the lengths of the runs of 0, 1, 0, ... along the rows, one row after the other.

    COCO's run lengths (``core.run_length``) go down the columns of the whole image; a canvas is
    filled row by row, and only where the object is.

    :param mask: [height, width]; nonzero pixels are the object. Not empty.
    :returns: [N]; the first is 0 if the top left pixel is the object; their sum is the area.
    """
    changes = np.flatnonzero(np.diff(mask.reshape(-1) != 0, prepend=False))
    return np.diff(changes, prepend=0, append=mask.size).astype(np.uint32)


def check_runs(runs: Sequence[int], width: int, height: int) -> None:
    """
    Refuse runs that are no mask of a size.

    :raises MaskRunsError: a run is negative, or the runs do not cover the size.
    """
    if any(run < 0 for run in runs):
        raise MaskRunsError(f'a run of the mask is negative: {min(runs)}')
    # Summed as Python integers, which do not overflow, before any memory is taken.
    if sum(runs) != width * height:
        raise MaskRunsError(
            f'the runs of the mask cover {sum(runs)} pixels; {width}x{height} are {width * height}'
        )


def mask_of_runs(runs: Sequence[int], width: int, height: int) -> NDArray[np.uint8]:
    """
    Return the mask of runs, the inverse of ``row_runs``.

    :returns: [height, width], 255 on the object, else 0.
    :raises MaskRunsError: see ``check_runs``.
    """
    check_runs(runs, width, height)
    values = np.zeros(len(runs), np.uint8)
    values[1::2] = 255
    return np.repeat(values, np.array(runs, np.int64)).reshape(height, width)
