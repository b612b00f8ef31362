# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A network that paints, for tests of what is made of its masks."""

import pytest
import torch

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.api import ImageFeatures, MaskCandidates
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.segmentation.image_segmenter import ImageSegmenter

from .painting import SIZE, painted


class PaintingNetwork:
    """
    Has a network's interface, and answers every point with three blobs around it.

    Blobs have holes and specks, sharp and soft borders, and some are empty; the same point gets
    the same blobs whatever else is in its batch.
    """

    def __init__(self):
        self.image_size = SIZE
        self.suited_settings = configuration_named('nano').suited_settings
        self.device = torch.device('cpu')
        self.encoded = 0
        self.batches = []
        """Prompts in each batch that was decoded."""

    def scale(self, width, height):
        return ImageScale(width, height, SIZE)

    def preprocess(self, images):
        return network_input(images, SIZE)

    def encode_image(self, images):
        assert images.shape == (1, 3, SIZE, SIZE)
        self.encoded += 1
        return ImageFeatures(images.mean((2, 3), keepdim=True), (images, images))

    def without_memory(self, embedding):
        return embedding

    def encode_prompts(self, points, labels, mask_logits=None):
        return points, labels

    def decode(self, features, conditioned, prompts, several):
        points, labels = prompts
        assert several and labels.shape == (len(points), 1)
        self.batches.append(len(points))
        blobs = [painted(x, y) for x, y in points[:, 0].tolist()]
        return MaskCandidates(
            mask_logits=torch.stack([logits for logits, _ in blobs]),
            predicted_iou=torch.stack([iou for _, iou in blobs]),
            tokens=points.new_zeros(len(points), 3, 1),
            object_logit=points.new_zeros(len(points)),
        )


@pytest.fixture
def painter():
    """A segmenter whose network paints."""
    runtime = choose_runtime('cpu')
    return ImageSegmenter(PaintingNetwork(), runtime)
