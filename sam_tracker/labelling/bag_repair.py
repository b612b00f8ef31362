# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Copies of bag files that rosbags cannot read as they are, or not to their end."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
import shutil
import sqlite3
import struct

from sam_tracker.labelling.decompression import decompress_file


def readable(path: Path, folder: Path) -> Path:
    """
    Return a file that rosbags can read if it is whole: the file itself, or else a copy.

    A compressed file is decompressed. A recorder that was killed leaves beside an SQLite file what
    it had not yet written into it, where rosbags does not look.

    :param folder: for the copy; exists.
    :raises OSError: it cannot be copied.
    :raises sqlite3.Error: it is damaged.
    """
    copy = folder / path.name
    if path.suffix == '.zstd':
        decompress_file(path, copy.with_suffix(''))
        return copy.with_suffix('')
    logs = [path.with_name(f'{path.name}-{end}') for end in ('wal', 'journal')]
    logs = [each for each in logs if each.exists() and each.stat().st_size]
    if path.suffix != '.db3' or not logs:
        return path
    for each in (path, *logs):
        shutil.copyfile(each, folder / each.name)
    with closing(sqlite3.connect(copy)) as database:
        # Writes what is beside the file into it.
        database.execute('PRAGMA journal_mode = DELETE').fetchall()
    return copy


def repaired(path: Path, copy: Path) -> str:
    """
    Copy an SQLite file row by row, up to the first row of each table that cannot be read.

    :param copy: new file.
    :returns: what was lost, in one line; empty: nothing.
    :raises OSError: it is no SQLite file, or cannot be copied.
    :raises sqlite3.Error: nothing can be read.
    """
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
