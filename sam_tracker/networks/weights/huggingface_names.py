# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
From the names of Hugging Face's conversions of SAM, SAM 2.1 and EdgeTAM to those of Meta's files.

The names are those of transformers' ``SamModel``, ``Sam2VideoModel`` and ``EdgeTamVideoModel``.
What is left of a foreign name after the rules fits no network, and is reported when it is loaded.
"""

from collections.abc import Mapping
import re

import torch
from torch import Tensor

_RULES = tuple[tuple[str, str], ...]

_SHARED: _RULES = (
    (r'mask_embed\.conv1\.', 'mask_downscaling.0.'),
    (r'mask_embed\.layer_norm1\.', 'mask_downscaling.1.'),
    (r'mask_embed\.conv2\.', 'mask_downscaling.3.'),
    (r'mask_embed\.layer_norm2\.', 'mask_downscaling.4.'),
    (r'mask_embed\.conv3\.', 'mask_downscaling.6.'),
    (r'\.point_embed\.', '.point_embeddings.'),
    (r'upscale_conv1\.', 'output_upscaling.0.'),
    (r'upscale_layer_norm\.', 'output_upscaling.1.'),
    (r'upscale_conv2\.', 'output_upscaling.3.'),
    (r'layer_norm_final_attn\.', 'norm_final_attn.'),
    (r'patch_embed\.projection\.', 'patch_embed.proj.'),
    # Perceptrons of three layers.
    (r'(mlps\.\d+|_head|pointer_proj)\.layers\.0\.', r'\1.layers.1.'),
    (r'(mlps\.\d+|_head|pointer_proj)\.proj_in\.', r'\1.layers.0.'),
    (r'(mlps\.\d+|_head|pointer_proj)\.proj_out\.', r'\1.layers.2.'),
)

_SAM: _RULES = (
    (r'^shared_image_embedding\.positional_embedding$', r'prompt_encoder.\g<0>'),
    (r'^vision_encoder\.neck\.conv1\.', 'image_encoder.neck.0.'),
    (r'^vision_encoder\.neck\.layer_norm1\.', 'image_encoder.neck.1.'),
    (r'^vision_encoder\.neck\.conv2\.', 'image_encoder.neck.2.'),
    (r'^vision_encoder\.neck\.layer_norm2\.', 'image_encoder.neck.3.'),
    (r'^vision_encoder\.layers\.', 'image_encoder.blocks.'),
    (r'^vision_encoder\.', 'image_encoder.'),
    (r'\.layer_norm(\d)\.', r'.norm\1.'),
)

_VIDEO: _RULES = (
    (r'^shared_image_embedding\.positional_embedding$', r'prompt_encoder.\g<0>'),
    (r'^vision_encoder\.backbone\.timm_model\.', 'image_encoder.trunk.body.'),
    (r'^vision_encoder\.backbone\.', 'image_encoder.trunk.'),
    (r'^vision_encoder\.neck\.convs\.(\d+)\.', r'image_encoder.neck.convs.\1.conv.'),
    (r'^prompt_encoder\.', 'sam_prompt_encoder.'),
    (r'^mask_decoder\.', 'sam_mask_decoder.'),
    # Perceptrons of two layers.
    (r'\.mlp\.proj_in\.', '.mlp.layers.0.'),
    (r'\.mlp\.proj_out\.', '.mlp.layers.1.'),
    (r'^(memory_attention\.layers\.\d+)\.mlp\.up_proj\.', r'\1.linear1.'),
    (r'^(memory_attention\.layers\.\d+)\.mlp\.down_proj\.', r'\1.linear2.'),
    (r'^spatial_perceiver\.latents_1d$', 'spatial_perceiver.latents'),
    (r'^(spatial_perceiver\.layers\.\d+)\.layer_norm_input\.', r'\1.attn.norm_x.'),
    (r'^(spatial_perceiver\.layers\.\d+)\.layer_norm_latents\.', r'\1.attn.norm_latents.'),
    (r'^(spatial_perceiver\.layers\.\d+)\.layer_norm_self\.', r'\1.self_attn.norm.'),
    (r'^(spatial_perceiver\.layers\.\d+)\.cross_attention\.', r'\1.attn.'),
    (r'^(spatial_perceiver\.layers\.\d+)\.self_attention\.', r'\1.self_attn.'),
    (r'^(spatial_perceiver\.layers\.\d+)\.mlp\.', r'\1.ff.'),
    (r'^(spatial_perceiver\.layers\.\d+)\.self_mlp\.', r'\1.self_ff.'),
    (r'^(spatial_perceiver\..*ff)\.layer_norm\.', r'\1.0.'),
    (r'^(spatial_perceiver\..*ff)\.up_proj\.', r'\1.1.'),
    (r'^(spatial_perceiver\..*ff)\.down_proj\.', r'\1.3.'),
    (r'^(spatial_perceiver\..*attn)\.q_proj\.', r'\1.to_q.'),
    (r'^(spatial_perceiver\..*attn)\.o_proj\.', r'\1.to_out.'),
    (r'\.o_proj\.', '.out_proj.'),
    (r'^memory_encoder\.projection\.', 'memory_encoder.out_proj.'),
    (r'^memory_encoder\.feature_projection\.', 'memory_encoder.pix_feat_proj.'),
    (r'^memory_encoder\.memory_fuser\.', 'memory_encoder.fuser.'),
    (r'\.depthwise_conv\.', '.dwconv.'),
    (r'\.pointwise_conv(\d)\.', r'.pwconv\1.'),
    (r'^(memory_encoder\.fuser\.layers\.\d+)\.scale$', r'\1.gamma'),
    *(
        (rf'\.mask_downsampler\.layers\.{layer}\.{part}\.', f'.mask_downsampler.encoder.{place}.')
        for layer in range(4)
        for part, place in (('conv', 3 * layer), ('layer_norm', 3 * layer + 1))
    ),
    (r'\.mask_downsampler\.final_conv\.', '.mask_downsampler.encoder.12.'),
    (r'\.layer_norm(\d?)\.', r'.norm\1.'),
    (r'^object_pointer_proj\.', 'obj_ptr_proj.'),
    (r'^temporal_positional_encoding_projection_layer\.', 'obj_ptr_tpos_proj.'),
    (r'^no_memory_embedding$', 'no_mem_embed'),
    (r'^no_memory_positional_encoding$', 'no_mem_pos_enc'),
    (r'^memory_temporal_positional_encoding$', 'maskmem_tpos_enc'),
    (r'^no_object_pointer$', 'no_obj_ptr'),
    (r'^occlusion_spatial_embedding_parameter$', 'no_obj_embed_spatial'),
)
_POSITION = re.compile(r'(shared_image_embedding|shared_embedding)\.positional_embedding$')


def has_huggingface_names(state_dict: Mapping[str, object]) -> bool:
    """Return whether names are those of a conversion by Hugging Face."""
    return any(key.startswith('vision_encoder.') for key in state_dict)


def from_huggingface(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """
    Return a state dict under the names of Meta's files.

    Matrices that Meta stores as one are joined, tables that Meta stores by rows are cut, and the
    position embedding, which transformers names twice, is kept once.
    """
    video = any(key.startswith('vision_encoder.backbone.') for key in state_dict)
    rules = [(re.compile(pattern), to) for pattern, to in (*_SHARED, *(_VIDEO if video else _SAM))]
    renamed = {_renamed(key, rules): value for key, value in state_dict.items()}
    for key in list(renamed):
        if key.endswith('.point_embeddings.weight') and renamed[key].ndim == 2:
            rows = renamed.pop(key).split(1)
            stem = key.removesuffix('weight')
            renamed |= {f'{stem}{number}.weight': row for number, row in enumerate(rows)}
        elif key.startswith('spatial_perceiver.') and key.endswith('.k_proj.weight'):
            keys, other = renamed[key], key.replace('.k_proj.', '.v_proj.')
            if keys.ndim == 2 and other in renamed and renamed[other].shape == keys.shape:
                joined = torch.cat((renamed.pop(key), renamed.pop(other)))
                renamed[key.replace('.k_proj.', '.to_kv.')] = joined
    return renamed


def _renamed(key: str, rules: list[tuple[re.Pattern[str], str]]) -> str:
    for pattern, replacement in rules:
        key = pattern.sub(replacement, key)
    return _POSITION.sub('pe_layer.positional_encoding_gaussian_matrix', key)
