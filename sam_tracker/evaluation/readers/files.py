# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Reading of frames, boxes and masks from files, lazily; errors name the file."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
import PIL.Image

from sam_tracker.core.paths import visible
from sam_tracker.evaluation.sequence import Boxes, DatasetError, Image, ObjectIds

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp')


def require_folder(path: Path, what: str) -> Path:
    """
    Return the folder, if it exists.

    :raises DatasetError: it does not; the text says what it should hold.
    """
    if not path.is_dir():
        raise DatasetError(f'{path} is no folder; {what} should be there')
    return path


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder, at least one, sorted by name."""
    require_folder(folder, 'the frames of a sequence')
    files = [file for file in visible(folder.iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise DatasetError(f'{folder} holds no images ({", ".join(IMAGE_SUFFIXES)})')
    return files


def lazy_images(files: Sequence[Path]) -> Callable[[], Iterator[Image]]:
    """Return a function that iterates over image files as RGB [H, W, 3]."""
    return lambda: map(read_image, files)


def read_image(path: Path) -> Image:
    """Read one image as RGB [H, W, 3]."""
    image = _decoded(path, cv2.IMREAD_COLOR)
    rgb: Any = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height of an image file, upright as ``read_image`` returns it."""
    height, width = _decoded(path, cv2.IMREAD_COLOR).shape[:2]
    return width, height


def read_box_rows(path: Path, rows: int | None = None) -> Boxes:
    """
    Read boxes [T, 4] from lines of x, y, width, height, between commas, blanks or tabs.

    They are returned as x_min, y_min, x_max, y_max in the coordinates of the file.

    :raises DatasetError: a line is no box, or the number of lines is not the expected one.
    """
    values = read_numbers(path, rows, columns=4)
    return np.concatenate([values[:, :2], values[:, :2] + values[:, 2:]], axis=1)


def read_flags(path: Path, count: int) -> NDArray[np.bool_]:
    """Read ``count`` flags [T], on lines or in one line; a number above 0 is true."""
    values = read_numbers(path).reshape(-1)
    if len(values) != count:
        raise DatasetError(f'{path} has {len(values)} values for {count} frames')
    return values > 0


def read_numbers(
    path: Path, rows: int | None = None, columns: int | None = None
) -> NDArray[np.float64]:
    """Read a table of numbers [rows, columns]; None: any number."""
    parsed: list[list[float]] = []
    for number, line in enumerate(read_lines(path), start=1):
        words = line.replace(',', ' ').split()
        try:
            parsed.append([float(word) for word in words])
        except ValueError:
            raise DatasetError(f'{path}, line {number}: {line!r} is not numbers') from None
        if len(words) != (columns or len(parsed[0])):
            raise DatasetError(
                f'{path}, line {number}: {len(words)} numbers instead of'
                f' {columns or len(parsed[0])}'
            )
    if not parsed:
        raise DatasetError(f'{path} is empty')
    if rows is not None and len(parsed) != rows:
        raise DatasetError(f'{path} has {len(parsed)} lines for {rows} frames')
    return np.array(parsed, np.float64)


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file that are not blank, without their ends."""
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise DatasetError(f'cannot read {path}: {reason}') from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_label_image(path: Path) -> ObjectIds:
    """
    Read a PNG whose pixels are object ids [H, W], through a palette or not.

    OpenCV would return the colours of the palette instead of the ids.
    """
    try:
        with PIL.Image.open(path) as image:
            ids: ObjectIds = np.array(image)
    except OSError as error:
        raise DatasetError(f'cannot read {path}: {error.strerror or error}') from error
    if ids.ndim != 2:
        raise DatasetError(f'{path} holds colours, not object ids; its mode is {image.mode}')
    # Of its own type: in 8 bits, object 256 would be none.
    return ids


def _decoded(path: Path, flags: int) -> NDArray[np.uint8]:
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DatasetError(f'cannot read {path}: {error.strerror or error}') from error
    image: Any = cv2.imdecode(content, flags) if len(content) else None
    if image is None:
        raise DatasetError(f'{path} is no image that OpenCV can read')
    return image
