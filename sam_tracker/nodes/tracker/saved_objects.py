# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Reads and writes the masks of objects, so that they survive a restart of the node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import os
from pathlib import Path
from typing import Any
import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.object_ids import LARGEST_ID
from sam_tracker.tracking.track import Track, TrackState

VERSION = 1
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, MemoryError)
"""What NumPy and zipfile raise for a damaged file, besides errors of their own."""
MOST_BYTES = 513_000_000
"""Size of an unpacked file: masks and labels of 64 objects in an image of 64 million pixels."""
ZIP_START = b'PK'
LONGEST_LOOK = 1_000_000
"""Bytes of a file that are looked at to see whether its content was lost."""


class SavedObjectsError(ValueError):
    """A file is not one of saved objects; the text names it and what is wrong."""


@dataclass(frozen=True, eq=False)
class SavedObject:
    """An object as it was last seen."""

    object_id: int
    label: str
    image_size: tuple[int, int]
    """Width and height of the image."""
    bits: NDArray[np.uint8]
    """Its mask, row by row, eight pixels a byte."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """[H, W] true on the object."""
        width, height = self.image_size
        pixels = np.unpackbits(self.bits, count=width * height)
        return pixels.reshape(height, width).astype(np.bool_)


def seen_objects(tracks: Iterable[Track], earlier: Iterable[SavedObject]) -> list[SavedObject]:
    """
    Return the objects on an image to save.

    :param tracks: of all objects.
    :param earlier: what was saved before; an object that is not seen now keeps its earlier mask.
    """
    known = {each.object_id: each for each in earlier}
    saved = []
    for track in tracks:
        if track.state is TrackState.TRACKED and track.mask_crop.any():
            bits = np.packbits(track.mask)
            saved.append(SavedObject(track.object_id, track.label, track.image_size, bits))
        elif track.object_id in known and track.state is not TrackState.FORGOTTEN:
            saved.append(known[track.object_id])
    return saved


def write_objects(path: Path, objects: Iterable[SavedObject], time: float) -> None:
    """
    Write a file that is complete or not there at all, whenever the process ends.

    :param time: seconds since the epoch, of the image.
    :raises OSError: it cannot be written.
    """
    arrays: dict[str, Any] = {
        'version': np.array(VERSION),
        'time': np.array(time),
    }
    for each in objects:
        name = str(each.object_id)
        arrays[f'{name}.label'] = np.frombuffer(each.label.encode(), np.uint8)
        arrays[f'{name}.size'] = np.array(each.image_size)
        arrays[f'{name}.mask'] = each.bits
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f'{path.name}.{os.getpid()}')
    try:
        with beside.open('wb') as file:
            np.savez_compressed(file, **arrays)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_objects(path: Path) -> tuple[float, list[SavedObject]]:
    """
    Return the time of a file in seconds since the epoch, and its objects by ascending id.

    :raises FileNotFoundError: there is none.
    :raises SavedObjectsError: it cannot be read, or it is none of ``write_objects``.
    """
    try:
        _require_bounded(path)
        with np.load(path, allow_pickle=False) as file:
            if int(file['version']) != VERSION:
                raise SavedObjectsError(f'{path} has version {file["version"]}, not {VERSION}')
            ids = sorted(int(name.removesuffix('.mask')) for name in file if '.mask' in name)
            return float(file['time']), [_object(file, number) for number in ids]
    except (FileNotFoundError, SavedObjectsError):
        raise
    except (*UNREADABLE, zipfile.BadZipFile, zlib.error) as error:
        raise SavedObjectsError(f'{path} holds no saved objects: {error}') from error


def may_be_replaced(path: Path) -> bool:
    """
    Return whether there is no file of another kind that writing objects would destroy.

    :raises OSError: it cannot be read.
    """
    if not path.exists():
        return True
    if not path.is_file():
        return False
    with path.open('rb') as file:
        start = file.read(LONGEST_LOOK)
    # Some file systems leave zeros of what was being written when the power failed. Two of them
    # are not enough: every MP4 file begins so.
    return start.startswith(ZIP_START) or not start.strip(b'\0')


def _require_bounded(path: Path) -> None:
    """
    Check a file before it is unpacked: opening a pipe waits, and a few kilobytes can be gigabytes.

    :raises ValueError: it is no regular file, or too large.
    """
    # One that does not exist is no error here.
    if path.exists() and not path.is_file():
        raise ValueError('it is no regular file')
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MOST_BYTES:
        raise ValueError(f'it unpacks to {size} bytes; at most {MOST_BYTES} are read')


def _object(file: np.lib.npyio.NpzFile, number: int) -> SavedObject:
    width, height = (int(value) for value in file[f'{number}.size'])
    bits = file[f'{number}.mask']
    if not 1 <= number <= LARGEST_ID:
        raise ValueError(f'{number} is no object id')
    if min(width, height) < 1 or bits.dtype != np.uint8 or bits.size != -(-width * height // 8):
        raise ValueError(f'the mask of object {number} does not fit {width}x{height} pixels')
    label = file[f'{number}.label'].tobytes().decode()
    return SavedObject(number, label, (width, height), bits)
