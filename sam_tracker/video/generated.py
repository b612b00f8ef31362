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
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.video import sprites, textures
from sam_tracker.video.motion import Absence, Crossing, SmoothNoise, period_for_speed

Scenario = Literal['plain', 'occlusion', 'look_alike', 're_entry', 'camera_motion']
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)
DIFFICULTIES = {'easy': 0.1, 'medium': 0.5, 'hard': 0.9}

# An object with fewer pixels than this share of the squared shorter side is not visible.
VISIBLE_SHARE = 0.0003

Vector = NDArray[np.float64]


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


@dataclass
class _Actor:
    """An object or occluder, and what determines its pose."""

    thing: sprites.Thing
    diameter: float
    path: Crossing | Vector
    wander: float
    position_noise: SmoothNoise  # x, y
    shape_noise: SmoothNoise  # angle, log size, stretch, turn, then the parts' swings
    bend_noise: SmoothNoise | None
    angle: float
    rotation: float
    growth: float
    stretch: float
    absences: list[Absence]

    def position(self, time: float) -> Vector:
        place = self.path(time) if isinstance(self.path, Crossing) else self.path
        position: Vector = place + self.wander * self.position_noise(time)
        for absence in self.absences:
            offset = absence.offset(time)
            if offset is not None:
                position = position + offset
        return position


