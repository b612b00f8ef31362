# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps two runs, or a run and a review, from changing one project at the same time."""

from __future__ import annotations

from pathlib import Path

from sam_tracker.core.file_lock import locked
from sam_tracker.labelling.recording import LabellingError

LOCK = 'lock'
"""Name of the file in the folder of a project."""


class ProjectLock:
    """Held until ``close``, or until the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """
        Take the lock of a project, which is a file in its folder.

        :raises LabellingError: another run or review holds it, or it cannot be taken.
        """
        try:
            self._file = locked(folder / LOCK)
        except BlockingIOError as error:
            raise LabellingError(f'{str(folder)!r} is in use by another run or review') from error
        except OSError as error:
            raise LabellingError(f'{str(folder)!r} cannot be locked: {error.strerror}') from error

    def close(self) -> None:
        """Release the lock."""
        self._file.close()
