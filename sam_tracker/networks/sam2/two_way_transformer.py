# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The transformer of the mask decoder: tokens and image attend to each other."""

from torch import Tensor, nn

from sam_tracker.networks.sam2.configuration import PromptConfiguration
from sam_tracker.networks.sam2.layers import Attention, MultiLayerPerceptron


class TwoWayBlock(nn.Module):
    """Tokens attend to themselves and to the image, then the image attends to the tokens."""

    def __init__(self, dimension: int, heads: int, feedforward: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Attention(dimension, heads, inner=dimension)
        self.norm1 = nn.LayerNorm(dimension)
        self.cross_attn_token_to_image = Attention(dimension, heads, inner=dimension // 2)
        self.norm2 = nn.LayerNorm(dimension)
        self.mlp: nn.Module = MultiLayerPerceptron(dimension, feedforward, dimension, depth=2)
        self.norm3 = nn.LayerNorm(dimension)
        self.norm4 = nn.LayerNorm(dimension)
        self.cross_attn_image_to_token = Attention(dimension, heads, inner=dimension // 2)

    def forward(
        self, tokens: Tensor, image: Tensor, token_position: Tensor, image_position: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return updated tokens [O, T, D] and image [O, h * w, D]."""
        if self.first:
            # The tokens equal their positions here, so these are not added.
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            placed = tokens + token_position
            tokens = tokens + self.self_attn(placed, placed, tokens)
        tokens = self.norm1(tokens)

        placed_image = image + image_position
        placed = tokens + token_position
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(placed, placed_image, image))
        tokens = self.norm3(tokens + self.mlp(tokens))

        placed = tokens + token_position
        image = self.norm4(image + self.cross_attn_image_to_token(placed_image, placed, tokens))
        return tokens, image


class TwoWayTransformer(nn.Module):
    """Two-way blocks, and a final attention from the tokens to the image."""

    def __init__(self, configuration: PromptConfiguration) -> None:
        super().__init__()
        dimension, heads = configuration.embedding_dimension, configuration.decoder_heads
        self.layers = nn.ModuleList(
            TwoWayBlock(dimension, heads, configuration.decoder_feedforward, first=number == 0)
            for number in range(configuration.decoder_layers)
        )
        self.final_attn_token_to_image = Attention(dimension, heads, inner=dimension // 2)
        self.norm_final_attn = nn.LayerNorm(dimension)

    def forward(
        self, tokens: Tensor, image: Tensor, image_position: Tensor
    ) -> tuple[Tensor, Tensor]:
        """
        Update tokens and image by each other.

        :param tokens: [O, T, D], also used as their positions.
        :param image: [O, h * w, D].
        :param image_position: [h * w, D].
        :returns: both, updated, in the same shapes.
        """
        position = tokens
        for layer in self.layers:
            tokens, image = layer(tokens, image, position, image_position)
        attended = self.final_attn_token_to_image(tokens + position, image + image_position, image)
        return self.norm_final_attn(tokens + attended), image
