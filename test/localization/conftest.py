# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A rendered room whose depth and masks are exact, and what spoils them."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from sam_tracker.core.boxes import Region
from sam_tracker.localization.camera import Camera
from sam_tracker.localization.depth_image import DepthImage
from sam_tracker.localization.localizer import SeenObject, View
from sam_tracker.video.boxes_in_space import Body, Rendered, Viewpoint, render

GREY = np.full((8, 8, 3), 128, np.uint8)
ROOM = Body((12.0, 8.0, 3.0), (5.5, 0.0, 1.5), GREY)
VIEW = Viewpoint.looking((640, 480), 525.0, (0.0, 0.0, 1.0), pitch=0.2)
BODIES = (
    Body((0.1, 0.4, 0.5), (2.5, 0.6, 0.25), GREY, velocity=(0.0, -0.4, 0.0)),
    Body((0.3, 0.5, 0.3), (4.0, -0.9, 0.15), GREY, velocity=(-0.5, 0.0, 0.0)),
)


@dataclass(frozen=True, eq=False)
class Shot:
    """The room at one time."""

    seconds: float
    view: Viewpoint
    rendered: Rendered

    @property
    def stamp(self) -> int:
        return round(self.seconds * 1e9)

    def centre(self, body_id: int) -> np.ndarray:
        return self.rendered.surface_centre(body_id, self.view)

    def seen(self, body_id: int, moved: int = 0) -> SeenObject:
        """Return the object with its true mask, ``moved`` pixels to the right of it."""
        mask = np.roll((self.rendered.ids == body_id).astype(np.uint8), moved, axis=1)
        return seen_object(body_id, mask)


def seen_object(object_id: int, mask: np.ndarray) -> SeenObject:
    x, y, width, height = cv2.boundingRect(mask)
    region = Region(x, y, width, height)
    return SeenObject(object_id, True, region, np.ascontiguousarray(mask[region.slices]))


def camera_of(view: Viewpoint) -> Camera:
    return Camera.of((view.width, view.height), view.matrix, 'plumb_bob', [0.0] * 5)


@cache
def shot(seconds: float) -> Shot:
    return Shot(seconds, VIEW, render(VIEW, ROOM, [each.at(seconds) for each in BODIES]))


def view_of(picture: Shot, depth: np.ndarray | None = None, **known) -> View:
    """Return the view of a shot, with its true depth unless another is given."""
    depth = picture.rendered.depth if depth is None else depth
    unit = 0.001 if depth.dtype == np.uint16 else 1.0
    image = DepthImage(depth, unit)
    return View(picture.stamp, camera_of(picture.view), image, **known)


def noisy(depth: np.ndarray, rng: np.random.Generator, share: float = 0.0025) -> np.ndarray:
    """Add noise that grows with the square of the distance, as stereo has."""
    return (depth + share * depth**2 * rng.normal(size=depth.shape)).astype(np.float32)


def with_holes(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Remove three tenths of the depth, in blobs."""
    blobs = cv2.GaussianBlur(rng.normal(size=depth.shape), (0, 0), 4.0)
    return np.where(blobs < np.quantile(blobs, 0.3), 0, depth).astype(np.float32)


def bleeding(depth: np.ndarray) -> np.ndarray:
    """Mix near and far depth at edges, as sensors that average over a window do."""
    return cv2.blur(depth, (7, 7))
