# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What is in a generated scene, drawn at random: objects, occluders, camera and light."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sam_tracker.video import sprites, textures
from sam_tracker.video.motion import Absence, Crossing, SmoothNoise, period_for_speed

Scenario = Literal['plain', 'occlusion', 'look_alike', 're_entry', 'camera_motion']
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)
DIFFICULTIES = {'easy': 0.1, 'medium': 0.5, 'hard': 0.9}

Vector = NDArray[np.float64]


@dataclass
class Actor:
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


@dataclass(frozen=True)
class Camera:
    """The motion of the camera; lengths in units of the frame's side."""

    pan: float
    """Amplitude."""
    noise: SmoothNoise
    """Noise of x, y, roll and zoom."""
    roll: float
    """Amplitude, in radians."""
    zoom: float
    """Amplitude, of the logarithm."""
    follow: float
    """Share of the wandering of object 1 that the camera follows."""

    def offset(self, time: float, lead: Actor | None) -> Vector:
        """Return where the camera looks, [2]; ``lead`` is object 1, once there is one."""
        offset: Vector = self.pan * self.noise(time)[:2]
        if self.follow and lead is not None:
            moved = lead.position_noise(time) - lead.position_noise(0.0)
            offset = offset + self.follow * lead.wander * moved
        return offset


@dataclass(frozen=True)
class Light:
    """Exposure of the frames, and the faults of the camera that they show."""

    gain: float
    flicker: float
    """Amplitude, as a share of the gain."""
    tint: Vector
    """[3] factors of the channels."""
    noise: SmoothNoise
    """Noise of the flicker."""
    defocus: int
    """Side of a box filter, in pixels; 0: sharp."""
    shutter: float
    """Nominal frames for which the shutter is open: motion blur."""
    grain: NDArray[np.int16] | None
    """[H + 32, W + 32, 3] sensor noise, of which each frame shows another part."""


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


