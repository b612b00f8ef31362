# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One file of a bag, read by rosbags, whatever state it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
import sqlite3
from typing import Any

from sam_tracker.core.texts import error_text
from sam_tracker.labelling.bag_repair import readable, repaired
from sam_tracker.labelling.decompression import ZSTD_MAGIC, decompressed
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.labelling.scanned_mcap import ScannedMcap, has_index

LONGEST_TEXT = 200


class BagFile:
    """
    The messages of one file.

    A file that rosbags cannot read, or not to its end, is read as far as possible.
    """

    def __init__(
        self,
        path: Path,
        store: Any,  # noqa: ANN401
        folder: Path,
        tell: Callable[[str], None],
    ) -> None:
        """
        Open the file.

        :param store: types of rosbags, for a file without definitions.
        :param folder: for copies; exists.
        :param tell: called with each problem, one line.
        :raises LabellingError: nothing of it can be read, or there is no space for a copy.
        """
        self._path, self._store, self._folder, self._tell = path, store, folder, tell
        self._stack = ExitStack()
        self._repaired = False
        self._source = path
        try:
            self._source = readable(path, folder)
        except OSError as error:
            raise LabellingError(f'{path.name!r} cannot be read: {text(error)}') from error
        except sqlite3.Error as error:
            self._reader = self._repair(error)
            return
        try:
            scanned = self._source.suffix == '.mcap' and not has_index(self._source)
            self._reader = self._scanned() if scanned else self._opened(self._source)
        except Exception as error:
            # What rosbags raises for a damaged file depends on where the damage is.
            self._reader = self._repair(error)

    @property
    def start(self) -> int:
        """Nanoseconds, when its first message was recorded."""
        return int(self._reader.start_time)

    @property
    def topics(self) -> Sequence[tuple[str, str, int]]:
        """All topics with their types and the number of their messages."""
        return [(each.topic, each.msgtype, each.msgcount) for each in self._reader.connections]

    def messages(self, topic: str, start: int | None) -> Iterator[tuple[int, Any]]:
        """Yield the messages of one topic, see ``OpenBag.messages``."""
        last, done, skipped = start, 0, 0
        while True:
            try:
                for kind, received, data in self._recorded(topic, last):
                    if skipped and received == last:
                        skipped -= 1
                        continue
                    done = done + 1 if received == last else 1
                    last, skipped = received, 0
                    yield received, self._message(data, kind)
                return
            except Exception as error:
                if self._repaired:
                    self._tell(f'topic {topic!r} cannot be read to its end: {text(error)}')
                    return
                self._reader = self._repair(error)
                # Goes on behind the last message; others may have been recorded at the same time.
                skipped = done

    def close(self) -> None:
        self._stack.close()

    def _opened(self, path: Path) -> Any:  # noqa: ANN401
        from rosbags.highlevel import AnyReader

        return self._stack.enter_context(AnyReader([path], default_typestore=self._store))

    def _scanned(self) -> Any:  # noqa: ANN401
        reader = ScannedMcap(self._source, self._store)
        self._stack.callback(reader.close)
        self._repaired = True
        if reader.damaged:
            self._tell(
                f'{self._path.name!r} is damaged; parts that are lost: {len(reader.damaged)}'
            )
        return reader

    def _repair(self, error: Exception) -> Any:  # noqa: ANN401
        """
        Return a reader of what can be read, after an error of rosbags.

        :raises LabellingError: that is nothing.
        """
        name = self._path.name
        self._stack.close()
        self._tell(f'{name!r} is not as rosbags expects it: {text(error)}')
        try:
            if self._source.suffix == '.mcap':
                return self._scanned()
            copy = self._folder / 'repaired.db3'
            if lost := repaired(self._source, copy):
                self._tell(f'{name!r} is damaged; {lost}')
            self._repaired = True
            return self._opened(copy)
        except Exception as reason:
            raise LabellingError(f'nothing of {name!r} can be read: {text(reason)}') from error

    def _recorded(self, topic: str, start: int | None) -> Iterator[tuple[str, int, bytes]]:
        """Yield the messages of one topic: type, when it was recorded, bytes."""
        connections = [each for each in self._reader.connections if each.topic == topic]
        # rosbags takes none for all.
        if connections:
            for each, received, data in self._reader.messages(connections, start=start):
                yield each.msgtype, received, data

    def _message(self, data: bytes, kind: str) -> object:
        try:
            # Known by its content: the recorder says it in a file that it may not have written.
            if data.startswith(ZSTD_MAGIC):
                data = decompressed(b'zstd', data)
            try:
                return self._reader.deserialize(data, kind)
            except Exception:
                # A recorder that does not find a definition writes an empty one.
                return self._store.deserialize_cdr(data, kind)
        except Exception:
            return None


def text(error: BaseException) -> str:
    """Return the text of an error in one line; rosbags quotes whole definitions."""
    return error_text(error)[:LONGEST_TEXT]
