# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""From an image embedding and prompts to candidate masks (arXiv 2304.02643, appendix A)."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.sam1.configuration import Sam1Configuration
from sam_tracker.networks.sam1.vision_transformer import TwoLayerPerceptron
from sam_tracker.networks.sam2.layers import ChannelNorm, MultiLayerPerceptron, as_tokens
from sam_tracker.networks.sam2.mask_decoder import (
    hypernetworks,
    masks_of_tokens,
    upscale,
    upscaling,
)
from sam_tracker.networks.sam2.prompt_encoder import PromptEncoding
from sam_tracker.networks.sam2.two_way_transformer import TwoWayBlock, TwoWayTransformer


class MaskDecoder(nn.Module):
    """SAM 2's decoder without the token for the object's presence, and without finer levels."""

    def __init__(self, configuration: Sam1Configuration) -> None:
        super().__init__()
        dimension = configuration.embedding_dimension
        self.transformer = TwoWayTransformer(configuration)
        for layer in self.transformer.layers:
            assert isinstance(layer, TwoWayBlock)
            layer.mlp = TwoLayerPerceptron(dimension, configuration.decoder_feedforward, nn.ReLU())
        self.iou_token = nn.Embedding(1, dimension)
        self.mask_tokens = nn.Embedding(4, dimension)
        self.output_upscaling = upscaling(dimension)
        self.output_hypernetworks_mlps = hypernetworks(dimension)
        self.iou_prediction_head = MultiLayerPerceptron(
            dimension, configuration.iou_head_hidden, 4, depth=3
        )

    def forward(
        self, embedding: Tensor, prompts: PromptEncoding, image_position: Tensor, several: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """
        Decode the candidates of O objects.

        :param embedding: [1, D, h, w].
        :param image_position: [h * w, D].
        :param several: candidates 1 to 3; else candidate 0.
        :returns: mask logits [O, C, 4h, 4w], predicted IoU [O, C], which no sigmoid bounds, and
            mask tokens [O, C, D].
        """
        objects, side = len(prompts.sparse), embedding.shape[-1]
        own = torch.cat((self.iou_token.weight, self.mask_tokens.weight))
        tokens = torch.cat((own.expand(objects, -1, -1), prompts.sparse), dim=1)
        image = (as_tokens(embedding) + as_tokens(prompts.dense)).expand(objects, -1, -1)
        tokens, image = self.transformer(tokens, image, image_position)

        wanted = slice(1, 4) if several else slice(0, 1)
        predicted_iou = self.iou_prediction_head(tokens[:, 0])[:, wanted]
        mask_tokens = tokens[:, 1:5][:, wanted]
        of_masks = list(self.output_hypernetworks_mlps)[wanted]
        masks = masks_of_tokens(of_masks, mask_tokens, self._upscaled(image), side)
        return masks, predicted_iou, mask_tokens

    def _upscaled(self, image: Tensor) -> Tensor:
        """Map image tokens [O, h * w, D] to their descendants [O, h * w, 4, 4, D / 8]."""
        up1, norm, _, up2, _ = self.output_upscaling
        assert isinstance(up1, nn.ConvTranspose2d) and isinstance(up2, nn.ConvTranspose2d)
        assert isinstance(norm, ChannelNorm)
        coarse = F.gelu(norm.tokens(upscale(image, up1)))
        return F.gelu(upscale(coarse, up2))
