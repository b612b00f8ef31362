# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A network that has nothing in common with SAM 2.1 but the interface tracks and segments.

Its memories are five tokens of six channels, it reads three recent ones and pointers of four
frames, and it keeps the aspect of images and pads them.
"""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sam_tracker.core.boxes import box_iou
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.networks.api import (
    ImageFeatures,
    MaskCandidates,
    MemoryLayout,
    SuitedSettings,
    VideoNetwork,
)
from sam_tracker.segmentation.image_segmenter import ImageSegmenter
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracker import Tracker

SIZE = 128
SIDE = SIZE // 4
WIDTH, HEIGHT = 640, 360
COLOURS = [(230, 40, 30), (30, 60, 220)]


class ColourNetwork:
    """
    Finds again the mean colour of what was prompted.

    Channels 0 to 2 of an embedding are the colour of a cell, 3 to 5 the colour that is looked for.
    """

    name = 'colour'
    image_size = SIZE
    device = torch.device('cpu')
    suited_settings = SuitedSettings(presence_logit=0.0)
    memory_layout = MemoryLayout(
        tokens=5, channels=6, pointer_channels=10, recent_memories=3, recent_pointers=4
    )

    def __init__(self):
        self.read = []
        """Numbers of memories and pointers, and positions, for each batch that was tracked."""

    def optimise(self, device, compiled):
        pass

    def scale(self, width, height):
        longest = max(width, height)
        padding = tuple(SIZE - round(SIZE * side / longest) for side in (width, height))
        return ImageScale(width, height, SIZE, padding)

    def preprocess(self, images):
        columns, rows = self.scale(images.shape[2], images.shape[1]).covered
        pixels = images.permute(0, 3, 1, 2).float() / 255
        resized = F.interpolate(pixels, size=(rows, columns), mode='area')
        return F.pad(resized, (0, SIZE - columns, 0, SIZE - rows))

    def encode_image(self, images):
        cells = F.avg_pool2d(images, 4)
        return ImageFeatures(torch.cat((cells, torch.zeros_like(cells)), dim=1), ())

    def without_memory(self, embedding):
        return embedding

    def attend_to_memory(self, embedding, memory):
        objects, count = memory.positions.shape
        assert memory.tokens.shape == (objects, count, 5, 6)
        assert memory.pointers.shape == (*memory.pointer_distances.shape, 10)
        self.read.append(
            (count, memory.pointers.shape[1], set(memory.positions.flatten().tolist()))
        )
        colour = memory.tokens.float().mean((1, 2))[:, :3, None, None]
        cells = embedding[:, :3].expand(objects, -1, -1, -1)
        return torch.cat((cells, colour.expand_as(cells)), dim=1)

    def encode_prompts(self, points, labels, mask_logits=None):
        return points

    def encode_mask_prompt(self, mask):
        return F.avg_pool2d(mask, 4)

    def decode(self, features, conditioned, prompts, several):
        cells, colour = conditioned.expand(len(prompts), -1, -1, -1).split(3, dim=1)
        if prompts.shape[1]:
            x, y = (prompts.mean(1) / 4).long().T
            colour = cells[torch.arange(len(prompts)), :, y, x][..., None, None]
        logits = 20 * (0.2 - (cells - colour).abs().amax(1, keepdim=True))
        logits = logits.repeat(1, 3 if several else 1, 1, 1)
        return MaskCandidates(
            mask_logits=logits,
            predicted_iou=torch.tensor([0.9, 0.6, 0.5]).expand(len(logits), -1)[
                :, : logits.shape[1]
            ],
            tokens=logits.amax((2, 3))[..., None].expand(-1, -1, 10),
            object_logit=logits.flatten(1).amax(1),
        )

    def object_pointer(self, token, present):
        return token * present[:, None]

    def encode_memory(self, embedding, mask, object_logit):
        weight = (F.avg_pool2d(mask, 4) > 0).float()
        colour = (embedding[:, :3] * weight).sum((2, 3)) / weight.sum((2, 3)).clamp(min=1)
        return F.pad(colour, (0, 3))[:, None].expand(-1, 5, -1).contiguous()


def squares(number):
    """Return the boxes of two squares on frame ``number``."""
    return [
        np.array([40.0 + 6 * number, 60, 160 + 6 * number, 180]),
        np.array([440.0 - 5 * number, 200, 560 - 5 * number, 320]),
    ]


def frame(number):
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for box, colour in zip(squares(number), COLOURS, strict=True):
        x_min, y_min, x_max, y_max = box.astype(int).tolist()
        cv2.rectangle(image, (x_min, y_min), (x_max - 1, y_max - 1), colour, -1)
    return Frame(image, number * SECOND // 30)


def test_the_network_is_one_by_the_protocol():
    assert isinstance(ColourNetwork(), VideoNetwork)


def test_objects_are_tracked_by_a_network_of_another_kind():
    network = ColourNetwork()
    tracker = Tracker(network)
    assert tracker.settings.presence_logit == 0
    for box in squares(0):
        tracker.add_prompt(frame(0), Prompt(box=box))
    for number in range(1, 25):
        tracks = tracker.step(frame(number))
        for track, box in zip(tracks, squares(number), strict=True):
            assert track.state is TrackState.TRACKED
            assert box_iou(track.box, box) > 0.75, (number, track.box, box)
            assert track.mask.shape == (HEIGHT, WIDTH)
    # The prompted memory and three recent ones, the prompted pointer and those of four frames.
    assert max(memories for memories, _, _ in network.read) == 1 + 3
    assert max(pointers for _, pointers, _ in network.read) == 1 + 4
    assert set.union(*(positions for _, _, positions in network.read)) == {0, 1, 2, 3}


def test_memory_is_allocated_in_the_layout_of_the_network():
    tracker = Tracker(ColourNetwork())
    tracker.add_prompt(frame(0), Prompt(box=squares(0)[0]))
    held = tracker.settings.conditioning_memories
    # One more of each than is read, for the frame that is added.
    memories, pointers = held + 3 + 1, held + 4 + 1
    assert tracker.memory_bytes == memories * 5 * 6 * 2 + pointers * 10 * 4


@pytest.mark.parametrize('transposed', [False, True])
def test_masks_of_a_padded_input_lie_on_their_objects(transposed):
    pixels, box = frame(0).pixels, squares(0)[1]
    if transposed:
        pixels, box = np.ascontiguousarray(pixels.transpose(1, 0, 2)), box[[1, 0, 3, 2]]
    segmenter = ImageSegmenter(ColourNetwork())
    encoded = segmenter.encode(pixels)
    ((found,),) = segmenter.segment(encoded, [Prompt(box=box)], several=False)
    assert box_iou(found.box, box) > 0.8
    assert found.mask_crop.mean() > 0.9 * 255
