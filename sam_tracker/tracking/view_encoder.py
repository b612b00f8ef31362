# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Encodes the parts of a frame that objects are decoded from."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Pixels
from sam_tracker.networks.api import ImageFeatures, VideoNetwork
from sam_tracker.networks.batching import LARGEST_BATCH
from sam_tracker.networks.upload import FrameUpload
from sam_tracker.tracking.cached_frame import CachedFrame

MOST_VIEWS = 8
"""Encodings that a frame keeps besides those just asked for: prompts may need any number."""


class ViewEncoder:
    """Encodes views, which are parts of a frame, and keeps their features with the frame."""

    def __init__(self, network: VideoNetwork) -> None:
        self._network = network
        self._upload = FrameUpload(network.device)

    def scale(self, frame: CachedFrame, view: Region) -> ImageScale:
        """Return how a view maps to the network's input."""
        if view == frame.whole:
            return frame.scale
        return replace(self._network.scale(view.width, view.height), origin=(view.x, view.y))

    def encode(self, frame: CachedFrame, pixels: Pixels, views: Sequence[Region]) -> ImageFeatures:
        """
        Return the features of views, each of which is encoded the first time only.

        :param pixels: of the frame.
        :param views: for each of O objects the part of the image it is decoded from.
        :returns: of one image, if it is the same for all; else of O images.
        """
        missing = [view for view in dict.fromkeys(views) if view not in frame.features]
        if missing:
            image = self._upload(pixels)
            for start in range(0, len(missing), LARGEST_BATCH):
                self._encode(frame, image, missing[start : start + LARGEST_BATCH])
            for view in list(frame.features)[:-MOST_VIEWS]:
                if view != frame.whole and view not in views:
                    del frame.features[view]
        parts = [frame.features[view] for view in views]
        if len(set(views)) == 1:
            return parts[0]
        levels = zip(*(part.high_resolution for part in parts), strict=True)
        return ImageFeatures(
            torch.cat([part.embedding for part in parts]),
            tuple(torch.cat(level) for level in levels),
        )

    def _encode(self, frame: CachedFrame, image: Tensor, views: Sequence[Region]) -> None:
        """Encode views of an image [1, H, W, 3] in one batch, and keep them with the frame."""
        inputs = [
            self._network.preprocess(image[:, view.slices[0], view.slices[1]]) for view in views
        ]
        encoded = self._network.encode_image(torch.cat(inputs) if len(inputs) > 1 else inputs[0])
        for index, view in enumerate(views):
            part = image_features(encoded, slice(index, index + 1))
            # A slice of the batch would keep the batch for as long as it is kept itself.
            frame.features[view] = part if len(views) == 1 else _copied(part)


def image_features(features: ImageFeatures, chosen: slice) -> ImageFeatures:
    """Return the features of some of several images, without a copy."""
    return ImageFeatures(
        features.embedding[chosen], tuple(level[chosen] for level in features.high_resolution)
    )


def _copied(features: ImageFeatures) -> ImageFeatures:
    return ImageFeatures(
        features.embedding.clone(), tuple(level.clone() for level in features.high_resolution)
    )
