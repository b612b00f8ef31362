# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Our network and Meta's own, side by side on the same weights."""

from dataclasses import dataclass, replace
import functools
import logging
from typing import Any

import pytest
import torch

from sam_tracker.networks.sam2.configuration import NetworkConfiguration, configuration_named
from sam_tracker.networks.sam2.network import Sam2Network

META_FILES = {'tiny': 't', 'small': 's', 'base_plus': 'b+', 'large': 'l'}

# Built and run in a moment, and unlike the published sizes wherever one is easily assumed.
SMALL = NetworkConfiguration(
    name='test',
    image_size=160,
    hiera_width=16,
    hiera_heads=2,
    hiera_blocks=(1, 2, 3, 2),
    hiera_windows=(8, 4, 14, 7),
    hiera_global_blocks=(4,),
    hiera_position_grid=5,
    embedding_dimension=64,
    memory_channels=32,
    memory_attention_layers=2,
    memory_attention_feedforward=96,
)


@dataclass(frozen=True)
class Pair:
    """Two networks that hold the very same tensors."""

    ours: Sam2Network
    meta: Any
    """sam2's SAM2VideoPredictor, in evaluation mode."""


@pytest.fixture(scope='session')
def pair():
    """Build a pair by name ('test' is the small one) and image size; the last one is kept."""
    pytest.importorskip('sam2', reason='parity is shown against the PyPI package sam2')
    logging.getLogger().setLevel(logging.WARNING)
    # Two of the largest network are 1.8 GB.
    return functools.lru_cache(maxsize=1)(build_pair)


def build_pair(name='test', image_size=160):
    from sam2.build_sam import build_sam2_video_predictor

    overrides = [f'++model.image_size={image_size}']
    if name == 'test':
        configuration = replace(SMALL, image_size=image_size)
        overrides += [f'++model.{key}={value}' for key, value in small_overrides(SMALL).items()]
    else:
        configuration = configuration_named(name, image_size)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        meta = build_sam2_video_predictor(
            f'configs/sam2.1/sam2.1_hiera_{META_FILES.get(name, "t")}.yaml',
            device='cpu',
            hydra_overrides_extra=overrides,
        )
        enliven(meta.state_dict())
    # Hole filling is no part of the network, and needs a CUDA extension.
    meta.fill_hole_area = 0
    ours = Sam2Network(configuration).eval()
    ours.load_state_dict(meta.state_dict(), strict=True, assign=True)
    return Pair(ours, meta)


def enliven(state):
    """
    Make every random weight affect the result.

    As initialised, position embeddings and layer scales are nearly zero, norms are identities,
    attention is uniform, a memory hardly matters, and the object score has no spread, which would
    hide errors.
    """
    for name, tensor in state.items():
        if tensor.numel() > 1 and tensor.max() == tensor.min():
            tensor += 0.2 * torch.randn_like(tensor)
        elif name in ('no_mem_embed', 'maskmem_tpos_enc', 'no_obj_ptr', 'no_obj_embed_spatial'):
            tensor *= 20
        elif name.endswith(('q_proj.weight', 'k_proj.weight')):
            tensor *= 3
        elif name.endswith('qkv.weight'):
            tensor[: 2 * len(tensor) // 3] *= 2
        elif name.endswith(('cross_attn_image.v_proj.weight', 'cross_attn_image.out_proj.weight')):
            tensor *= 2
        elif name == 'sam_mask_decoder.pred_obj_score_head.layers.2.weight':
            tensor *= 10


def small_overrides(size):
    """Name what sets ``size`` apart from Meta's tiny, in the words of Meta's configuration."""
    dimension, channels, width = (
        size.embedding_dimension,
        size.memory_channels,
        size.hiera_width,
    )
    trunk, neck, layer = 'image_encoder.trunk', 'image_encoder.neck', 'memory_attention.layer'
    return {
        f'{trunk}.embed_dim': width,
        f'{trunk}.num_heads': size.hiera_heads,
        f'{trunk}.stages': list(size.hiera_blocks),
        f'{trunk}.global_att_blocks': list(size.hiera_global_blocks),
        f'{trunk}.window_pos_embed_bkg_spatial_size': [size.hiera_position_grid] * 2,
        f'{neck}.d_model': dimension,
        f'{neck}.backbone_channel_list': [8 * width, 4 * width, 2 * width, width],
        f'{neck}.position_encoding.num_pos_feats': dimension,
        'memory_attention.d_model': dimension,
        'memory_attention.num_layers': size.memory_attention_layers,
        f'{layer}.d_model': dimension,
        f'{layer}.dim_feedforward': size.memory_attention_feedforward,
        f'{layer}.self_attention.embedding_dim': dimension,
        f'{layer}.cross_attention.embedding_dim': dimension,
        f'{layer}.cross_attention.kv_in_dim': channels,
        'memory_encoder.in_dim': dimension,
        'memory_encoder.out_dim': channels,
        'memory_encoder.position_encoding.num_pos_feats': channels,
        'memory_encoder.mask_downsampler.embed_dim': dimension,
        'memory_encoder.fuser.layer.dim': dimension,
    }


@pytest.fixture(scope='session')
def assert_close():
    """Compare two tensors by their greatest difference relative to the greatest value."""

    def compare(actual, expected, tolerance=1e-4):
        assert actual.shape == expected.shape
        difference = (actual - expected).abs().max()
        scale = expected.abs().max()
        assert scale > 0, 'an expectation of nothing but zeros shows nothing'
        assert difference <= tolerance * scale, f'{difference / scale:.2e} relative'

    return compare


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield
