# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A frame: an RGB image, its stamp, and how the camera moved since the frame before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Pixels: TypeAlias = Union[NDArray[np.uint8], 'Tensor']
"""An RGB image, uint8 [H, W, 3], of any size: an array, or a tensor on any device."""


class FrameError(ValueError):
    """An invalid frame; the text names the value that is wrong."""


@dataclass(frozen=True, eq=False)
class Frame:
    """
    One image of a stream.

    The pixels are not copied.

    :raises FrameError: the pixels are no RGB image, the stamp is no whole number of nanoseconds
        that fits 64 bits, or the camera motion is no invertible matrix [3, 3].
    """

    pixels: Pixels
    """RGB, uint8 [H, W, 3]."""
    stamp: int
    """Acquisition time in nanoseconds; it identifies the frame within its stream."""
    camera_motion: NDArray[np.float64] | None = None
    """
    Homography [3, 3] from pixels (x, y, 1) of the previous frame to pixels of this one, for what
    does not move in the scene; pixel centres lie at +0.5. None: not known.
    """

    def __post_init__(self) -> None:
        frame_size(self.pixels)
        object.__setattr__(self, 'stamp', _checked_stamp(self.stamp))
        if self.camera_motion is not None:
            object.__setattr__(self, 'camera_motion', _checked_motion(self.camera_motion))

    @property
    def width(self) -> int:
        """Columns of the image."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows of the image."""
        return int(self.pixels.shape[0])


def frame_size(pixels: Pixels) -> tuple[int, int]:
    """
    Return width and height of an RGB image.

    :raises FrameError: it is not uint8 [H, W, 3] with at least one pixel.
    """
    if not (hasattr(pixels, 'shape') and hasattr(pixels, 'dtype')):
        raise FrameError(f'a frame is an array or a tensor, not {type(pixels).__name__}')
    shape = tuple(pixels.shape)
    dtype = str(pixels.dtype).removeprefix('torch.')
    if dtype != 'uint8' or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise FrameError(f'a frame is uint8 [H, W, 3] in RGB order, not {dtype} {list(shape)}')
    return shape[1], shape[0]


def _checked_stamp(stamp: int) -> int:
    if isinstance(stamp, bool) or not isinstance(stamp, int | np.integer):
        raise FrameError(
            f'a stamp is a whole number of nanoseconds, not {type(stamp).__name__} {stamp!r}'
        )
    if not -(2**63) <= stamp < 2**63:
        raise FrameError(f'a stamp fits 64 bits; {stamp} does not')
    return int(stamp)


def _checked_motion(motion: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = np.array(motion, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or np.linalg.det(matrix) == 0:
        raise FrameError(
            f'a camera motion is an invertible matrix [3, 3], not {matrix.tolist()} of shape'
            f' {list(matrix.shape)}'
        )
    return matrix
