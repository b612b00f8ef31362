# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Initialisation with which an untrained network begins to learn within minutes.

Four things differ from the default initialisation of the layers. Attention to the memory starts
out local: a bias on the fastest turning channels of queries and keys makes each token look at its
own place. Queries and keys of the decoder start out alike, so that a point finds its place in the
image, and the encoding of places varies slowly enough for the inside of a box to be told from the
outside. The image embedding starts with unit deviation. And the mask is written into the memory
with enough weight to be read.
"""

import torch
from torch import nn

from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.sam2.feature_pyramid import Lateral
from sam_tracker.networks.sam2.hiera import Hiera
from sam_tracker.networks.sam2.layers import Attention
from sam_tracker.networks.sam2.memory_attention import MemoryAttentionLayer, RotaryAttention
from sam_tracker.networks.sam2.memory_encoder import FuserBlock
from sam_tracker.networks.sam2.network import Sam2MemoryNetwork

LOCAL_BIAS = 3.0
LOCAL_BIAS_OF_SELF_ATTENTION = 1.8
LOCAL_PAIRS = 4
"""Channel pairs along each axis that the bias is put on, the fastest ones."""
MASK_GAIN = 4.0
FUSER_GAIN = 0.1
POSITION_SCALE = 0.4
"""Scale of the random Fourier encoding. At 1, prompts take several times as long to learn."""


@torch.no_grad()
def initialise(network: Sam2MemoryNetwork, images: torch.Tensor) -> None:
    """
    Initialise the parameters.

    :param images: normalised [B, 3, S, S], over which the embedding gets unit deviation.
    """
    trunk = network.image_encoder.trunk
    if isinstance(trunk, Hiera):
        nn.init.trunc_normal_(trunk.pos_embed, std=0.02)
        nn.init.trunc_normal_(trunk.pos_embed_window, std=0.02)
    for layer in network.memory_attention.layers:
        assert isinstance(layer, MemoryAttentionLayer)
        _attend_locally(layer.cross_attn_image, LOCAL_BIAS)
        _attend_locally(layer.self_attn, LOCAL_BIAS_OF_SELF_ATTENTION)
    for module in network.sam_mask_decoder.modules():
        if (
            isinstance(module, Attention)
            and module.q_proj.weight.shape == module.k_proj.weight.shape
        ):
            module.k_proj.weight.copy_(module.q_proj.weight)
    encoding = network.sam_prompt_encoder.pe_layer
    encoding.positional_encoding_gaussian_matrix.mul_(POSITION_SCALE)
    last = network.memory_encoder.mask_downsampler.encoder[-1]
    assert isinstance(last, nn.Conv2d)
    last.weight.mul_(MASK_GAIN)
    for block in network.memory_encoder.fuser.layers:
        assert isinstance(block, FuserBlock)
        assert block.gamma is not None
        block.gamma.fill_(FUSER_GAIN)

    deep, stride_16 = _lateral(network, 0), _lateral(network, 1)
    embedding = network.encode_image(images).embedding
    deviation = embedding.std((0, 2, 3)).mean()
    deep.weight.div_(deviation)
    stride_16.weight.div_(deviation)
    assert stride_16.bias is not None
    stride_16.bias.copy_(-embedding.mean((0, 2, 3)) / deviation)


def _lateral(network: Sam2MemoryNetwork, level: int) -> nn.Conv2d:
    """Return a level's convolution in the neck, its bias set to zero."""
    lateral = network.image_encoder.neck.convs[level]
    assert isinstance(lateral, Lateral) and lateral.conv.bias is not None
    lateral.conv.bias.zero_()
    return lateral.conv


def _attend_locally(attention: RotaryAttention, bias: float) -> None:
    """
    Bias attention towards keys at the position of the query.

    A constant pair of channels, turned by position on both sides, contributes the cosine of the
    distance. The first half of the pairs turns with the column, the second with the row, in
    either from the fastest to the slowest.
    """
    half = attention.q_proj.out_features // 2
    for start in (0, half):
        channels = slice(start, start + 2 * LOCAL_PAIRS, 2)
        attention.q_proj.bias[channels] = bias
        attention.k_proj.bias[channels] = bias


@torch.no_grad()
def mask_share_of_memory(network: VideoNetwork, images: torch.Tensor) -> float:
    """
    Return by how much a square of mask changes the memory, in units of the memory's deviation.

    Below about 0.2 the memory holds too little of the mask, and tracking is not learned.
    """
    side = network.image_size
    embedding = network.encode_image(images).embedding
    empty = torch.full((len(images), 1, side, side), -10.0, device=images.device)
    square = empty.clone()
    square[..., side // 4 : side // 2, side // 4 : side // 2] = 10.0
    logit = torch.ones(len(images), device=images.device)
    without = network.encode_memory(embedding, empty, logit)
    change = network.encode_memory(embedding, square, logit) - without
    return float(change.std() / without.std())
