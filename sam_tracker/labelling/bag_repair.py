# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Copies of damaged bag files that hold what can still be read.

An mcap file without its end (https://mcap.dev/spec) is copied up to its last complete record, also
within a chunk, with a new footer. A damaged SQLite file is copied row by row, up to the first row
that cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
import shutil
import sqlite3
import struct
import sys

from sam_tracker.core.paths import visible

MAGIC = b'\x89MCAP0\r\n'
CHUNK, DATA_END, FOOTER = 0x06, 0x0F, 0x02
PIECE = 1 << 20


def repaired(paths: Sequence[Path], folder: Path) -> tuple[list[Path], list[str]]:
    """
    Write what can be read of the files of a bag to new files.

    :param paths: files, or the folder of the bag.
    :param folder: for the new files; exists.
    :returns: the new files, in order, and what was lost, one line each.
    """
    files: list[Path] = []
    for path in paths:
        inside = visible(path.iterdir()) if path.is_dir() else [path]
        files += [each for each in inside if each.suffix in ('.mcap', '.db3')]
    kept, problems = [], []
    for number, path in enumerate(files):
        copy = folder / f'{number}{path.suffix}'
        repair = _repair_mcap if path.suffix == '.mcap' else _repair_sqlite
        try:
            lost = repair(path, copy)
        except (OSError, sqlite3.Error) as error:
            problems.append(f'nothing of {path.name!r} can be read: {error}')
            continue
        if lost:
            problems.append(f'{path.name!r}: {lost}')
        kept.append(copy)
    return kept, problems


def _repair_mcap(path: Path, copy: Path) -> str:
    size = path.stat().st_size
    with path.open('rb') as file, copy.open('wb') as out:
        if file.read(len(MAGIC)) != MAGIC:
            raise OSError('it does not begin as an mcap file does')
        out.write(MAGIC)
        while True:
            start = file.tell()
            head = file.read(9)
            if len(head) < 9:
                break
            operation, length = struct.unpack('<BQ', head)
            if operation in (DATA_END, FOOTER):
                break
            if start + 9 + length > size:
                if operation == CHUNK:
                    out.write(_complete_records(file.read()))
                break
            out.write(head)
            while length:
                piece = file.read(min(length, PIECE))
                out.write(piece)
                length -= len(piece)
        # A footer without a summary: readers scan the data instead.
        out.write(struct.pack('<BQQQI', FOOTER, 20, 0, 0, 0) + MAGIC)
    return f'its last {size - start} of {size} bytes are no complete record'


def _complete_records(chunk: bytes) -> bytes:
    """Return the complete records of a chunk whose end is missing."""
    if len(chunk) < 40:
        return b''
    (length,) = struct.unpack('<I', chunk[28:32])
    compression, data = chunk[32 : 32 + length], chunk[40 + length :]
    try:
        records = _decompressed(compression, data)
    except Exception:
        # What the decompressors raise depends on where the data end.
        return b''
    end = 0
    while end + 9 <= len(records):
        following = end + 9 + struct.unpack('<Q', records[end + 1 : end + 9])[0]
        if following > len(records):
            break
        end = following
    return records[:end]


def _decompressed(compression: bytes, data: bytes) -> bytes:
    """Return what the first part of compressed data holds."""
    # The libraries by which rosbags decompresses.
    if compression == b'zstd':
        newest = sys.version_info >= (3, 14)
        zstd = import_module('compression.zstd' if newest else 'backports.zstd')
        return bytes(zstd.ZstdDecompressor().decompress(data))
    if compression == b'lz4':
        from lz4.frame import LZ4FrameDecompressor

        return bytes(LZ4FrameDecompressor().decompress(data))
    return data if not compression else b''


def _repair_sqlite(path: Path, copy: Path) -> str:
    opened = _openable(path, copy.with_suffix('.copy'))
    with (
        closing(sqlite3.connect(f'{opened.resolve().as_uri()}?immutable=1', uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        tables = source.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL"
        ).fetchall()
        lost = ''
        for name, sql in tables:
            if name.startswith('sqlite_'):
                continue
            target.execute(sql)
            count = 0
            try:
                for row in source.execute(f'SELECT * FROM "{name}" ORDER BY rowid'):
                    marks = ', '.join('?' * len(row))
                    target.execute(f'INSERT INTO "{name}" VALUES ({marks})', row)
                    count += 1
            except sqlite3.DatabaseError as error:
                lost = f'rows of table {name!r} after the first {count} are lost: {error}'
        target.commit()
    return lost


def _openable(path: Path, copy: Path) -> Path:
    """Return a copy whose header does not claim more pages than there are; SQLite insists."""
    shutil.copyfile(path, copy)
    with copy.open('r+b') as file:
        head = file.read(100)
        if not head.startswith(b'SQLite format 3\0'):
            raise OSError('it does not begin as an SQLite file does')
        (page,) = struct.unpack('>H', head[16:18])
        page = 65536 if page == 1 else page
        pages = copy.stat().st_size // page
        file.truncate(pages * page)
        file.seek(28)
        file.write(struct.pack('>I', pages))
    return copy
