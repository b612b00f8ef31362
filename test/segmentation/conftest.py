# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A network that paints, for tests of what is made of its masks."""

from pathlib import Path
import shutil

import pytest
import torch

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.api import ImageFeatures, MaskCandidates
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.segmentation.image_segmenter import ImageSegmenter
from sam_tracker.segmentation.text_grounder import TextGrounder

from .painting import SIZE, painted
from .tiny_detectors import DINO, OWL, dino_model, owl_model


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


@pytest.fixture(scope='module')
def folders(transformers, tmp_path_factory) -> dict[str, Path]:
    """A folder for each architecture, with random weights."""
    made = {}
    for architecture in (*OWL, DINO):
        torch.manual_seed(1)
        folder = tmp_path_factory.mktemp(architecture)
        if architecture == DINO:
            model = dino_model(transformers, folder)
        else:
            model = owl_model(transformers, architecture, folder)
        model.save_pretrained(folder)
        made[architecture] = folder
    return made


@pytest.fixture(scope='module')
def grounders(folders) -> dict[str, TextGrounder]:
    return {architecture: TextGrounder(folder) for architecture, folder in folders.items()}


@pytest.fixture(params=[*OWL, DINO])
def grounder(request, grounders) -> TextGrounder:
    """One of each architecture, with random weights."""
    return grounders[request.param]


@pytest.fixture(scope='module')
def copy(folders, tmp_path_factory):
    """Makes a copy of an architecture's folder that a test may damage."""

    def copy(architecture: str) -> Path:
        target = tmp_path_factory.mktemp('copy') / architecture
        shutil.copytree(folders[architecture], target)
        return target

    return copy
