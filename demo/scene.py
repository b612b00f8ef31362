# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The room of the demonstration in space: boxes that move, and a camera that drives past them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam_tracker.rendering import Box
from sam_tracker.video.boxes_in_space import Body, Rendered, Viewpoint, render, smoothed
from sam_tracker.video.textures import palette, plain_texture

SIZE = (640, 480)
FOCAL_LENGTH = 525.0
RATE = 10.0
"""Images per second."""
NOISE = 0.0025
"""Standard deviation of the depth at one metre, in metres; it grows with the distance squared."""
LABELS = ('crate', 'block', 'cart')


@dataclass(frozen=True, eq=False)
class SceneImage:
    """One image of the camera, with its truth."""

    number: int
    view: Viewpoint
    rendered: Rendered
    depth: NDArray[np.uint16]
    """[height, width] millimetres, as a sensor measures them."""
    centres: NDArray[np.float64]
    """[K, 3] where the centres of the bodies are, in the camera's frame."""

    @property
    def colour(self) -> NDArray[np.uint8]:
        """[height, width, 3] RGB."""
        return smoothed(self.rendered.colour)

    def box(self, body_id: int) -> Box:
        """Return the box of a visible body, half open."""
        rows, columns = np.nonzero(self.rendered.ids == body_id)
        return (
            float(columns.min()),
            float(rows.min()),
            float(columns.max() + 1),
            float(rows.max() + 1),
        )


class Scene:
    """Renders images one by one; everything follows from the seed."""

    def __init__(self, seed: int = 4) -> None:
        self._random = rng = np.random.default_rng(seed)

        def texture(size: int) -> NDArray[np.uint8]:
            return plain_texture(rng, size, size, palette(rng), held_out=True)

        self._room = Body((9.0, 7.0, 3.0), (3.5, 0.0, 1.5), texture(512))
        self._bodies = (
            Body((0.4, 0.5, 0.6), (3.0, 0.9, 0.3), texture(64), velocity=(0.0, -0.15, 0.0)),
            Body((0.3, 0.6, 0.4), (4.2, -1.0, 0.2), texture(64), velocity=(-0.1, 0.05, 0.0)),
            Body((0.5, 0.4, 0.3), (2.2, -0.6, 0.15), texture(64), velocity=(0.15, 0.05, 0.0)),
        )

    def image(self, number: int) -> SceneImage:
        """Return an image; to be asked for in order, because its noise is drawn."""
        seconds = number / RATE
        view = Viewpoint.looking(
            SIZE,
            FOCAL_LENGTH,
            position=(0.03 * seconds, 0.05 * seconds, 0.9),
            yaw=-0.01 * seconds,
            pitch=0.22,
        )
        bodies = [each.at(seconds) for each in self._bodies]
        rendered = render(view, self._room, bodies)
        exact = rendered.depth
        noise = NOISE * exact**2 * self._random.normal(size=exact.shape)
        depth = np.rint(1000 * (exact + noise)).astype(np.uint16)
        centres = view.to_camera(np.array([each.position for each in bodies]))
        return SceneImage(number, view, rendered, depth, centres)
