# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Positions drawn from above."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from scene import LABELS, SceneImage

from sam_tracker.rendering import object_colour

matplotlib.use('Agg')
from matplotlib import pyplot


def draw_top_view(
    path: Path,
    images: list[SceneImage],
    placed: Mapping[int, Mapping[int, NDArray[np.float64]]],
) -> None:
    """
    Draw the paths of the camera and the boxes: the truth as lines, what was measured as dots.

    :param placed: by body and image number, position and velocity [2, 3] in the optical frame.
    """
    figure, axes = pyplot.subplots(figsize=(4, 6), layout='constrained')
    camera = np.array([each.view.position for each in images])
    axes.plot(-camera[:, 1], camera[:, 0], color='black', label='camera')
    for body_id, positions in placed.items():
        blue, green, red = (each / 255 for each in object_colour(body_id))
        colour = (red, green, blue)
        centres = [each.rendered.surface_centre(body_id, each.view) for each in images]
        truth = np.array(
            [
                np.full(3, np.nan) if centre is None else image.view.to_world(centre)
                for image, centre in zip(images, centres, strict=True)
            ]
        )
        axes.plot(-truth[:, 1], truth[:, 0], color=colour, linewidth=1)
        found = np.array(
            [images[number].view.to_world(each) for number, (each, _) in positions.items()]
        )
        axes.plot(-found[:, 1], found[:, 0], '.', color=colour, label=LABELS[body_id - 1])
    axes.set_xlabel('to the right (m)')
    axes.set_ylabel('ahead (m)')
    axes.set_aspect('equal')
    axes.legend()
    axes.set_title('From above: lines are the truth,\ndots are measured')
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
