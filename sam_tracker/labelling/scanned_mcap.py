# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
An mcap file that rosbags cannot read: without an index, damaged, or with messages of others too.

The format is that of https://mcap.dev/spec.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import SEEK_END, BytesIO
from pathlib import Path
import struct
from typing import Any, BinaryIO

from sam_tracker.labelling.decompression import decompressed
from sam_tracker.labelling.message_types import READ

MAGIC = b'\x89MCAP0\r\n'
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, CHUNK_INDEX, DATA_END = 2, 3, 4, 5, 6, 8, 15
LARGEST_RECORD = 1 << 30
"""Bytes; a longer record is damage."""
LATEST = (1 << 63) - 1
"""Nanoseconds; start of a file without messages."""


def has_index(path: Path) -> bool:
    """
    Return whether a file has an index of its chunks.

    rosbags reads one that has none too, but only if its messages are in order.

    :raises OSError: it cannot be read.
    """
    with path.open('rb') as file:
        return any(operation == CHUNK_INDEX for _, operation, _ in _summary(file))


@dataclass(frozen=True)
class ScannedChannel:
    """A topic of the file, as rosbags describes one."""

    id: int
    topic: str
    msgtype: str
    msgcount: int = 0
    places: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each message: when it was recorded, and the bytes at which its record begins, in the file
    and in the chunk there; -1: it is in none."""


class ScannedMcap:
    """
    Reads an mcap file without its index, as ``AnyReader`` of rosbags reads others.

    The file is scanned once; the place of each message that is read is kept, and one chunk.
    """

    def __init__(self, path: Path, store: Any) -> None:  # noqa: ANN401
        """
        Scan the file.

        :param store: types of rosbags, for those that the file does not define.
        :raises OSError: it cannot be read, or is no mcap file.
        """
        from rosbags.typesys import Stores, get_typestore

        self._file = path.open('rb')
        self._store, self._defined = store, get_typestore(Stores.EMPTY)
        self._channels: dict[int, ScannedChannel] = {}
        self._schemas: dict[int, tuple[str, str, str]] = {}
        self._chunk = (0, b'')
        self.damaged: list[int] = []
        """Places in the file, in bytes, where something is lost."""
        if self._file.read(len(MAGIC)) != MAGIC:
            self._file.close()
            raise OSError('it does not begin as an mcap file does')
        # The chunk that describes a channel may be lost.
        for place, operation, content in _summary(self._file):
            if operation in (SCHEMA, CHANNEL):
                self._add(operation, content, place, -1)
        self._file.seek(len(MAGIC))
        self._scan()
        self.start_time = min(
            (place[0] for each in self._channels.values() for place in each.places),
            default=LATEST,
        )

    @property
    def connections(self) -> Sequence[ScannedChannel]:
        """All topics whose messages are read."""
        return [replace(each, msgcount=len(each.places)) for each in self._channels.values()]

    def messages(
        self, connections: Collection[ScannedChannel], start: int | None = None
    ) -> Iterator[tuple[ScannedChannel, int, bytes]]:
        """Yield messages in the order of their recording, from ``start`` on."""
        channels = {each.id: each for each in connections}
        places = sorted((place, each.id) for each in connections for place in each.places)
        for (received, place, inside), channel in places:
            if start is None or received >= start:
                yield channels[channel], received, self._message(place, inside)

    def deserialize(self, data: bytes, kind: str) -> object:
        """Return a message; what fails depends on how it is damaged."""
        store = self._defined if kind in self._defined.fielddefs else self._store
        return store.deserialize_cdr(data, kind)

    def close(self) -> None:
        self._file.close()

    def _scan(self) -> None:
        """Read all records, up to the end or to damage behind which nothing can be found."""
        operation: int | None = None
        for place, operation, content in _records(self._file):
            if operation == CHUNK:
                inside, whole = _chunk(content)
                for within, inner, record in _records(BytesIO(inside)):
                    if inner is not None:
                        self._add(inner, record, place, within)
                    whole = whole and inner is not None
                if not whole:
                    self.damaged.append(place)
            elif operation is not None:
                self._add(operation, content, place, -1)
        if operation not in (DATA_END, FOOTER):
            self.damaged.append(self._file.tell())

    def _add(self, operation: int, content: bytes, place: int, inside: int) -> None:
        """Add what one record says, unless that makes no sense."""
        try:
            self._understand(operation, content, place, inside)
        except struct.error:
            self.damaged.append(place)

    def _understand(self, operation: int, content: bytes, place: int, inside: int) -> None:
        record = BytesIO(content)
        if operation == SCHEMA:
            (key,) = struct.unpack('<H', record.read(2))
            self._schemas[key] = _text(record), _text(record), _text(record)
        elif operation == CHANNEL:
            channel, key = struct.unpack('<HH', record.read(4))
            topic, encoding = _text(record), _text(record)
            kind, language, definition = self._schemas.get(key, ('', '', ''))
            if encoding == 'cdr' and kind in READ and channel not in self._channels:
                self._channels[channel] = ScannedChannel(channel, topic, kind)
                if language == 'ros2msg':
                    self._define(kind, definition)
        elif operation == MESSAGE:
            channel, _, received = struct.unpack('<HIQ', record.read(14))
            if channel in self._channels:
                self._channels[channel].places.append((min(received, LATEST), place, inside))

    def _define(self, kind: str, definition: str) -> None:
        """Read a type as the file defines it, unless its definition makes no sense."""
        from rosbags.typesys import get_types_from_msg

        # What rosbags raises depends on what is wrong.
        with suppress(Exception):
            self._defined.register(get_types_from_msg(definition, kind))

    def _message(self, place: int, inside: int) -> bytes:
        """Return the bytes of a message."""
        if inside < 0 or place != self._chunk[0]:
            self._file.seek(place)
            _, _, content = next(_records(self._file))
            if inside >= 0:
                self._chunk = place, _chunk(content)[0]
        if inside >= 0:
            chunk = BytesIO(self._chunk[1])
            chunk.seek(inside)
            _, _, content = next(_records(chunk))
        return content[22:]


def _summary(file: BinaryIO) -> Iterator[tuple[int, int | None, bytes]]:
    """Yield the records behind the data of a file: descriptions of channels, and the index."""
    size = file.seek(0, SEEK_END)
    file.seek(max(size - len(MAGIC) - 20, 0))
    start, *_ = struct.unpack('<QQI', file.read(20).ljust(20, b'\0'))
    if file.read() == MAGIC and 0 < start < size:
        file.seek(start)
        yield from _records(file)


def _records(file: BinaryIO) -> Iterator[tuple[int, int | None, bytes]]:
    """
    Yield the records of a file or chunk: where each begins, its operation, and its content.

    The last is the end of the data, or has no operation: it is damaged, or its end is missing.
    What there is of a chunk without its end is yielded before.
    """
    while True:
        place = file.tell()
        head = file.read(9)
        if not head:
            return
        operation, length = struct.unpack('<BQ', head.ljust(9, b'\0'))
        content = file.read(length) if operation and length <= LARGEST_RECORD else b''
        whole = operation and len(content) == length
        if whole or (operation == CHUNK and content):
            yield place, operation, content
        if not whole:
            yield place, None, b''
        if not whole or operation in (DATA_END, FOOTER):
            return


def _chunk(content: bytes) -> tuple[bytes, bool]:
    """Return what can be read of a chunk, and whether that is all."""
    if len(content) < 32:
        return b'', False
    (size,) = struct.unpack_from('<Q', content, 16)
    (length,) = struct.unpack_from('<I', content, 28)
    compression, data = content[32 : 32 + length], content[40 + length :]
    try:
        records = decompressed(compression, data)
    except Exception:
        # What the decompressors raise depends on where the damage is.
        return b'', False
    return records, len(records) == size


def _text(record: BinaryIO) -> str:
    """Read a text, or the bytes of a definition, behind its length."""
    (length,) = struct.unpack('<I', record.read(4))
    return record.read(length).decode(errors='replace')
