# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Draw tracks, masks and points over an image (height, width, 3) uint8 BGR, in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.lettering import text_size, write_text

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
"""Blue, green, red, each 0 to 255."""
Box = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in pixels, half open."""
State = Literal['unknown', 'tracked', 'occluded', 'lost', 'forgotten']

# Okabe and Ito, "Color Universal Design" (2008): seven colours that people with the common kinds
# of colour blindness can distinguish. Neighbours in this order also differ in brightness.
PALETTE_RGB = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (213, 94, 0),  # vermillion
    (240, 228, 66),  # yellow
    (0, 114, 178),  # blue
    (204, 121, 167),  # reddish purple
    (0, 158, 115),  # bluish green
)

TINT = 0.4
"""Share of the object's colour in its pixels."""

# Line width, text height and dash length at an image height of 720 pixels, in pixels.
REFERENCE_HEIGHT = 720
LINE = 2.0
TEXT_SCALE = 0.6
DASH = 8.0

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True, eq=False)
class DrawnTrack:
    """One object to draw; boxes and mask in pixels of the image."""

    object_id: int
    label: str = ''
    state: State = 'tracked'
    confidence: float = 1.0
    """0 to 1."""
    box: Box | None = None
    predicted_box: Box | None = None
    mask: Image | None = None
    """[h, w], cropped to the object; nonzero pixels are the object."""
    mask_origin: tuple[int, int] = (0, 0)
    """x, y of the mask's top left pixel in the image."""
    seconds_since_seen: float = 0.0
    duplicate_of: int = 0
    """Id of the object with better scores whose pixels this track covers as well; 0: none."""


def object_colour(object_id: int) -> Colour:
    """
    Return the colour of an object, the same on every frame and in every run.

    The first seven colours are those of the palette, the next seven are lighter, the following
    seven darker; then they repeat.
    """
    lap, index = divmod(object_id - 1, len(PALETTE_RGB))
    towards, share = ((0, 0.0), (255, 0.55), (0, 0.45))[lap % 3]
    red, green, blue = (round(c + share * (towards - c)) for c in PALETTE_RGB[index])
    return blue, green, red


def draw_tracks(image: Image, tracks: Sequence[DrawnTrack]) -> None:
    """
    Draw all tracks over the image, in place.

    A visible object is tinted and outlined; its box is labelled with id, label and confidence.
    The box that the motion model predicted is thin and dashed, and carries the label while the
    object is occluded. Objects without a box are listed in the lower left corner.

    :param image: (height, width, 3) uint8 BGR; modified.
    :param tracks: later ones are drawn over earlier ones.
    """
    for track in tracks:
        if track.mask is not None:
            _draw_mask(image, track.mask, track.mask_origin, object_colour(track.object_id))
    # Lines after all tints and names after all lines, so that nothing covers a name.
    for track in tracks:
        if track.predicted_box is not None and track.state != 'lost':
            _draw_dashed_box(image, track.predicted_box, object_colour(track.object_id))
        if track.box is not None:
            draw_box(image, track.box, object_colour(track.object_id))
    unseen = 0
    for track in tracks:
        box = track.predicted_box if track.state == 'occluded' else track.box
        if box is not None:
            _write_above(image, track, box)
        else:
            _write_in_corner(image, track, unseen)
            unseen += 1


def draw_masks(
    image: Image, masks: Sequence[tuple[Image, tuple[int, int]]], numbered: bool = True
) -> None:
    """
    Draw masks over the image, in place: tinted, outlined and numbered.

    Small masks are drawn over large ones, so that an object does not hide its parts. The number,
    counted from 1, is written where the visible part of the mask is thickest.

    :param image: (height, width, 3) uint8 BGR; modified.
    :param masks: for each, [h, w] with nonzero pixels on the object, and x and y of its top left
        pixel in the image.
    :param numbered: whether the numbers are written.
    """
    # Tints of overlapping masks do not add up: that would hide the image under many masks.
    untouched = image.copy()
    uppermost = np.zeros(image.shape[:2], np.int32)
    by_size = sorted(enumerate(masks, 1), key=lambda one: -np.count_nonzero(one[1][0]))
    for number, (mask, origin) in by_size:
        _draw_mask(image, mask, origin, object_colour(number), untouched)
        inside, (left, top) = _clipped(mask, origin, image)
        rows, columns = inside.shape
        uppermost[top : top + rows, left : left + columns][inside != 0] = number
    if numbered:
        for number, (mask, origin) in by_size:
            inside, (left, top) = _clipped(mask, origin, image)
            rows, columns = inside.shape
            seen = uppermost[top : top + rows, left : left + columns] == number
            if seen.any():
                _write_on(image, seen, (left, top), number)


def draw_points(image: Image, points: Sequence[tuple[float, float]], positive: bool) -> None:
    """
    Draw points of a prompt, in place: filled if they are on the object, else open.

    :param image: (height, width, 3) uint8 BGR; modified.
    :param points: x and y each, in pixels.
    :param positive: whether the points are on the object.
    """
    radius = max(round(3 * _line(image)), 3)
    for x, y in points:
        centre = round(x - 0.5), round(y - 0.5)
        cv2.circle(image, centre, radius + 1, BLACK, -1, cv2.LINE_AA)
        cv2.circle(image, centre, radius, WHITE, -1, cv2.LINE_AA)
        if not positive:
            cv2.circle(image, centre, max(radius - 2, 1), BLACK, -1, cv2.LINE_AA)


