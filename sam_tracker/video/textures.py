# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Procedural textures for the objects and backgrounds of generated clips.

A texture is a scalar field in [0, 1] mapped to colours by a ramp, or a collage of many overlapping
pieces, whose statistics (edges at every scale, occlusion) resemble those of photographs. There
are two disjoint families of fields: one for training, one held out for evaluation.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Image = NDArray[np.uint8]
FieldFamily = Callable[[np.random.Generator, int, int], Field]

_GLYPHS = '0123456789ABCDEFGHJKLMNPRSTUVWXYZabdefghkmnprstuy&%#?!'


def colour(rng: np.random.Generator) -> Field:
    """Draw an RGB colour, [3] in 0..255: mostly muted, sometimes vivid."""
    hue = rng.uniform(0, 6)
    saturation = rng.beta(1.2, 3.5) if rng.random() < 0.75 else rng.uniform(0.5, 1)
    value = rng.uniform(0.08, 1)
    wheel = np.clip(np.abs((hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return np.asarray(255 * value * (1 - saturation * (1 - wheel)), dtype=np.float32)


def palette(rng: np.random.Generator, near: Field | None = None, spread: float = 0.15) -> Field:
    """
    Draw two to five colours, [N, 3] in 0..255.

    :param near: for camouflage, a palette to whose colours the new ones are close. Without it the
        colours share a base, so that the parts of an object match.
    :param spread: standard deviation from ``near``, as a share of the full range.
    """
    count = int(rng.integers(2, 6))
    if near is not None:
        base = near[rng.integers(len(near), size=count)]
        return np.clip(base + rng.normal(0, 255 * spread, (count, 3)), 0, 255).astype(np.float32)
    base = colour(rng)
    contrast = rng.uniform(0.1, 1)
    others = np.stack([colour(rng) for _ in range(count)])
    colours = base + contrast * (others - base)
    return np.clip(colours * rng.uniform(0.6, 1.3, (count, 1)), 0, 255).astype(np.float32)


def _ramp(rng: np.random.Generator, colours: Field) -> Image:
    """Return a table [256, 1, 3] that maps the values of a field to the palette."""
    stops = np.sort(rng.uniform(0, 255, len(colours)))
    levels = np.arange(256)
    if rng.random() < 0.3:  # hard bands
        nearest = np.abs(levels[:, None] - stops).argmin(1)
        table = colours[nearest]
    else:
        table = np.stack([np.interp(levels, stops, channel) for channel in colours.T], axis=1)
    return np.ascontiguousarray(table[:, None].astype(np.uint8))


def noise(rng: np.random.Generator, height: int, width: int, coarsest: float = 0.0) -> Field:
    """Draw multi-octave noise in [0, 1]; `coarsest` is the cell of the first octave in pixels."""
    cell = coarsest or max(height, width) / rng.uniform(1.5, 6)
    persistence = rng.uniform(0.35, 0.8)
    total = np.zeros((height, width), np.float32)
    amplitude = 1.0
    while cell >= 2 and amplitude > 0.05:
        rows, columns = int(height / cell) + 2, int(width / cell) + 2
        lattice = rng.random((rows, columns), dtype=np.float32)
        interpolation = cv2.INTER_CUBIC if cell > 12 else cv2.INTER_LINEAR
        total += amplitude * cv2.resize(lattice, (width, height), interpolation=interpolation)
        amplitude *= persistence
        cell /= 2
    return _normalised(total)


def _normalised(field: NDArray[np.floating]) -> Field:
    low, high = float(field.min()), float(field.max())
    return ((field - low) / max(high - low, 1e-6)).astype(np.float32)


def _coordinates(rng: np.random.Generator, height: int, width: int) -> tuple[Field, Field]:
    """Return pixel coordinates rotated by a random angle, broadcastable to [height, width]."""
    angle = rng.uniform(0, np.pi)
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)[None]
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * x + s * y, c * y - s * x


def _period(rng: np.random.Generator, height: int, width: int) -> float:
    return float(np.exp(rng.uniform(np.log(4), np.log(max(8, min(height, width) / 2)))))


def stripes(rng: np.random.Generator, height: int, width: int) -> Field:
    u, _ = _coordinates(rng, height, width)
    wave = np.sin(u * np.float32(2 * np.pi / _period(rng, height, width)))
    sharpness = np.float32(rng.choice([0.5, 2, 8]))
    return _normalised(np.clip(wave * sharpness, -1, 1))


def checks(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width)
    period = _period(rng, height, width)
    columns = np.floor(u / np.float32(period))
    rows = np.floor(v / np.float32(period * rng.uniform(0.6, 1.6)))
    if rng.random() < 0.5:
        return ((columns + rows) % 2).astype(np.float32)
    return _normalised((columns % 2) + 0.7 * (rows % 3))  # plaid


def cells(rng: np.random.Generator, height: int, width: int) -> Field:
    """Draw flat irregular cells by jittering the coordinates of a coarse random lattice."""
    period = max(4.0, _period(rng, height, width))
    lattice = rng.random((int(height / period) + 2, int(width / period) + 2), dtype=np.float32)
    field = cv2.resize(lattice, (width, height), interpolation=cv2.INTER_NEAREST)
    return _warped(
        rng, np.asarray(field, np.float32), period * rng.uniform(0.2, 0.8), period * 1.5
    )


def gradient(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width)
    if rng.random() < 0.4:
        return _normalised(np.hypot(u - u.mean(), v - v.mean()))
    return _normalised(u + 0 * v)


def marble(rng: np.random.Generator, height: int, width: int) -> Field:
    u, _ = _coordinates(rng, height, width)
    turbulence = noise(rng, height, width)
    phase = u * np.float32(2 * np.pi / (2 * _period(rng, height, width)))
    return _normalised(np.sin(phase + np.float32(rng.uniform(4, 14)) * turbulence))


def blotches(rng: np.random.Generator, height: int, width: int) -> Field:
    field = noise(rng, height, width, coarsest=2 * _period(rng, height, width))
    return _normalised(np.clip((field - np.float32(rng.uniform(0.35, 0.65))) * 6, -0.5, 0.5))


def rings(rng: np.random.Generator, height: int, width: int) -> Field:
    """Draw wood grain: warped rings around a distant centre."""
    u, v = _coordinates(rng, height, width)
    distance = np.hypot(u - u.mean() * rng.uniform(-2, 2), (v - v.mean()) * rng.uniform(0.1, 0.6))
    turbulence = noise(rng, height, width) * np.float32(rng.uniform(4, 16))
    return (((distance + turbulence) / np.float32(_period(rng, height, width))) % 1).astype(
        np.float32
    )


def bricks(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width)
    tall = np.float32(max(5.0, _period(rng, height, width) / 2))
    wide = np.float32(tall * rng.uniform(1.5, 3))
    row = np.floor(v / tall)
    across = (u / wide + 0.5 * (row % 2)) % 1
    mortar = ((v / tall) % 1 < 0.15) | (across < 0.08)
    tone = np.sin(row * 12.9898 + np.floor(u / wide + 0.5 * (row % 2)) * 78.233) * 0.3 + 0.6
    return _normalised(np.where(mortar, 0, tone))


def ridges(rng: np.random.Generator, height: int, width: int) -> Field:
    return _normalised(1 - np.abs(2 * noise(rng, height, width) - 1) ** np.float32(0.5))


def dots(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width)
    scale = np.float32(2 * np.pi / max(6.0, _period(rng, height, width)))
    hexagonal = np.cos(u * scale) + np.cos((u * 0.5 + v * 0.866) * scale)
    hexagonal += np.cos((u * 0.5 - v * 0.866) * scale)
    return _normalised(np.clip(hexagonal - np.float32(rng.uniform(0, 1.5)), -0.3, 0.3))


def contours(rng: np.random.Generator, height: int, width: int) -> Field:
    field = noise(rng, height, width) * np.float32(rng.uniform(3, 9))
    return (field % 1).astype(np.float32)


TRAINING_FIELDS: Sequence[FieldFamily] = (
    noise, noise, stripes, checks, cells, gradient, marble, blotches,
)  # fmt: skip
HELD_OUT_FIELDS: Sequence[FieldFamily] = (rings, bricks, ridges, dots, contours)


def _warped(rng: np.random.Generator, field: Field, amount: float, scale: float) -> Field:
    height, width = field.shape
    shape = (int(height / scale) + 3, int(width / scale) + 3)
    offsets = [
        cv2.resize(
            rng.uniform(-amount, amount, shape).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        for _ in range(2)
    ]
    map_x = np.arange(width, dtype=np.float32)[None] + offsets[0]
    map_y = np.arange(height, dtype=np.float32)[:, None] + offsets[1]
    warped = cv2.remap(field, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.float32)


def plain_texture(
    rng: np.random.Generator, height: int, width: int, colours: Field, held_out: bool
) -> Image:
    """Draw one field through one palette, uint8 [height, width, 3]."""
    families = HELD_OUT_FIELDS if held_out else TRAINING_FIELDS
    field = families[int(rng.integers(len(families)))](rng, height, width)
    if rng.random() < 0.25:
        period = _period(rng, height, width)
        field = _warped(rng, np.ascontiguousarray(field), 0.3 * period, 2 * period)
    index = np.broadcast_to((field * 255).astype(np.uint8), (height, width))
    texture = cv2.applyColorMap(np.ascontiguousarray(index), _ramp(rng, colours))
    return np.asarray(texture, np.uint8)


def add_marks(rng: np.random.Generator, texture: Image, amount: int) -> None:
    """Draw letters, lines and spots onto the texture, in place, like print, seams and dirt."""
    height, width = texture.shape[:2]
    ink = tuple(int(v) for v in colour(rng))
    for _ in range(amount):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        kind = rng.random()
        if kind < 0.45:
            word = ''.join(rng.choice(list(_GLYPHS), size=int(rng.integers(1, 8))))
            scale = float(rng.uniform(0.25, 1.2))
            face = int(rng.integers(8))
            cv2.putText(texture, word, (x, y), face, scale, ink, int(rng.integers(1, 3)))
        elif kind < 0.75:
            end = (x + int(rng.normal(0, width / 4)), y + int(rng.normal(0, height / 4)))
            cv2.line(texture, (x, y), end, ink, int(rng.integers(1, 4)), cv2.LINE_AA)
        else:
            cv2.circle(texture, (x, y), int(rng.integers(1, 7)), ink, -1, cv2.LINE_AA)
        if rng.random() < 0.4:
            ink = tuple(int(v) for v in colour(rng))


def _piece(rng: np.random.Generator, height: int, width: int, held_out: bool) -> NDArray[np.int32]:
    """Return the corners of one piece of a collage, [N, 2] in sixteenths of a pixel."""
    longest = max(height, width)
    radius = longest * 0.02 * (1 - rng.random() * 0.94) ** -0.9  # a power law, as in photographs
    corners = int(rng.choice([3, 6])) if held_out else int(rng.choice([4, 5, 12]))
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, corners, endpoint=False)
    stretch = rng.uniform(0.3, 1)
    if corners < 12:
        angles = angles + rng.uniform(-0.25, 0.25, corners)
    x, y = np.cos(angles), stretch * np.sin(angles)
    turn = rng.uniform(0, np.pi)
    centre = rng.uniform(0, (width, height))
    c, s = np.cos(turn), np.sin(turn)
    points = centre + radius * np.stack([c * x - s * y, s * x + c * y], axis=1)
    return (points * 16).astype(np.int32)


def collage(
    rng: np.random.Generator, height: int, width: int, colours: Field, held_out: bool, pieces: int
) -> Image:
    """Draw many overlapping flat and textured pieces over a texture, uint8 [height, width, 3]."""
    canvas = plain_texture(rng, height, width, colours, held_out)
    other_colours = palette(rng)
    layers = [
        plain_texture(rng, height, width, palette(rng, colours), held_out),
        plain_texture(rng, height, width, other_colours, held_out),
    ]
    both = np.concatenate([colours, other_colours])
    chosen = np.zeros((height, width), np.uint8)
    flat = np.empty_like(canvas)
    for index in range(pieces):
        corners = _piece(rng, height, width, held_out)
        layer = int(rng.integers(4))
        cv2.fillPoly(chosen, [corners], layer, cv2.LINE_8, 4)
        if layer == 3:
            tone = np.clip(both[index % len(both)] + rng.normal(0, 25, 3), 0, 255)
            cv2.fillPoly(flat, [corners], tuple(int(v) for v in tone), cv2.LINE_8, 4)
    for layer, source in enumerate([*layers, flat], start=1):
        cv2.copyTo(source, (chosen == layer).astype(np.uint8), canvas)
    return canvas


def shade(rng: np.random.Generator, texture: Image, strength: float) -> Image:
    """Apply smoothly varying light and grain."""
    height, width = texture.shape[:2]
    shape = (int(rng.integers(2, 5)), int(rng.integers(2, 5)))
    coarse = rng.uniform(1 - strength, 1 + strength, shape).astype(np.float32)
    light = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = rng.uniform(0, 0.12)
    if grain > 0.02:
        grains = rng.random((height, width), dtype=np.float32) - np.float32(0.5)
        light += np.float32(2 * grain) * grains
    shaded = cv2.multiply(texture, cv2.cvtColor(light, cv2.COLOR_GRAY2RGB), dtype=cv2.CV_8U)
    return np.asarray(shaded, np.uint8)


def surface(
    rng: np.random.Generator, height: int, width: int, colours: Field, held_out: bool
) -> Image:
    """Draw the surface of one part of an object, uint8 [height, width, 3]."""
    kind = rng.random()
    if kind < 0.25:
        texture = np.empty((height, width, 3), np.uint8)
        texture[:] = colours[0]
    elif kind < 0.75:
        texture = plain_texture(rng, height, width, colours, held_out)
    else:
        texture = collage(rng, height, width, colours, held_out, pieces=int(rng.integers(5, 25)))
    if rng.random() < 0.35:
        add_marks(rng, texture, int(rng.integers(1, 6)))
    return shade(rng, texture, rng.uniform(0, 0.35))


def scenery(
    rng: np.random.Generator,
    height: int,
    width: int,
    colours: Field,
    held_out: bool,
    clutter: float,
) -> Image:
    """Draw a background, uint8 [height, width, 3], more or less busy by `clutter` in [0, 1]."""
    if rng.random() < clutter:
        pieces = int(20 + 120 * clutter * rng.random())
        texture = collage(rng, height, width, colours, held_out, pieces)
    else:
        texture = plain_texture(rng, height, width, colours, held_out)
    if rng.random() < 0.3 * clutter:
        add_marks(rng, texture, int(rng.integers(2, 10)))
    if rng.random() < 0.4:  # behind the focal plane
        radius = 2 * int(rng.integers(1, 4)) + 1
        texture = np.asarray(cv2.blur(texture, (radius, radius)), np.uint8)
    return shade(rng, texture, 0.3)