class ScenePlan:
    """
    A scene before anything is drawn; parameters as for ``GeneratedScene``.

    :raises ValueError: difficulty, scenario or size is invalid.
    """

    def __init__(
        self,
        seed: int,
        size: int | tuple[int, int],
        difficulty: str | float,
        *,
        held_out: bool,
        scenario: Scenario | None,
        duration: float,
    ) -> None:
        if scenario is not None and scenario not in SCENARIOS:
            raise ValueError(f'scenario is {scenario!r}, not one of {", ".join(SCENARIOS)}')
        self.height, self.width = (size, size) if isinstance(size, int) else size
        if min(self.height, self.width) < 16:
            raise ValueError(f'size is {size}; each side must have at least 16 pixels')
        d = level(difficulty)
        self._held_out = held_out
        self._duration = max(float(duration), 2.0)
        self.unit = float(min(self.height, self.width))
        self._extent = np.array([self.width, self.height]) / self.unit / 2
        self._rng = rng = np.random.default_rng([seed, int(held_out)])

        self._colours = textures.palette(rng)
        margin = 1.3
        rows, columns = int(self.height * margin), int(self.width * margin)
        self.scenery = textures.scenery(
            rng, rows, columns, self._colours, held_out, clutter=0.25 + 0.65 * d
        )
        self.objects: list[Actor] = []
        self.camera = self._camera(d, scenario)
        self.order = self._place_objects(d, scenario)
        """Indices of the objects from back to front."""
        self.occluders = self._occluders(d, scenario)
        self.light = self._light(d)

    @property
    def lead(self) -> Actor | None:
        """Object 1, once there is one."""
        return self.objects[0] if self.objects else None

    def _camera(self, d: float, scenario: Scenario | None) -> Camera:
        rng = self._rng
        moving = rng.random() < 0.35 + 0.5 * d
        pan = rng.uniform(0.02, 0.1 + 0.2 * d) if moving else rng.uniform(0, 0.004)
        speed = rng.uniform(0.001, 0.004 + 0.012 * d)
        if scenario == 'camera_motion':
            # As of a camera on a robot that turns: faster than most objects are.
            moving, pan = True, rng.uniform(0.15, 0.35)
            speed = rng.uniform(0.02, 0.03 + 0.04 * d)
        period = period_for_speed(pan, speed)
        return Camera(
            pan=pan,
            noise=SmoothNoise(rng, [period, period, 2 * period, 2 * period]),
            roll=rng.uniform(0, 0.02 + 0.1 * d) if moving else 0.0,
            zoom=rng.uniform(0, 0.05 + 0.2 * d) if moving else 0.0,
            follow=rng.uniform(0.4, 0.9) if rng.random() < 0.25 else 0.0,
        )

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
        pixels = diameter * self.unit
        if rng.random() < 0.3:
            return sprites.articulated(rng, colours, pixels, self._held_out)
        bends = rng.random() < 0.3 + 0.4 * d
        bend = rng.uniform(0.03, 0.1 + 0.2 * d) if bends else 0.0
        return sprites.solid(rng, colours, pixels, self._held_out, bend)

    def _actor(
        self, d: float, thing: sprites.Thing, diameter: float, path: Crossing | Vector
    ) -> Actor:
        rng = self._rng
        speed = self._speed(d)
        wander = rng.uniform(0.04, 0.15 + 0.2 * d)
        period = period_for_speed(wander, speed)
        slow = rng.uniform(20, 90)
        periods = [slow, slow, slow, slow] + [rng.uniform(8, 25)] * len(thing.parts)
        bend_noise = None
        if thing.bend:
            bend_noise = SmoothNoise(rng, [rng.uniform(10, 50)] * 32)
        return Actor(
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

    def _place_objects(self, d: float, scenario: Scenario | None) -> list[int]:
        """Add the objects, and return the order in which they are drawn."""
        rng = self._rng
        count = int(rng.integers(2, 4 + round(3 * d)))
        look_alike = scenario == 'look_alike' or (
            scenario is None and rng.random() < 0.1 + 0.45 * d
        )
        taken: list[tuple[Vector, float]] = []
        camera = self.camera.offset(0.0, self.lead)
        for index in range(count):
            low, high = np.log(0.32 - 0.2 * d), np.log(0.75 - 0.15 * d)
            diameter = float(np.exp(rng.uniform(low, high)))
            twin = index == 1 and look_alike
            if twin:
                first = self.objects[0]
                diameter = first.diameter * rng.uniform(0.9, 1.15)
                amount = rng.choice([0.0, 0.06, 0.12])
                thing = sprites.recoloured(rng, first.thing, amount)
            else:
                thing = self._thing(d, diameter, rng.random() < 0.05 + 0.35 * d)
            place = self._free_place(diameter, taken)
            actor = self._actor(d, thing, diameter, np.zeros(2))
            actor.path = place - actor.wander * actor.position_noise(0.0) + camera
            if twin:
                actor.angle = self.objects[0].angle
                if rng.random() < 0.6:
                    actor.path = self._crossing(self.objects[0], 1.0)
            self.objects.append(actor)
            taken.append((actor.position(0.0) - camera, diameter))
        for index, actor in enumerate(self.objects):
            leaves = rng.random() < 0.05 + (0.35 * d if scenario is None else 0.1 * d)
            if index == 0 and scenario is not None:
                leaves = scenario == 're_entry'
            if leaves:
                self._send_away(actor)
        return [int(index) for index in rng.permutation(count)]

    def _crossing(self, other: Actor, distance: float) -> Crossing:
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

    def _send_away(self, actor: Actor) -> None:
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
        away[axis] = side * (2 * self._extent[axis] + diameter + self.camera.pan)
        return away

    def _occluders(self, d: float, scenario: Scenario | None) -> list[Actor]:
        rng = self._rng
        count = int(rng.integers(1, 3)) if rng.random() < 0.1 + 0.6 * d else 0
        if scenario is not None:
            count = int(rng.integers(1, 3)) if scenario == 'occlusion' else 0
        occluders = []
        for index in range(count):
            first = scenario == 'occlusion' and index == 0
            target = self.objects[0 if first else int(rng.integers(len(self.objects)))]
            diameter = target.diameter * rng.uniform(1.0 if first else 0.5, 1.6)
            thing = self._thing(d, diameter, rng.random() < 0.5)
            actor = self._actor(d, thing, diameter, np.zeros(2))
            actor.wander = 0.02
            actor.path = self._crossing(target, 0.6 + diameter)
            occluders.append(actor)
        return occluders

    def _light(self, d: float) -> Light:
        rng = self._rng
        light = Light(
            gain=rng.uniform(0.7, 1.15),
            flicker=rng.uniform(0, 0.05 + 0.25 * d),
            tint=rng.uniform(0.9, 1.1, 3),
            noise=SmoothNoise(rng, [rng.uniform(8, 60)]),
            defocus=3 if rng.random() < 0.1 + 0.25 * d else 0,
            shutter=rng.uniform(0, 0.7) if rng.random() < 0.5 else 0.0,
            grain=None,
        )
        if rng.random() >= 0.6:
            return light
        sigma = rng.uniform(1, 4 + 8 * d)
        shape = (self.height + 32, self.width + 32, 3)
        spread = np.float32(sigma * 12**0.5)  # of a uniform distribution
        grain = (rng.random(shape, dtype=np.float32) - np.float32(0.5)) * spread
        return replace(light, grain=np.rint(grain).astype(np.int16))
