# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Decompression of what recorders of bags compress, by the libraries that rosbags installs."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
import sys
from typing import Any

ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
"""Begin of all that zstd compressed; no message begins with it."""
PIECE = 1 << 20


def decompressed(compression: bytes, data: bytes) -> bytes:
    """
    Decompress data, or what there is of them if their end is missing.

    :param compression: as mcap names it: ``zstd``, ``lz4`` or empty.
    :raises ValueError: it is another.
    """
    if compression == b'zstd':
        return bytes(_zstd().ZstdDecompressor().decompress(data))
    if compression == b'lz4':
        from lz4.frame import LZ4FrameDecompressor

        return bytes(LZ4FrameDecompressor().decompress(data))
    if compression:
        raise ValueError(f'unknown compression {compression!r}')
    return data


def decompress_file(path: Path, copy: Path) -> None:
    """
    Write what a file holds that zstd compressed, up to where it is damaged.

    :raises OSError: it cannot be read, or the copy not written.
    """
    zstd = _zstd()
    with (
        zstd.open(path, 'rb') as file,
        copy.open('wb') as out,
        # The reader of the copy finds that its end is missing.
        suppress(EOFError, zstd.ZstdError),
    ):
        # Not read(), which returns nothing of the piece in which the file ends.
        while piece := file.read1(PIECE):
            out.write(piece)


def _zstd() -> Any:  # noqa: ANN401
    newest = sys.version_info >= (3, 14)
    return import_module('compression.zstd' if newest else 'backports.zstd')