def draw_box(image: Image, box: Box, colour: Colour) -> None:
    """Draw a box, in place."""
    corners = _pixels(box, image)
    # A dark line around the coloured one keeps the box visible on any background.
    cv2.rectangle(image, *corners, BLACK, _line(image) + 2, cv2.LINE_8)
    cv2.rectangle(image, *corners, colour, _line(image), cv2.LINE_8)


def _draw_mask(
    image: Image,
    mask: Image,
    origin: tuple[int, int],
    colour: Colour,
    under: Image | None = None,
) -> None:
    mask, (left, top) = _clipped(mask, origin, image)
    if not mask.size:
        return
    bottom, right = top + mask.shape[0], left + mask.shape[1]
    region = image[top:bottom, left:right]
    seen = region if under is None else under[top:bottom, left:right]
    dimmed = cv2.convertScaleAbs(seen, alpha=1 - TINT)
    share = (*(TINT * channel for channel in colour), 0.0)
    tinted = cv2.add(dimmed, share)  # type: ignore[call-overload]  # takes a scalar too
    cv2.copyTo(tinted, mask, region)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(image, contours, -1, colour, _line(image), cv2.LINE_8, offset=(left, top))


def _clipped(mask: Image, origin: tuple[int, int], image: Image) -> tuple[Image, tuple[int, int]]:
    """Return the part of a mask that lies in the image, and x and y of its top left pixel."""
    x, y = origin
    height, width = image.shape[:2]
    left, top = min(max(x, 0), width), min(max(y, 0), height)
    return mask[top - y : height - y, left - x : width - x], (left, top)


def _write_on(image: Image, seen: NDArray[np.bool_], origin: tuple[int, int], number: int) -> None:
    """Write the number of a mask [h, w] where it is thickest."""
    # A border of zeros, so that the mask counts as thin where it reaches the edge of the crop.
    depth = cv2.distanceTransform(np.pad(seen.astype(np.uint8), 1), cv2.DIST_L2, 3)
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    text = f'#{number}'
    width, height = _text_size(text, image)
    left = origin[0] + int(column) - 1 - width // 2
    top = origin[1] + int(row) - 1 - height // 2
    _write(image, text, left, top, (width, height), object_colour(number))


def _draw_dashed_box(image: Image, box: Box, colour: Colour) -> None:
    (left, top), (right, bottom) = _pixels(box, image)
    dash = max(round(DASH * _scale(image)), 3)
    dashes = []
    for start in range(left, right, 2 * dash):
        end = min(start + dash, right)
        dashes += [[(start, top), (end, top)], [(start, bottom), (end, bottom)]]
    for start in range(top, bottom, 2 * dash):
        end = min(start + dash, bottom)
        dashes += [[(left, start), (left, end)], [(right, start), (right, end)]]
    if dashes:
        cv2.polylines(image, [*np.array(dashes, np.int32)], False, colour, 1, cv2.LINE_8)


def _write_above(image: Image, track: DrawnTrack, box: Box) -> None:
    text = _name(track)
    width, height = _text_size(text, image)
    (left, top), (_, bottom) = _pixels(box, image)
    place = top - height
    if place < 0:  # no room above: below, or else inside
        place = bottom if bottom + height <= image.shape[0] else top
    _write(image, text, left, place, (width, height), object_colour(track.object_id))


def _write_in_corner(image: Image, track: DrawnTrack, line: int) -> None:
    text = _name(track)
    size = _text_size(text, image)
    top = image.shape[0] - (line + 1) * (size[1] + 2)
    _write(image, text, 2, top, size, object_colour(track.object_id))


def _name(track: DrawnTrack) -> str:
    words = [f'#{track.object_id}']
    if track.label:
        words.append(track.label)
    if track.state == 'tracked':
        words.append(f'{track.confidence:.2f}')
    else:
        words.append(f'{track.state} {track.seconds_since_seen:.1f} s')
    if track.duplicate_of:
        words.append(f'= #{track.duplicate_of}')
    return ' '.join(words)


def _write(
    image: Image, text: str, left: int, top: int, size: tuple[int, int], colour: Colour
) -> None:
    """Write a line on a plate of the object's colour, moved to lie inside the image."""
    width, height = size
    left = max(min(left, image.shape[1] - width), 0)
    top = max(min(top, image.shape[0] - height), 0)
    image[top : top + height, left : left + width] = colour
    margin = height // 5
    blue, green, red = colour
    dark_plate = 0.114 * blue + 0.587 * green + 0.299 * red < 128
    baseline = (left + margin, top + height - margin - 1)
    ink = WHITE if dark_plate else BLACK
    write_text(image, text, baseline, TEXT_SCALE * _scale(image), ink)


def _text_size(text: str, image: Image) -> tuple[int, int]:
    """Return width and height of the plate behind a text."""
    width, height, base = text_size(text, TEXT_SCALE * _scale(image))
    height += base
    return width + 2 * (height // 5), height + height // 5


def _pixels(box: Box, image: Image) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the top left and bottom right pixel of a half open box, not far from the image."""
    x_min, y_min, x_max, y_max = box
    # A predicted box may lie so far outside that OpenCV's integers would overflow.
    columns = np.clip((x_min, x_max - 1), -image.shape[1], 2 * image.shape[1]).round()
    rows = np.clip((y_min, y_max - 1), -image.shape[0], 2 * image.shape[0]).round()
    return (int(columns[0]), int(rows[0])), (int(columns[1]), int(rows[1]))


def _scale(image: Image) -> float:
    return max(image.shape[0] / REFERENCE_HEIGHT, 0.6)


def _line(image: Image) -> int:
    return max(round(LINE * _scale(image)), 1)