def level(difficulty: str | float) -> float:
    """
    Return a difficulty as a number.

    :param difficulty: a name of DIFFICULTIES or a number in [0, 1].
    :raises ValueError: it is neither.
    """
    if isinstance(difficulty, str):
        if difficulty not in DIFFICULTIES:
            raise ValueError(f'difficulty is {difficulty!r}, not one of {", ".join(DIFFICULTIES)}')
        return DIFFICULTIES[difficulty]
    if not 0 <= difficulty <= 1:
        raise ValueError(f'difficulty is {difficulty}, not between 0 and 1')
    return float(difficulty)


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
        if scenario is not None and scenario not in SCENARIOS:
            raise ValueError(f'scenario is {scenario!r}, not one of {", ".join(SCENARIOS)}')
        self.height, self.width = (size, size) if isinstance(size, int) else size
        if min(self.height, self.width) < 16:
            raise ValueError(f'size is {size}; each side must have at least 16 pixels')
        d = level(difficulty)
        self._held_out = held_out
        self._duration = max(float(duration), 2.0)
        self._unit = float(min(self.height, self.width))
        self._extent = np.array([self.width, self.height]) / self._unit / 2
        self._rng = rng = np.random.default_rng([seed, int(held_out)])

        self._colours = textures.palette(rng)
        margin = 1.3
        rows, columns = int(self.height * margin), int(self.width * margin)
        self._scenery = textures.scenery(
            rng, rows, columns, self._colours, held_out, clutter=0.25 + 0.65 * d
        )
        self._objects: list[_Actor] = []
        self._build_camera(d, scenario)
        self._build_objects(d, scenario)
        self._build_occluders(d, scenario)
        self._build_light(d)
        self._bring_object_one_into_view()

    # -- building ------------------------------------------------------------------------------

    def _build_camera(self, d: float, scenario: Scenario | None) -> None:
        rng = self._rng
        moving = rng.random() < 0.35 + 0.5 * d
        self._pan = rng.uniform(0.02, 0.1 + 0.2 * d) if moving else rng.uniform(0, 0.004)
        speed = rng.uniform(0.001, 0.004 + 0.012 * d)
        if scenario == 'camera_motion':
            # As of a camera on a robot that turns: faster than most objects are.
            moving, self._pan = True, rng.uniform(0.15, 0.35)
            speed = rng.uniform(0.02, 0.03 + 0.04 * d)
        period = period_for_speed(self._pan, speed)
        self._camera_noise = SmoothNoise(rng, [period, period, 2 * period, 2 * period])
        self._roll = rng.uniform(0, 0.02 + 0.1 * d) if moving else 0.0
        self._zoom = rng.uniform(0, 0.05 + 0.2 * d) if moving else 0.0
        self._follow = rng.uniform(0.4, 0.9) if rng.random() < 0.25 else 0.0

    def _speed(self, d: float) -> float:
        rng = self._rng
        speed = np.exp(rng.uniform(np.log(0.003), np.log(0.008 + 0.024 * d)))
        if rng.random() < 0.12 * d:
            speed *= 2
        return float(speed)

    def _thing(self, d: float, diameter: float, camouflage: bool) -> sprites.Thing:
        rng = self._rng
        spread = rng.uniform(0.06, 0.2)
        colours = textures.palette(rng, self._colours if camouflage else None, spread)
        pixels = diameter * self._unit
        if rng.random() < 0.3:
            return sprites.articulated(rng, colours, pixels, self._held_out)
        bends = rng.random() < 0.3 + 0.4 * d
        bend = rng.uniform(0.03, 0.1 + 0.2 * d) if bends else 0.0
        return sprites.solid(rng, colours, pixels, self._held_out, bend)

    def _actor(
        self, d: float, thing: sprites.Thing, diameter: float, path: Crossing | Vector
    ) -> _Actor:
        rng = self._rng
        speed = self._speed(d)
        wander = rng.uniform(0.04, 0.15 + 0.2 * d)
        period = period_for_speed(wander, speed)
        slow = rng.uniform(20, 90)
        periods = [slow, slow, slow, slow] + [rng.uniform(8, 25)] * len(thing.parts)
        bend_noise = None
        if thing.bend:
            bend_noise = SmoothNoise(rng, [rng.uniform(10, 50)] * 32)
        return _Actor(
            thing=thing,
            diameter=diameter,
            path=path,
            wander=wander,
            position_noise=SmoothNoise(rng, [period, period * rng.uniform(0.8, 1.25)]),
            shape_noise=SmoothNoise(rng, periods),
            bend_noise=bend_noise,
            angle=rng.normal(0, 0.15),
            rotation=rng.uniform(0, 0.2 + 0.8 * d),
            growth=rng.uniform(0, 0.1 + 0.4 * d),
            stretch=rng.uniform(0, 0.1 + 0.35 * d),
            absences=[],
        )

    def _free_place(self, diameter: float, taken: list[tuple[Vector, float]]) -> Vector:
        """Return a place at time 0 with little overlap with the other objects."""
        rng = self._rng
        reach = np.maximum(self._extent - 0.35 * diameter, 0.08)
        best, best_room = np.zeros(2), -np.inf
        for _ in range(8):
            place = rng.uniform(-reach, reach)
            room = min(
                (float(np.hypot(*(place - p))) - 0.4 * (diameter + e) for p, e in taken),
                default=1.0,
            )
            if room > best_room:
                best, best_room = place, room
            if room > 0:
                break
        return best

    def _build_objects(self, d: float, scenario: Scenario | None) -> None:
        rng = self._rng
        count = int(rng.integers(2, 4 + round(3 * d)))
        look_alike = scenario == 'look_alike' or (
            scenario is None and rng.random() < 0.1 + 0.45 * d
        )
        taken: list[tuple[Vector, float]] = []
        camera = self._camera_offset(0.0)
        for index in range(count):
            low, high = np.log(0.32 - 0.2 * d), np.log(0.75 - 0.15 * d)
            diameter = float(np.exp(rng.uniform(low, high)))
            twin = index == 1 and look_alike
            if twin:
                first = self._objects[0]
                diameter = first.diameter * rng.uniform(0.9, 1.15)
                amount = rng.choice([0.0, 0.06, 0.12])
                thing = sprites.recoloured(rng, first.thing, amount)
            else:
                thing = self._thing(d, diameter, rng.random() < 0.05 + 0.35 * d)
            place = self._free_place(diameter, taken)
            actor = self._actor(d, thing, diameter, np.zeros(2))
            actor.path = place - actor.wander * actor.position_noise(0.0) + camera
            if twin:
                actor.angle = self._objects[0].angle
                if rng.random() < 0.6:
                    actor.path = self._crossing(self._objects[0], 1.0)
            self._objects.append(actor)
            taken.append((actor.position(0.0) - camera, diameter))
        for index, actor in enumerate(self._objects):
            leaves = rng.random() < 0.05 + (0.35 * d if scenario is None else 0.1 * d)
            if index == 0 and scenario is not None:
                leaves = scenario == 're_entry'
            if leaves:
                self._send_away(actor)
        self._order = list(rng.permutation(count))

    def _crossing(self, other: _Actor, distance: float) -> Crossing:
        """Return a path that meets the other object some time after the start."""
        rng = self._rng
        meeting = self._duration * rng.uniform(0.3, 0.8)
        angle = rng.uniform(0, 2 * np.pi)
        reach = distance * rng.uniform(0.35, 0.55) + 0.5 * other.diameter
        # The distance is greatest at time 0, so that the prompt is not ambiguous.
        swings = max(0, int(meeting * rng.uniform(0.005, 0.025)))
        period = 4 * meeting / (2 * swings + 1)
        direction = np.array([np.cos(angle), np.sin(angle)])
        return Crossing(other.position(meeting), meeting, direction, reach, period)

    def _send_away(self, actor: _Actor) -> None:
        rng = self._rng
        start = 0.1 * self._duration
        while start < 0.8 * self._duration and len(actor.absences) < 4:
            start += self._duration * rng.uniform(0.05, 0.3)
            ramp = float(np.clip(self._duration * rng.uniform(0.08, 0.2), 4, 25))
            hold = float(np.clip(self._duration * rng.uniform(0.08, 0.3), 3, 60))
            sides = [self._outside(actor.diameter) for _ in range(2)]
            if rng.random() < 0.6:
                sides[1] = sides[0]
            actor.absences.append(Absence(start, ramp, hold, sides[0], sides[1]))
            start += 2 * ramp + hold
            if rng.random() < 0.4:
                break

    def _outside(self, diameter: float) -> Vector:
        """Return a displacement large enough to leave the frame."""
        axis = int(self._rng.integers(2))
        side = self._rng.choice([-1, 1])
        away = self._rng.uniform(-0.2, 0.2, 2)
        away[axis] = side * (2 * self._extent[axis] + diameter + self._pan)
        return away

    def _build_occluders(self, d: float, scenario: Scenario | None) -> None:
        rng = self._rng
        count = int(rng.integers(1, 3)) if rng.random() < 0.1 + 0.6 * d else 0
        if scenario is not None:
            count = int(rng.integers(1, 3)) if scenario == 'occlusion' else 0
        self._occluders: list[_Actor] = []
        for index in range(count):
            first = scenario == 'occlusion' and index == 0
            target = self._objects[0 if first else int(rng.integers(len(self._objects)))]
            diameter = target.diameter * rng.uniform(1.0 if first else 0.5, 1.6)
            thing = self._thing(d, diameter, rng.random() < 0.5)
            actor = self._actor(d, thing, diameter, np.zeros(2))
            actor.wander = 0.02
            actor.path = self._crossing(target, 0.6 + diameter)
            self._occluders.append(actor)

    def _build_light(self, d: float) -> None:
        rng = self._rng
        self._gain = rng.uniform(0.7, 1.15)
        self._flicker = rng.uniform(0, 0.05 + 0.25 * d)
        self._tint = rng.uniform(0.9, 1.1, 3)
        self._light_noise = SmoothNoise(rng, [rng.uniform(8, 60)])
        self._defocus = 3 if rng.random() < 0.1 + 0.25 * d else 0
        self._shutter = rng.uniform(0, 0.7) if rng.random() < 0.5 else 0.0
        self._noise = None
        if rng.random() < 0.6:
            sigma = rng.uniform(1, 4 + 8 * d)
            shape = (self.height + 32, self.width + 32, 3)
            spread = np.float32(sigma * 12**0.5)  # of a uniform distribution
            grain = (rng.random(shape, dtype=np.float32) - np.float32(0.5)) * spread
            self._noise = np.rint(grain).astype(np.int16)

    def _bring_object_one_into_view(self) -> None:
        """Draw object 1 over the other objects if they hide most of it at time 0."""
        ids = self.draw(0.0).object_ids
        expected = 0.25 * (0.5 * self._objects[0].diameter * self._unit) ** 2
        if np.count_nonzero(ids == 1) < expected:
            self._order.remove(0)
            self._order.append(0)

    # -- drawing -------------------------------------------------------------------------------

    def _camera_offset(self, time: float) -> Vector:
        offset: Vector = self._pan * self._camera_noise(time)[:2]
        if self._follow and self._objects:
            lead = self._objects[0]
            moved = lead.position_noise(time) - lead.position_noise(0.0)
            offset = offset + self._follow * lead.wander * moved
        return offset

    def _camera(self, time: float) -> tuple[Vector, Vector]:
        """Return offset [2] and matrix [2, 2]: pixels = centre + matrix @ (world - offset)."""
        noise = self._camera_noise(time)
        angle = self._roll * noise[2]
        scale = self._unit * np.exp(self._zoom * noise[3])
        c, s = np.cos(angle), np.sin(angle)
        return self._camera_offset(time), scale * np.array([[c, -s], [s, c]])

    def _pose(self, actor: _Actor, time: float, camera: tuple[Vector, Vector]) -> sprites.Pose:
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
        if self._shutter:
            before_offset, before_matrix = self._camera(time - 1)
            before = centre + before_matrix @ (actor.position(time - 1) - before_offset)
            travel = np.minimum(np.abs(position - before) * self._shutter, 0.1 * self._unit)
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
        for index in self._order:
            actor = self._objects[index]
            sprites.draw(
                actor.thing, self._pose(actor, time, camera), canvas, object_ids, index + 1
            )
        for actor in self._occluders:
            sprites.draw(actor.thing, self._pose(actor, time, camera), canvas, object_ids, 0)
        canvas = self._exposed(canvas, time)
        boxes, visible = self._truth(object_ids)
        return GeneratedFrame(canvas, object_ids, boxes, visible)

    def _draw_scenery(self, camera: tuple[Vector, Vector]) -> NDArray[np.uint8]:
        offset, matrix = camera
        rows, columns = self._scenery.shape[:2]
        own = matrix / self._unit
        centre = np.array([self.width, self.height]) / 2
        shift = centre - own @ (np.array([columns, rows]) / 2 + self._unit * offset)
        canvas = cv2.warpAffine(
            self._scenery,
            np.column_stack([own, shift]),
            (self.width, self.height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return np.asarray(canvas, np.uint8)

    def _exposed(self, scene: NDArray[np.uint8], time: float) -> NDArray[np.uint8]:
        """Apply defocus, light and sensor noise."""
        canvas = cv2.blur(scene, (self._defocus, self._defocus)) if self._defocus else scene
        gain = self._gain * (1 + self._flicker * float(self._light_noise(time)[0]))
        canvas = cv2.multiply(canvas, np.append(gain * self._tint, 0.0), dtype=cv2.CV_8U)
        if self._noise is not None:
            step = round(time)
            y, x = (step * 7919) % 32, (step * 104729) % 31
            patch = self._noise[y : y + self.height, x : x + self.width]
            canvas = cv2.add(canvas, patch, dtype=cv2.CV_8U)
        return np.asarray(canvas, np.uint8)

    def _truth(
        self, object_ids: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        count = len(self._objects)
        boxes = np.full((count, 4), np.nan, np.float32)
        histogram = cv2.calcHist([object_ids], [0], None, [count + 1], [0, count + 1])
        areas = histogram.reshape(-1)[1:]  # one column in OpenCV 4, flat in OpenCV 5
        for index in range(count):
            if areas[index]:
                x, y, w, h = cv2.boundingRect((object_ids == index + 1).view(np.uint8))
                boxes[index] = x, y, x + w, y + h
        return boxes, areas >= VISIBLE_SHARE * self._unit**2

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
