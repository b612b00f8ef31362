# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""From a frame in the caller's memory to one on the network's device."""

import numpy as np
import torch
from torch import Tensor

from sam_tracker.core.frame import Pixels


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

    def __call__(self, frame: Pixels) -> Tensor:
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
