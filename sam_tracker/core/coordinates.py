# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Conversion between pixels of the source image and pixels of the network's input.

Outside: pixels of the source image, float, origin in the top left corner of the top left pixel,
so that pixel centres lie at +0.5; boxes are half open. Inside: the image is resized to the square
of S pixels that is the network's input, or to its top left part; prompts and the boxes of the
motion model count whole pixels, so that pixel centres lie at whole numbers and boxes are
inclusive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box, Region
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND


@dataclass(frozen=True)
class ImageScale:
    """Mapping from pixels of a source image, or a part of it, to pixels of a network's input."""

    width: int
    """Columns of the image, or of the part of it that is shown."""
    height: int
    network_size: int
    """S, the side of the network's input."""
    padding: tuple[int, int] = (0, 0)
    """Columns on the right and rows at the bottom of the input that show nothing of the image."""
    origin: tuple[int, int] = (0, 0)
    """Columns left of the part that is shown and rows above it, in the source image."""

    @property
    def covered(self) -> tuple[int, int]:
        """Columns and rows of the input that show the image."""
        return self.network_size - self.padding[0], self.network_size - self.padding[1]

    @property
    def region(self) -> Region:
        """The part of the source image that is shown."""
        return Region(*self.origin, self.width, self.height)

    @property
    def pixel(self) -> NDArray[np.float64]:
        """[2] width and height of a network pixel, in source pixels."""
        return np.array([self.width, self.height]) / self.covered

    def points_to_network(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """[N, 2] source pixels to [N, 2] network pixels."""
        return (points - self.origin) / self.pixel - 0.5

    def box_to_network(self, box: Box) -> NDArray[np.float64]:
        """[4] source pixels to [2, 2] network pixels: the corner pixels, both inside the box."""
        corners = (box.reshape(2, 2) - self.origin) / self.pixel - np.array([[0.0], [1.0]])
        # A box narrower than a network pixel lies within that pixel.
        corners[1] = np.maximum(corners[0], corners[1])
        return corners

    def box_to_image(self, box: Box) -> Box | None:
        """[4] inclusive network pixels to [4] source pixels; None when it has no extent."""
        if box[2] < box[0] or box[3] < box[1]:
            return None
        corners = (box.reshape(2, 2) + np.array([[0.0], [1.0]])) * self.pixel + self.origin
        return corners.reshape(4)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """[3, 3] from source pixels (x, y, 1) to network pixels."""
        x, y = 1 / self.pixel
        left, top = self.origin
        return np.array([[x, 0, -0.5 - left * x], [0, y, -0.5 - top * y], [0, 0, 1]])

    def boxes_to(self, other: ImageScale, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Map boxes [..., 4] in network pixels of this scale to network pixels of another one.

        Boxes of zeros, which stand for empty masks, stay what they are.
        """
        if self == other:
            return boxes
        inclusive = np.array([[0.0], [1.0]])
        corners = boxes.reshape(*boxes.shape[:-1], 2, 2) + inclusive
        corners = (corners * self.pixel + self.origin - other.origin) / other.pixel - inclusive
        # A box narrower than a network pixel lies within that pixel.
        corners[..., 1, :] = np.maximum(corners[..., 0, :], corners[..., 1, :])
        return np.where(boxes.any(-1, keepdims=True), corners.reshape(boxes.shape), 0.0)

    def velocity_to_image(
        self, velocity: NDArray[np.float64], frame_period: int
    ) -> tuple[float, float]:
        """[2] network pixels per nominal period (in ns) to source pixels per second."""
        x, y = velocity * self.pixel * (SECOND / frame_period)
        return float(x), float(y)


def prompt_points(prompt: Prompt, scale: ImageScale) -> tuple[np.ndarray, np.ndarray]:
    """
    Return points [N, 2] in network pixels and labels [N] as the prompt encoder takes them.

    The two corners of a box come first, labelled 2 and 3, as SAM 2 was trained.
    """
    points, labels = scale.points_to_network(prompt.points), prompt.labels
    if prompt.box is not None:
        points = np.concatenate((scale.box_to_network(prompt.box), points))
        labels = np.concatenate((np.array([2, 3]), labels))
    return points, labels
