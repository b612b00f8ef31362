# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The mask decoder: image embedding and prompts to candidate masks and scores."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.api import MaskCandidates
from sam_tracker.networks.precision import entering
from sam_tracker.networks.sam2.configuration import VideoConfiguration
from sam_tracker.networks.sam2.layers import ChannelNorm, MultiLayerPerceptron, as_tokens
from sam_tracker.networks.sam2.prompt_encoder import PromptEncoding
from sam_tracker.networks.sam2.two_way_transformer import TwoWayTransformer

STABILITY_MARGIN = 0.05
"""Logits by which the threshold of a mask is shifted to measure its stability."""
STABILITY_THRESHOLD = 0.98
"""IoU of the masks at both thresholds from which the mask counts as stable."""


class MaskDecoder(nn.Module):
    """Decodes four mask tokens, a token for their IoU, and a token for the object's presence."""

    def __init__(self, configuration: VideoConfiguration) -> None:
        super().__init__()
        dimension = configuration.embedding_dimension
        self.stability_fallback = configuration.stability_fallback
        self.transformer = TwoWayTransformer(configuration)
        self.obj_score_token = nn.Embedding(1, dimension)
        self.iou_token = nn.Embedding(1, dimension)
        self.mask_tokens = nn.Embedding(4, dimension)
        self.output_upscaling = upscaling(dimension)
        self.conv_s0 = nn.Conv2d(dimension, dimension // 8, kernel_size=1)
        self.conv_s1 = nn.Conv2d(dimension, dimension // 4, kernel_size=1)
        self.output_hypernetworks_mlps = hypernetworks(dimension)
        self.iou_prediction_head = MultiLayerPerceptron(
            dimension, configuration.iou_head_hidden, 4, depth=3
        )
        self.pred_obj_score_head = MultiLayerPerceptron(dimension, dimension, 1, depth=3)

    def forward(
        self,
        embedding: Tensor,
        high_resolution: tuple[Tensor, Tensor],
        prompts: PromptEncoding,
        image_position: Tensor,
        several: bool,
    ) -> MaskCandidates:
        """
        Decode the candidates of O objects.

        :param embedding: [1 or O, D, h, w], conditioned on memory or on none.
        :param high_resolution: [1 or O, D/8, 4h, 4w] and [1 or O, D/4, 2h, 2w].
        :param image_position: [h * w, D].
        :param several: candidates 1 to 3; else candidate 0 or, if that is unstable, the best of
            the others.
        """
        weight = self.conv_s0.weight
        embedding = entering(embedding, weight)
        image_position = entering(image_position, weight)
        objects = len(prompts.sparse)
        own = torch.cat(
            (self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight)
        )
        tokens = torch.cat((own.expand(objects, -1, -1), prompts.sparse), dim=1)
        tokens, dense = entering(tokens, weight), entering(prompts.dense, weight)
        image = (as_tokens(embedding) + as_tokens(dense)).expand(objects, -1, -1)
        tokens, image = self.transformer(tokens, image, image_position)
        object_token, iou_token, mask_tokens = tokens[:, 0], tokens[:, 1], tokens[:, 2:6]

        predicted_iou = self.iou_prediction_head(iou_token).sigmoid()
        object_logit = self.pred_obj_score_head(object_token)[:, 0]
        fallback = self.stability_fallback and not self.training and not several
        if several:
            wanted = slice(1, 4)
        else:
            # Any of the other three may replace an unstable candidate 0.
            wanted = slice(0, 4 if fallback else 1)
        mask_logits = self._masks(image, high_resolution, mask_tokens, wanted)
        predicted_iou = predicted_iou[:, wanted]
        if fallback:
            mask_logits, predicted_iou = stable_mask(mask_logits, predicted_iou)
        # The pointer of a single mask is always made from token 0.
        pointing = mask_tokens[:, 1:] if several else mask_tokens[:, :1]
        return MaskCandidates(mask_logits, predicted_iou, pointing, object_logit)

    def _masks(
        self,
        image: Tensor,
        high_resolution: tuple[Tensor, Tensor],
        mask_tokens: Tensor,
        wanted: slice,
    ) -> Tensor:
        """
        Upscale the image tokens [O, h * w, D] fourfold and compute the wanted masks.

        A 2×2 transposed convolution of stride 2 is a linear map from a token to its four
        children. The children stay grouped by parent, [O, h * w, 4, 4, channels], and only the
        finished masks, one channel each, are rearranged to images.
        """
        up1, norm, _, up2, _ = self.output_upscaling
        assert isinstance(up1, nn.ConvTranspose2d) and isinstance(up2, nn.ConvTranspose2d)
        assert isinstance(norm, ChannelNorm)
        fine, middle = (entering(level, up1.weight) for level in high_resolution)
        x = upscale(image, up1) + children(middle, levels=1)
        x = F.gelu(norm.tokens(x))
        x = F.gelu(upscale(x, up2) + children(fine, levels=2))
        of_masks = list(self.output_hypernetworks_mlps)[wanted]
        return masks_of_tokens(of_masks, mask_tokens[:, wanted], x, side=middle.shape[-1] // 2)


def upscaling(dimension: int) -> nn.Sequential:
    """Return the layers that upscale an image embedding of D channels to D/8, fourfold."""
    return nn.Sequential(
        nn.ConvTranspose2d(dimension, dimension // 4, kernel_size=2, stride=2),
        ChannelNorm(dimension // 4),
        nn.GELU(),
        nn.ConvTranspose2d(dimension // 4, dimension // 8, kernel_size=2, stride=2),
        nn.GELU(),
    )


def hypernetworks(dimension: int) -> nn.ModuleList:
    """Return the four perceptrons that map a mask token [D] to weights [D/8] of its mask."""
    return nn.ModuleList(
        MultiLayerPerceptron(dimension, dimension, dimension // 8, depth=3) for _ in range(4)
    )


def masks_of_tokens(
    perceptrons: Sequence[nn.Module], tokens: Tensor, pixels: Tensor, side: int
) -> Tensor:
    """
    Compute a mask from each mask token.

    :param perceptrons: C of ``hypernetworks``.
    :param tokens: [O, C, D].
    :param pixels: [O, h * w, 4, 4, D/8]: of each image token the four children, and theirs.
    :param side: h = w.
    :returns: logits [O, C, 4h, 4w].
    """
    weights = torch.stack(
        [
            perceptron(token)
            for perceptron, token in zip(perceptrons, tokens.unbind(1), strict=True)
        ],
        dim=1,
    )
    masks = weights @ pixels.flatten(1, 3).transpose(1, 2)
    # To rows (token, child, its child) and columns likewise.
    masks = masks.unflatten(2, (side, side, 2, 2, 2, 2)).permute(0, 1, 2, 4, 6, 3, 5, 7)
    return masks.reshape(len(masks), -1, 4 * side, 4 * side)


def upscale(tokens: Tensor, convolution: nn.ConvTranspose2d) -> Tensor:
    """Map tokens [..., C] to their four children [..., 4, C'] by a 2×2 transposed convolution."""
    channels = convolution.out_channels
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2)
    assert convolution.bias is not None
    return F.linear(tokens, weight, convolution.bias.repeat(4)).unflatten(-1, (4, channels))


def children(image: Tensor, levels: int) -> Tensor:
    """
    Group the pixels of an image by the token that they are children of.

    :param image: [B, C, 2h, 2w] for one level, [B, C, 4h, 4w] for two.
    :returns: [B, h * w, 4, C] or [B, h * w, 4, 4, C].
    """
    if levels == 1:
        split = image.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
        return split.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(1, 2)
    split = image.unflatten(3, (-1, 2, 2)).unflatten(2, (-1, 2, 2))
    ordered = split.permute(0, 2, 5, 3, 6, 4, 7, 1)
    return ordered.flatten(5, 6).flatten(3, 4).flatten(1, 2)


def stable_mask(mask_logits: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor]:
    """
    Choose between the single mask and the best of the other three.

    :param mask_logits: [O, 4, H, W].
    :param predicted_iou: [O, 4].
    :returns: [O, 1, H, W] and [O, 1]: candidate 0 where its area hardly depends on the threshold,
        else the one of candidates 1 to 3 with the highest predicted IoU.
    """
    single = mask_logits[:, 0].flatten(1)
    inner = (single > STABILITY_MARGIN).sum(1)
    outer = (single > -STABILITY_MARGIN).sum(1)
    # An empty mask is stable.
    stable = (outer == 0) | (inner / outer >= STABILITY_THRESHOLD)
    chosen = torch.where(stable, 0, 1 + predicted_iou[:, 1:].argmax(1))
    rows = torch.arange(len(chosen), device=chosen.device)
    return mask_logits[rows, chosen][:, None], predicted_iou[rows, chosen][:, None]
