# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The file of an unfinished download, and what it is the beginning of.

Bytes lie in ``NAME.part``, their origin in ``NAME.part.json``. A crash at any moment does no harm:
bytes whose origin is not known are never continued.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
import fcntl
from io import FileIO
import json
import os
from pathlib import Path

from sam_tracker.networks.weights.catalogue import CheckpointError, part_path


@dataclass(frozen=True)
class Origin:
    """What the bytes of a partial file are the beginning of."""

    url: str
    validator: str | None
    """Strong ETag or Last-Modified; bytes without one cannot be continued."""
    size: int | None
    """Bytes of the whole file, where the server told or a figure is published."""


class PartialFile:
    """The bytes that have arrived, open for more; made by ``opened_part``."""

    def __init__(self, path: Path, handle: FileIO) -> None:
        self.path = path
        self.length = os.fstat(handle.fileno()).st_size
        self.origin = _stored_origin(path)
        self.joined = self.length > 0
        """Whether the bytes come from more than one answer of the server."""
        self._handle = handle
        handle.seek(self.length)

    def is_whole(self) -> bool:
        return self.origin is not None and self.length > 0 and self.length == self.origin.size

    def begin(self, origin: Origin) -> None:
        # In this order, so that a crash in between leaves an empty file and never bytes of
        # another origin.
        self.discard()
        _origin_path(self.path).write_text(json.dumps(asdict(origin)), encoding='utf-8')
        self.origin = origin

    def append(self, block: bytes) -> None:
        view = memoryview(block)
        while view:
            written = self._handle.write(view)
            self.length += written
            view = view[written:]

    def discard(self) -> None:
        self._handle.seek(0)
        self._handle.truncate()
        self.length = 0
        self.joined = False
        self.origin = None
        _origin_path(self.path).unlink(missing_ok=True)

    def become(self, destination: Path) -> None:
        """Take the final name; whoever reads that name sees the old file or this whole one."""
        os.fsync(self._handle.fileno())
        self.path.replace(destination)
        _origin_path(self.path).unlink(missing_ok=True)


@contextmanager
def opened_part(destination: Path) -> Iterator[PartialFile]:
    """
    Open the partial file of ``destination`` for this process alone; no empty one stays behind.

    Raises ``CheckpointError`` while another process has it open, and ``OSError``.
    """
    path = part_path(destination)
    with _locked(path) as handle:
        partial = PartialFile(path, handle)
        try:
            yield partial
        finally:
            if partial.length == 0:
                partial.discard()
                path.unlink(missing_ok=True)


def _locked(path: Path) -> FileIO:
    while True:
        handle = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), 'r+')
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            raise CheckpointError(f'another process is downloading to {path}') from None
        except OSError:
            # Some network file systems know no locks. Downloading there is better than refusing.
            return handle
        # Between our open and our lock the file may have been finished and renamed by its owner.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle.fileno()), path.stat()):
                return handle
        handle.close()


def _origin_path(path: Path) -> Path:
    return path.with_name(f'{path.name}.json')


def _stored_origin(path: Path) -> Origin | None:
    try:
        return Origin(**json.loads(_origin_path(path).read_text(encoding='utf-8')))
    except (OSError, ValueError, TypeError):
        return None
