# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Converts the checkpoint of a run to a bundled weights file."""

from pathlib import Path

import torch


def ship(checkpoint: Path, weights: Path, image_size: int | None = None) -> None:
    """
    Write the averaged parameters in half precision, as `{'model': state_dict, ...}`.

    The file loads with `weights_only=True`.

    :param image_size: side of the network's input that the weights are to be used at; None: the
        one that was trained at.
    """
    saved = torch.load(checkpoint, map_location='cpu', weights_only=True)
    model = {
        name: value.half() if value.is_floating_point() else value
        for name, value in saved['average'].items()
    }
    weights.parent.mkdir(parents=True, exist_ok=True)
    part = weights.with_name(f'{weights.name}.part')
    described = {name: saved[name] for name in ('image_size', 'step', 'frames', 'seconds')}
    if image_size is not None:
        described['image_size'] = image_size
    torch.save({'model': model, **described}, part)
    part.replace(weights)
