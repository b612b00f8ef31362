# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Write a line of text on an image, in any script.

OpenCV 5 draws any character that its fonts have. Earlier ones draw question marks for all but
ASCII; there Pillow draws, with a font of this machine that has the characters.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
import PIL.Image
import PIL.ImageDraw
from PIL.ImageFont import FreeTypeFont, truetype

from sam_tracker.core.texts import is_control

Image = NDArray[np.uint8]

FONT = cv2.FONT_HERSHEY_SIMPLEX
PIXELS = 30
"""Size of a Pillow font whose capitals are as high as those of ``FONT`` at scale 1."""
DRAWS_ALL_SCRIPTS = int(cv2.__version__.partition('.')[0]) >= 5
FONT_FOLDER = Path('/usr/share/fonts')
# What Ubuntu's packages fonts-noto-cjk, fonts-droid-fallback, fonts-wqy-* and unifont contain.
FONT_FILES = (
    'NotoSansCJK-Regular.ttc',
    'DroidSansFallbackFull.ttf',
    'wqy-microhei.ttc',
    'wqy-zenhei.ttc',
    'unifont.ttf',
)
NO_CHARACTER = '\uffff'
"""A character that no font has, so its glyph is that of all missing characters."""


def text_size(text: str, scale: float) -> tuple[int, int, int]:
    """
    Return the extent of a text in pixels.

    :param scale: as for ``cv2.putText``.
    :returns: width, height above the base line, and depth below it.
    """
    if _is_drawn_by_opencv(text):
        (width, height), depth = cv2.getTextSize(text, FONT, scale, 1)
        return width, height, depth
    readable, font = _readable(text, _pixels(scale))
    # As high as any other line.
    (_, height), depth = cv2.getTextSize('Ag', FONT, scale, 1)
    return round(font.getlength(readable)), height, depth


def write_text(
    image: Image,
    text: str,
    origin: tuple[int, int],
    scale: float,
    colour: tuple[int, int, int],
) -> None:
    """
    Write a text, in place.

    :param image: (height, width, 3) uint8.
    :param origin: x and y of the left end of the base line.
    :param scale: as for ``cv2.putText``.
    :param colour: in the channel order of the image.
    """
    if _is_drawn_by_opencv(text):
        cv2.putText(image, text, origin, FONT, scale, colour, 1, cv2.LINE_AA)
        return
    readable, font = _readable(text, _pixels(scale))
    width, height, depth = text_size(text, scale)
    coverage = PIL.Image.new('L', (max(width, 1), height + 2 * depth))
    PIL.ImageDraw.Draw(coverage).text((0, height), readable, 255, font=font, anchor='ls')
    left, top = origin[0], origin[1] - height
    inside = np.asarray(coverage)[max(-top, 0) :, max(-left, 0) :]
    region = image[max(top, 0) :, max(left, 0) :][: inside.shape[0], : inside.shape[1]]
    share = inside[: region.shape[0], : region.shape[1], None] / 255.0
    region[:] = (region * (1 - share) + np.array(colour) * share).round()


def _is_drawn_by_opencv(text: str) -> bool:
    return DRAWS_ALL_SCRIPTS or text.isascii()


def _pixels(scale: float) -> int:
    return max(round(PIXELS * scale), 1)


@lru_cache(maxsize=64)
def _readable(text: str, pixels: int) -> tuple[str, FreeTypeFont]:
    """
    Return a text and a font that has all its characters.

    Where no font has, the text names them by their numbers; controls and ends of lines always, on
    which the layout of Pillow 13 fails.
    """
    text = ''.join(ascii(each)[1:-1] if is_control(each) else each for each in text)
    fonts = [_font(path, pixels) for path in _font_paths()]
    for font in fonts:
        absent = bytes(font.getmask(NO_CHARACTER))
        if all(bytes(font.getmask(each)) != absent for each in set(text) if each != NO_CHARACTER):
            return text, font
    return text.encode('ascii', 'backslashreplace').decode(), fonts[0]


@lru_cache(maxsize=32)
def _font(path: str, pixels: int) -> FreeTypeFont:
    return truetype(path, pixels)


@lru_cache(maxsize=1)
def _font_paths() -> list[str]:
    """Return the font that Matplotlib brings, and those of this machine with more scripts."""
    # Here, because it takes a while and most labels need no font.
    import matplotlib

    brought = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf'
    installed = {path.name: path for path in sorted(FONT_FOLDER.rglob('*.tt[cf]'))}
    return [str(brought), *(str(installed[name]) for name in FONT_FILES if name in installed)]
