# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Clips generated from a seed, with the exact mask, box and visibility of every object.

`generate_clip` returns a whole clip; `GeneratedScene.draw` draws any single frame. Time is in
nominal frames of 1/30 s; most objects move by 0.3 to 3 % of the frame's side per frame, a few
faster. Held-out scenes differ from those of the training in seeds, textures and outlines.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.video import sprites
from sam_tracker.video.scene_plan import Actor, Scenario, ScenePlan, Vector

# An object with fewer pixels than this share of the squared shorter side is not visible.
VISIBLE_SHARE = 0.0003


@dataclass(frozen=True)
class GeneratedFrame:
    """One frame and its ground truth, of K objects."""

    image: NDArray[np.uint8]
    """RGB [H, W, 3]."""
    object_ids: NDArray[np.uint8]
    """[H, W]: id of the object visible at each pixel; 0 is background or an occluder."""
    boxes: NDArray[np.float32]
    """[K, 4]: x_min, y_min, x_max, y_max of the visible pixels of object k+1; NaN if none."""
    visible: NDArray[np.bool_]
    """[K]: whether at least VISIBLE_SHARE of the squared shorter side is visible."""


@dataclass(frozen=True)
class GeneratedClip:
    """A clip and its ground truth, of K objects with the ids 1 to K."""

    frames: NDArray[np.uint8]
    """RGB [T, H, W, 3]."""
    masks: NDArray[np.uint8]
    """[T, H, W] object ids, 0 for background and occluders."""
    boxes: NDArray[np.float32]
    """[T, K, 4] in pixels: x_min, y_min, x_max, y_max, the maxima exclusive; NaN if hidden."""
    visible: NDArray[np.bool_]
    """[T, K]: whether at least VISIBLE_SHARE of the squared shorter side is visible."""


