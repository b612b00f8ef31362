# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Copies frames and small arrays from the host's memory to the network's device."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.core.frame import Pixels


class FrameUpload:
    """
    Copies frames to a device.

    For a GPU they pass through one page-locked buffer, which is reallocated only when frames
    grow. The caller may change the frame once the call has returned.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._staging = torch.empty(0, dtype=torch.uint8)
        self._copied: torch.cuda.Event | None = None

    def __call__(self, frame: Pixels) -> Tensor:
        """Return a valid frame [H, W, 3] as [1, H, W, 3] on the device."""
        if isinstance(frame, Tensor):
            return frame.to(self._device)[None]
        if self._device.type != 'cuda':
            # torch.from_numpy needs writable memory and non-negative strides.
            writable = frame.flags.writeable and min(frame.strides) >= 0
            return torch.from_numpy(frame if writable else frame.copy())[None]
        if self._copied is not None:
            self._copied.synchronize()
        if self._staging.numel() < frame.size:
            self._staging = torch.empty(frame.size, dtype=torch.uint8, pin_memory=True)
        staged = self._staging[: frame.size].view(frame.shape)
        np.copyto(staged.numpy(), frame)
        image = staged.to(self._device, non_blocking=True)
        self._copied = torch.cuda.Event()
        self._copied.record(torch.cuda.current_stream(self._device))
        return image[None]


def uploaded(values: NDArray[Any], device: torch.device) -> Tensor:
    """Copy an array to the device without waiting for its pending work."""
    tensor = torch.from_numpy(values)
    if device.type == 'cuda':
        # A copy from memory that is not page-locked would wait.
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
