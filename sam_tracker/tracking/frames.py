# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""From a frame in the caller's memory to one on the network's device."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.model.network import ImageFeatures

Frame: TypeAlias = NDArray[np.uint8] | Tensor
"""An RGB image, uint8 [H, W, 3], of any size: an array, or a tensor on any device."""


class FrameError(ValueError):
    """A frame, or its stamp, that cannot be processed; the text names the value that is wrong."""


@dataclass
class SeenFrame:
    """A frame that the tracker has looked at."""

    stamp: int
    """Nanoseconds."""
    width: int
    height: int
    features: ImageFeatures | None = None
    """What the network sees in it, once it was encoded."""
    stepped: bool = False
    """Whether all objects have been brought to it."""


class FrameUpload:
    """
    Brings frames to a device.

    For a GPU they pass through one page-locked buffer, which is allocated anew only when frames
    grow. A frame is the caller's again when the call returns.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._staging = torch.empty(0, dtype=torch.uint8)
        self._copied: torch.cuda.Event | None = None

    def __call__(self, frame: Frame) -> Tensor:
        """Return the frame as [1, H, W, 3] on the device; ``frame_size`` must have passed it."""
        if isinstance(frame, Tensor):
            return frame.to(self._device)[None]
        if self._device.type != 'cuda':
            # Torch wants memory that it might write to, and knows no negative strides.
            writable = frame.flags.writeable and min(frame.strides) >= 0
            return torch.from_numpy(frame if writable else frame.copy())[None]
        if self._copied is not None:
            self._copied.synchronize()
        if self._staging.numel() < frame.size:
            self._staging = torch.empty(frame.size, dtype=torch.uint8, pin_memory=True)
        staged = self._staging[: frame.size].view(frame.shape)
        np.copyto(staged.numpy(), frame)
        uploaded = staged.to(self._device, non_blocking=True)
        self._copied = torch.cuda.Event()
        self._copied.record(torch.cuda.current_stream(self._device))
        return uploaded[None]


def frame_size(frame: Frame) -> tuple[int, int]:
    """
    Return width and height of a frame.

    Raises ``FrameError`` when it is not uint8 [H, W, 3] with at least one pixel.
    """
    if not isinstance(frame, np.ndarray | Tensor):
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
