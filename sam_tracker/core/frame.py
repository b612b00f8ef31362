# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a frame is: an RGB image and its stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Pixels: TypeAlias = Union[NDArray[np.uint8], 'Tensor']
"""An RGB image, uint8 [H, W, 3], of any size: an array, or a tensor on any device."""


class FrameError(ValueError):
    """A frame, or its stamp, that cannot be processed; the text names the value that is wrong."""


def frame_size(frame: Pixels) -> tuple[int, int]:
    """
    Return width and height of a frame.

    Raises ``FrameError`` when it is not uint8 [H, W, 3] with at least one pixel.
    """
    if not (hasattr(frame, 'shape') and hasattr(frame, 'dtype')):
        raise FrameError(f'a frame is an array or a tensor, not {type(frame).__name__}')
    shape = tuple(frame.shape)
    dtype = str(frame.dtype).removeprefix('torch.')
    if dtype != 'uint8' or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise FrameError(f'a frame is uint8 [H, W, 3] in RGB order, not {dtype} {list(shape)}')
    return shape[1], shape[0]


def checked_stamp(stamp: int) -> int:
    """
    Return a stamp as an ``int``.

    Raises ``FrameError`` when it is not a whole number of nanoseconds of 64 bits.
    """
    if isinstance(stamp, bool) or not isinstance(stamp, int | np.integer):
        raise FrameError(
            f'a stamp is a whole number of nanoseconds, not {type(stamp).__name__} {stamp!r}'
        )
    if not -(2**63) <= stamp < 2**63:
        raise FrameError(f'a stamp fits 64 bits; {stamp} does not')
    return int(stamp)
