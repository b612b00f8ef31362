# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A network whose answers are written down beforehand, for tests of what is made of them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.api import ImageFeatures, MaskCandidates, MemoryLayout, SuitedSettings
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.tracking.tracker import Tracker

from .discs import SETTINGS, SIDE, SIZE


@dataclass(frozen=True)
class Reading:
    """What was read for one object when it was decoded."""

    frames: list[int]
    positions: list[int]
    pointer_frames: list[int]
    pointer_distances: list[int]


class ScriptedNetwork:
    """
    Has a network's interface and plays a script; what is remembered is the number of the frame.

    Frames are numbered from 0 as they are encoded, objects from 1 as they are first prompted.
    ``script(frame, number)`` answers for an object on a frame: logits [3, s, s], predicted IoU [3]
    and object logit.
    """

    device = torch.device('cpu')
    suited_settings = SuitedSettings()
    memory_layout = MemoryLayout(tokens=3, channels=2, pointer_channels=2)

    def __init__(self, image_size, script):
        self.image_size = image_size
        self.script = script
        self.frame = -1
        self.prompted = 0
        self.batches = []
        """Objects in each batch that was tracked."""
        self.readings = {}
        """Readings by frame and object."""
        self.prompts = []
        """Points, labels, mask logits and whether several candidates were asked for."""
        self.remembered = {}
        """Mask and logit, by frame and object, as they went to the memory encoder."""
        self.present = {}
        """Whether the pointer was that of an object in the image, by frame and object."""
        self._decoded = []

    def scale(self, width, height):
        return ImageScale(width, height, self.image_size)

    def preprocess(self, images):
        return network_input(images, self.image_size)

    def encode_image(self, images):
        assert images.shape == (1, 3, self.image_size, self.image_size)
        self.frame += 1
        return ImageFeatures(torch.zeros(1, 1, 1, 1), ())

    def without_memory(self, embedding):
        return embedding

    def attend_to_memory(self, embedding, memory):
        numbers = memory.pointers[:, 0, 1].long().tolist()
        for index, number in enumerate(numbers):
            assert torch.all(memory.tokens[index, ..., 1] == number), 'another object was read'
            assert torch.all(memory.pointers[index, :, 1] == number), 'another object was read'
            self.readings[self.frame, number] = Reading(
                memory.tokens[index, :, 0, 0].long().tolist(),
                memory.positions[index].tolist(),
                memory.pointers[index, :, 0].long().tolist(),
                memory.pointer_distances[index].long().tolist(),
            )
        return torch.tensor(numbers).float()[:, None, None, None].expand(-1, *embedding.shape[1:])

    def encode_prompts(self, points, labels, mask_logits=None):
        return points, labels, mask_logits

    def encode_mask_prompt(self, mask):
        return mask[..., ::4, ::4]

    def decode(self, features, conditioned, prompts, several):
        points, _, mask_logits = prompts
        numbers = conditioned[:, 0, 0, 0].long().tolist()
        if points.shape[1] or mask_logits is not None:
            self.prompts.append((*prompts, several))
        else:
            self.batches.append(len(numbers))
        if numbers == [0]:
            numbers = [self._prompted(mask_logits)]
        self._decoded += numbers
        answers = [self.script(self.frame, number) for number in numbers]
        kept = slice(0, 3) if several else slice(0, 1)
        token = torch.zeros(len(numbers), 3, 2)
        token[..., 0] = self.frame
        token[..., 1] = torch.tensor(numbers)[:, None]
        return MaskCandidates(
            torch.stack([logits for logits, _, _ in answers])[:, kept],
            torch.stack([iou for _, iou, _ in answers])[:, kept],
            token[:, kept],
            torch.tensor([float(logit) for _, _, logit in answers]),
        )

    def _prompted(self, mask_logits):
        """Return the number of a new object, or of the one whose mask is corrected."""
        for number in range(1, self.prompted + 1):
            logits, _, _ = self.script(self.frame, number)
            if mask_logits is not None and torch.equal(
                mask_logits[0, 0], logits[0].clamp(-32, 32)
            ):
                return number
        self.prompted += 1
        return self.prompted

    def object_pointer(self, token, present):
        for number, there in zip(token[:, 1].long().tolist(), present.tolist(), strict=True):
            self.present[self.frame, number] = bool(there)
        return token

    def encode_memory(self, embedding, mask, object_logit):
        assert mask.shape[1:] == (1, self.image_size, self.image_size)
        numbers, self._decoded = self._decoded[: len(mask)], self._decoded[len(mask) :]
        for index, number in enumerate(numbers):
            self.remembered[self.frame, number] = mask[index, 0], float(object_logit[index])
        memory = torch.zeros(len(mask), 3, 2)
        memory[..., 0] = self.frame
        memory[..., 1] = torch.tensor(numbers)[:, None]
        return memory


@pytest.fixture
def scripted():
    """Make a network of that image size that plays a script."""
    return ScriptedNetwork


@pytest.fixture
def disc():
    """Make logits [s, s] of a disc."""

    def draw(side, x, y, radius):
        rows, columns = np.mgrid[:side, :side]
        distance = np.hypot(columns - x, rows - y)
        return torch.from_numpy(4.0 * (radius - distance)).float()

    return draw


@pytest.fixture
def playing(scripted, disc):
    """Make a tracker whose objects are discs; ``where(frame, number)`` gives x, y and radius."""

    def start(where, settings=SETTINGS, scores=lambda frame, number: (0.9, 6.0)):
        def script(frame, number):
            affinity, object_logit = scores(frame, number)
            logits = disc(SIDE, *where(frame, number))
            worse = torch.tensor([1.0, 0.9, 0.8])
            return logits.expand(3, SIDE, SIDE), affinity * worse, object_logit

        network = scripted(SIZE, script)
        return Tracker(network, settings), network

    return start