class GeneratedScene:
    """
    A generated scene of which any frame can be drawn on its own.

    :param seed: distinguishes the scenes, not negative.
    :param size: side of a square frame, or (height, width), in pixels; at least 16.
    :param difficulty: a name of DIFFICULTIES or a number in [0, 1].
    :param held_out: use the textures and outlines that are reserved for evaluation.
    :param scenario: what happens to object 1; None: random, depending on the difficulty.
    :param duration: nominal frames within which occlusions and absences happen.
    :raises ValueError: difficulty, scenario or size is invalid.
    """

    def __init__(
        self,
        seed: int,
        size: int | tuple[int, int] = 192,
        difficulty: str | float = 'medium',
        *,
        held_out: bool = False,
        scenario: Scenario | None = None,
        duration: float = 240.0,
    ) -> None:
        self._plan = ScenePlan(
            seed, size, difficulty, held_out=held_out, scenario=scenario, duration=duration
        )
        self.height, self.width = self._plan.height, self._plan.width
        self._bring_object_one_into_view()

    def _bring_object_one_into_view(self) -> None:
        """Draw object 1 over the other objects if they hide most of it at time 0."""
        ids = self.draw(0.0).object_ids
        expected = 0.25 * (0.5 * self._plan.objects[0].diameter * self._plan.unit) ** 2
        if np.count_nonzero(ids == 1) < expected:
            self._plan.order.remove(0)
            self._plan.order.append(0)

    def _camera(self, time: float) -> tuple[Vector, Vector]:
        """Return offset [2] and matrix [2, 2]: pixels = centre + matrix @ (world - offset)."""
        camera = self._plan.camera
        noise = camera.noise(time)
        angle = camera.roll * noise[2]
        scale = self._plan.unit * np.exp(camera.zoom * noise[3])
        c, s = np.cos(angle), np.sin(angle)
        return camera.offset(time, self._plan.lead), scale * np.array([[c, -s], [s, c]])

    def _pose(self, actor: Actor, time: float, camera: tuple[Vector, Vector]) -> sprites.Pose:
        offset, matrix = camera
        centre = np.array([self.width / 2, self.height / 2])
        position = centre + matrix @ (actor.position(time) - offset)
        shape = actor.shape_noise(time)
        angle = actor.angle + actor.rotation * shape[0]
        size = 0.5 * actor.diameter * np.exp(actor.growth * shape[1])
        stretch = np.exp(actor.stretch * shape[2] * np.array([0.5, -0.5]))
        c, s = np.cos(angle), np.sin(angle)
        own = size * np.array([[c, -s], [s, c]]) * stretch
        blur = (1, 1)
        if self._plan.light.shutter:
            before_offset, before_matrix = self._camera(time - 1)
            before = centre + before_matrix @ (actor.position(time - 1) - before_offset)
            travel = np.minimum(
                np.abs(position - before) * self._plan.light.shutter, 0.1 * self._plan.unit
            )
            blur = (int(travel[0]) | 1, int(travel[1]) | 1)
        return sprites.Pose(
            centre=position,
            matrix=matrix @ own,
            turn=float(np.clip(shape[3], -1, 1)),
            swing=shape[4:],
            bend=np.zeros(32) if actor.bend_noise is None else actor.bend_noise(time),
            blur=blur,
        )

    def draw(self, time: float) -> GeneratedFrame:
        """Draw the frame at a time, in nominal frames since the start."""
        camera = self._camera(time)
        canvas = self._draw_scenery(camera)
        object_ids = np.zeros((self.height, self.width), np.uint8)
        for index in self._plan.order:
            actor = self._plan.objects[index]
            sprites.draw(
                actor.thing, self._pose(actor, time, camera), canvas, object_ids, index + 1
            )
        for actor in self._plan.occluders:
            sprites.draw(actor.thing, self._pose(actor, time, camera), canvas, object_ids, 0)
        canvas = self._exposed(canvas, time)
        boxes, visible = self._truth(object_ids)
        return GeneratedFrame(canvas, object_ids, boxes, visible)

    def _draw_scenery(self, camera: tuple[Vector, Vector]) -> NDArray[np.uint8]:
        offset, matrix = camera
        rows, columns = self._plan.scenery.shape[:2]
        own = matrix / self._plan.unit
        centre = np.array([self.width, self.height]) / 2
        shift = centre - own @ (np.array([columns, rows]) / 2 + self._plan.unit * offset)
        canvas = cv2.warpAffine(
            self._plan.scenery,
            np.column_stack([own, shift]),
            (self.width, self.height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return np.asarray(canvas, np.uint8)

    def _exposed(self, scene: NDArray[np.uint8], time: float) -> NDArray[np.uint8]:
        """Apply defocus, light and sensor noise."""
        light = self._plan.light
        canvas = cv2.blur(scene, (light.defocus, light.defocus)) if light.defocus else scene
        gain = light.gain * (1 + light.flicker * float(light.noise(time)[0]))
        canvas = cv2.multiply(canvas, np.append(gain * light.tint, 0.0), dtype=cv2.CV_8U)
        if light.grain is not None:
            step = round(time)
            y, x = (step * 7919) % 32, (step * 104729) % 31
            patch = light.grain[y : y + self.height, x : x + self.width]
            canvas = cv2.add(canvas, patch, dtype=cv2.CV_8U)
        return np.asarray(canvas, np.uint8)

    def _truth(
        self, object_ids: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        count = len(self._plan.objects)
        boxes = np.full((count, 4), np.nan, np.float32)
        histogram = cv2.calcHist([object_ids], [0], None, [count + 1], [0, count + 1])
        areas = histogram.reshape(-1)[1:]  # one column in OpenCV 4, flat in OpenCV 5
        for index in range(count):
            if areas[index]:
                x, y, w, h = cv2.boundingRect((object_ids == index + 1).view(np.uint8))
                boxes[index] = x, y, x + w, y + h
        return boxes, areas >= VISIBLE_SHARE * self._plan.unit**2

    def frames(self, start: float = 0.0, step: float = 1.0) -> Iterator[GeneratedFrame]:
        """Draw frames from ``start`` on, without end; times in nominal frames."""
        time = start
        while True:
            yield self.draw(time)
            time += step


def generate_clip(
    seed: int,
    frames: int,
    size: int | tuple[int, int] = 192,
    difficulty: str | float = 'medium',
    *,
    held_out: bool = False,
    scenario: Scenario | None = None,
    step: float = 1.0,
) -> GeneratedClip:
    """
    Generate a clip; equal arguments give equal clips.

    :param seed: distinguishes the clips, not negative.
    :param frames: number of frames, at least 1.
    :param size: side of a square frame, or (height, width), in pixels; at least 16.
    :param difficulty: a name of DIFFICULTIES or a number in [0, 1].
    :param held_out: use the textures and outlines that are reserved for evaluation.
    :param scenario: what happens to object 1; None: random, depending on the difficulty.
    :param step: nominal frames of 1/30 s from one frame to the next.
    :raises ValueError: difficulty, scenario, size or number of frames is invalid.
    """
    if frames < 1:
        raise ValueError(f'frames is {frames}; a clip has at least one')
    scene = GeneratedScene(
        seed, size, difficulty, held_out=held_out, scenario=scenario, duration=frames * step
    )
    drawn = [scene.draw(index * step) for index in range(frames)]
    return GeneratedClip(
        frames=np.stack([frame.image for frame in drawn]),
        masks=np.stack([frame.object_ids for frame in drawn]),
        boxes=np.stack([frame.boxes for frame in drawn]),
        visible=np.stack([frame.visible for frame in drawn]),
    )
