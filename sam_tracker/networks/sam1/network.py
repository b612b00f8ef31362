# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The first SAM (arXiv 2304.02643): it answers prompts on one image and remembers nothing."""

import torch
from torch import Tensor, nn

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.api import ImageFeatures, MaskCandidates, SuitedSettings
from sam_tracker.networks.masks import mask_as_logits
from sam_tracker.networks.precision import entering, narrow_weights
from sam_tracker.networks.preprocessing import aspect_scale, padded_input
from sam_tracker.networks.sam1.configuration import Sam1Configuration
from sam_tracker.networks.sam1.mask_decoder import MaskDecoder
from sam_tracker.networks.sam1.prompt_encoder import Sam1PromptEncoder
from sam_tracker.networks.sam1.vision_transformer import ImageEncoder
from sam_tracker.networks.sam2.prompt_encoder import PromptEncoding

PRESENT = 10.0
"""Object logit of every answer: SAM does not predict whether an object is there."""


class Sam1Network(nn.Module):
    """A ``PromptableNetwork`` whose parameters have the names of Meta's checkpoints."""

    def __init__(self, configuration: Sam1Configuration) -> None:
        super().__init__()
        self.configuration = configuration
        self.image_encoder = ImageEncoder(configuration)
        self.prompt_encoder = Sam1PromptEncoder(configuration)
        self.mask_decoder = MaskDecoder(configuration)

    @property
    def name(self) -> str:
        """Name of the configuration."""
        return self.configuration.name

    @property
    def image_size(self) -> int:
        """S, the side of the input in pixels."""
        return self.configuration.image_size

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.image_encoder.pos_embed.device

    @property
    def suited_settings(self) -> SuitedSettings:
        """Settings that suit the weights of this size."""
        return self.configuration.suited_settings

    def optimise(
        self,
        device: torch.device,  # noqa: ARG002
        weights: torch.dtype,
        compiled: bool,
    ) -> None:
        """
        Choose kernels for inference on a device; results change by rounding only.

        :param weights: type in which to keep the weights of matrix products.
        :param compiled: whether to use ``torch.compile`` for the two parts that take the time.
        """
        narrow_weights(self.image_encoder, weights)
        if compiled:
            self.image_encoder.compile()
            self.mask_decoder.compile()

    def scale(self, width: int, height: int) -> ImageScale:
        """Return the mapping of an image to the input: its longer side becomes S, padded."""
        return aspect_scale(width, height, self.image_size)

    def preprocess(self, images: Tensor) -> Tensor:
        """
        Resize and normalise images on the device they are on, then pad them right and below.

        :param images: uint8 [B, H, W, 3], red, green, blue.
        :returns: float32 [B, 3, S, S].
        :raises ValueError: another shape or dtype, or no pixels.
        """
        return padded_input(images, self.image_size)

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """
        Encode preprocessed images [B, 3, S, S].

        :returns: an embedding laid out channels-last, and no finer levels.
        :raises ValueError: images of another size than the configuration's.
        """
        side = self.image_size
        if images.ndim != 4 or images.shape[1:] != (3, side, side):
            raise ValueError(f'images must be [B, 3, {side}, {side}], not {list(images.shape)}')
        return ImageFeatures(embedding=self.image_encoder(images), high_resolution=())

    def without_memory(self, embedding: Tensor) -> Tensor:
        """Return the embedding unchanged: SAM has no learned embedding of no memory."""
        return embedding

    def encode_prompts(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> PromptEncoding:
        """
        Encode the prompts of O objects.

        :param points: [O, N, 2] float, x and y in pixels of the network's input, 0 to S; pixel
            centres lie at whole numbers.
        :param labels: [O, N] integers: 0 background, 1 object, 2 and 3 the top left and bottom
            right corner of a box, -1 padding of rows of unequal length.
        :param mask_logits: [O, 1, S/4, S/4], a mask to start from.
        :raises ValueError: some of the objects have a box and others none.
        """
        return self.prompt_encoder(points, labels, mask_logits)

    def encode_mask_prompt(self, mask: Tensor) -> Tensor:
        """Turn given masks [O, 1, S, S] of 0 and 1 into logits [O, 1, S/4, S/4] for prompts."""
        return mask_as_logits(mask)[1]

    def decode(
        self,
        features: ImageFeatures,  # noqa: ARG002
        conditioned: Tensor,
        prompts: PromptEncoding,
        several: bool,
    ) -> MaskCandidates:
        """
        Decode candidate masks for O objects.

        :param features: not read; what the decoder needs of the image is in ``conditioned``.
        :param conditioned: [1 or O, D, h, w] from ``without_memory``.
        :param several: three candidates, for one click; else the single mask for a box or several
            clicks.
        """
        logits, predicted_iou, tokens = self.mask_decoder(
            entering(conditioned, self.mask_decoder.iou_token.weight),
            prompts,
            self.prompt_encoder.grid_position(),
            several,
        )
        # The predicted IoU comes from a linear layer and may lie outside 0 to 1.
        present = torch.full_like(predicted_iou[:, 0], PRESENT)
        return MaskCandidates(logits, predicted_iou, tokens, present)
