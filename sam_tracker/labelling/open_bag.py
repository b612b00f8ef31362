# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS 2 bag, read file by file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
import tempfile
from typing import Any

from sam_tracker.labelling.bag_file import BagFile
from sam_tracker.labelling.bag_folder import METADATA, bag_files
from sam_tracker.labelling.message_types import typestore
from sam_tracker.labelling.recording import LabellingError


def is_bag(path: Path) -> bool:
    """Return whether a path looks like a bag: its folder, or one of its files."""
    return any(bag_files(path)) or (path / METADATA).exists()


class OpenBag:
    """
    The messages of a bag, whatever state it is in.

    Of ``metadata.yaml`` only the list of files is used: a recorder that was killed wrote none, and
    the rest of it is in the files, too.
    """

    def __init__(self, path: Path) -> None:
        """
        Open the bag.

        :raises LabellingError: nothing of it can be read, or rosbags is not installed.
        """
        self.path = path
        self.problems: list[str] = []
        self._stack = ExitStack()
        self._files: list[BagFile] = []
        try:
            store = typestore()
        except ImportError as error:
            raise LabellingError(
                "bags are read with rosbags: pip install 'rosbags>=0.11.1,<0.12'"
            ) from error
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        files, others, missing = bag_files(path)
        lost = [f'{each.name!r} is left out: {METADATA} does not list it' for each in others]
        lost += [f'{name!r} is missing, which {METADATA} lists' for name in missing]
        for number, each in enumerate(files):
            copies = folder / str(number)
            copies.mkdir()
            try:
                file = BagFile(each, store, copies, self._tell)
            except LabellingError as error:
                lost.append(str(error))
            else:
                self._stack.callback(file.close)
                self._files.append(file)
        if not self._files:
            self.close()
            reasons = '; '.join(lost) or 'it has no .mcap or .db3 file'
            raise LabellingError(f'bag {str(path)!r} cannot be read: {reasons}')
        self.problems += lost
        self._files.sort(key=lambda each: each.start)

    def topics(self, types: Sequence[str] | None = None) -> dict[str, str]:
        """
        Return the topics whose messages have one of these types, sorted, with the type.

        Topics without a message are left out where others have some.

        :param types: None: all that are known.
        """
        every = [each for file in self._files for each in file.topics]
        found = [each for each in every if types is None or each[1] in types]
        used = [each for each in found if each[2]] or found
        return {topic: kind for topic, kind, _ in sorted(used)}

    def messages(self, topic: str, start: int | None = None) -> Iterator[tuple[int, Any]]:
        """
        Yield the messages of one topic with their times of recording, in that order.

        :param start: nanoseconds; messages recorded earlier are left out.
        :returns: pairs; the message is None where its bytes cannot be read.
        """
        for file in self._files:
            yield from file.messages(topic, start)

    def close(self) -> None:
        self._stack.close()

    def _tell(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)
