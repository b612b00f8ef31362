# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Meta's video predictor (PyPI package sam2) with random weights that make differences show."""

import logging

import numpy as np
import pytest
import torch
from torch import Tensor


def make_telling(state_dict: dict[str, Tensor]) -> None:
    """
    Change random weights in place so that memories, pointers and presence matter.

    What is initialised with nothing, or next to nothing, would test nothing.
    """
    for name, tensor in state_dict.items():
        if tensor.numel() > 1 and tensor.max() == tensor.min():
            tensor += 0.2 * torch.randn_like(tensor)
        elif name.startswith(('maskmem_tpos_enc', 'no_mem_embed', 'no_obj_')):
            tensor *= 20
        elif name.endswith(('q_proj.weight', 'k_proj.weight')):
            tensor *= 3
        elif name.endswith(('cross_attn_image.v_proj.weight', 'cross_attn_image.out_proj.weight')):
            tensor *= 4
        elif name == 'sam_mask_decoder.pred_obj_score_head.layers.2.weight':
            tensor *= 10


def moving_square(count: int, width: int, height: int) -> list[np.ndarray]:
    """Return RGB frames of a square that moves 5 pixels a frame over noise of 8 pixels' grain."""
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    frames = [np.kron(noise, np.ones((8, 8, 1), np.uint8)) for _ in range(count)]
    for number, frame in enumerate(frames):
        frame[60:120, 80 + 5 * number : 150 + 5 * number] = [200, 60, 30]
    return frames


def sam2_predictor(size: int):
    """
    Return the predictor for images of ``size`` x ``size``; skip where the package is missing.

    It encodes every image once, whatever it is asked.
    """
    pytest.importorskip('sam2', reason='parity is shown against the PyPI package sam2')
    from sam2.build_sam import build_sam2_video_predictor

    logging.getLogger().setLevel(logging.WARNING)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        predictor = build_sam2_video_predictor(
            'configs/sam2.1/sam2.1_hiera_t.yaml',
            device='cpu',
            hydra_overrides_extra=[f'++model.image_size={size}'],
        )
        make_telling(predictor.state_dict())
    predictor.fill_hole_area = 0
    encode, known = predictor.forward_image, {}

    def forward_image(image):
        if image.data_ptr() not in known:
            known[image.data_ptr()] = encode(image)
        return known[image.data_ptr()]

    predictor.forward_image = forward_image
    return predictor
