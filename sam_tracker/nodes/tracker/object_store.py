# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Saves the objects of a session to a file, and restores them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from sam_tracker.core.file_lock import locked
from sam_tracker.core.paths import expanded
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.core.texts import printable
from sam_tracker.nodes.tracker.saved_objects import (
    SavedObject,
    SavedObjectsError,
    may_be_replaced,
    read_objects,
    seen_objects,
    write_objects,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

    from rclpy.impl.rcutils_logger import RcutilsLogger

    from sam_tracker.core.frame import Frame
    from sam_tracker.ros.parameters.tracker import SavedObjectsParameters
    from sam_tracker.tracking.track import Track
    from sam_tracker.tracking.tracker import Tracker

LOG_PERIOD = 30.0
"""Seconds between two log lines about a file that cannot be written."""


class ObjectStore:
    """
    The file of saved objects of one session; does nothing without a file.

    What is wrong with the file is logged, and tracking goes on without it.
    """

    def __init__(self, parameters: SavedObjectsParameters, log: RcutilsLogger) -> None:
        """Lock the file until ``close``, and read it, if there is one."""
        self._parameters = parameters
        self._log = log
        self._path = expanded(parameters.file) if parameters.file else None
        self._held = self._locked(self._path) if self._path else None
        self._saved: list[SavedObject] = []
        self._lock = threading.Lock()
        self._saved_at = time.monotonic()
        self.waiting: list[SavedObject] = self._read()
        """Objects from before the restart that are not tracked again yet."""

    def _locked(self, path: Path) -> BinaryIO | None:
        """Return the lock file of a file; None, and no file either, if another node has it."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return locked(path.with_name(f'{path.name}.lock'))
        except BlockingIOError:
            self._path = None
            self._log.error(
                f'objects are neither restored nor saved: another tracker node uses {path}; give '
                'each its own saved_objects.file'
            )
        except (OSError, ValueError):
            # The folder is read-only, or its file system has no locks: restoring may do. A path
            # that names no file is named when it is read or written.
            pass
        return None

    def close(self) -> None:
        """Release the lock of the file."""
        with self._lock:
            self._path = None
            if self._held is not None:
                self._held.close()

    def _read(self) -> list[SavedObject]:
        if self._path is None:
            return []
        try:
            written, objects = read_objects(self._path)
        except FileNotFoundError:
            return []
        except SavedObjectsError as error:
            self._log.warning(f'no object is restored: {printable(str(error))}')
            return []
        age = time.time() - written
        if objects and not 0 <= age <= self._parameters.maximum_age:
            self._log.warning(
                f'{len(objects)} objects of {self._path} are not restored: they were saved '
                f'{age:.1f} s ago, and saved_objects.maximum_age is '
                f'{self._parameters.maximum_age:g} s'
            )
            return []
        return objects

    def restore(self, tracker: Tracker, frame: Frame) -> None:
        """Prompt the objects that wait for an image of this size with their masks."""
        for each in list(self.waiting):
            if each.image_size != (frame.width, frame.height):
                continue
            name = f'object {each.object_id} ({printable(each.label)})'
            try:
                prompt = Prompt(mask=each.mask)
                track = tracker.add_prompt(frame, prompt, label=each.label, new_id=each.object_id)
            except PromptError as error:
                self._log.warning(f'{name} is not restored: {error}')
            else:
                self._log.info(f'{name} is tracked again: confidence {track.confidence:.2f}')
            # By identity: two objects of a file may be equal.
            self.waiting = [other for other in self.waiting if other is not each]

    @property
    def due(self) -> bool:
        """Whether ``saved_objects.period`` is over."""
        period = self._parameters.period
        return bool(self._path and period and time.monotonic() - self._saved_at >= period)

    def save(self, tracks: Sequence[Track]) -> None:
        """Write the objects of an image; computes masks."""
        # The threads of images and of publishing both save, in the same temporary file.
        with self._lock:
            if self._path is None:
                return
            self._saved_at = time.monotonic()
            self._saved = seen_objects(tracks, self._saved)
            self._write(self._path, [*self._saved, *self.waiting])

    def _write(self, path: Path, objects: Sequence[SavedObject]) -> None:
        try:
            if not may_be_replaced(path):
                raise FileExistsError(f'{path} is a file of another kind, and is not replaced')
            write_objects(path, objects, time.time())
        except (OSError, ValueError) as error:
            self._log.error(
                f'the objects cannot be saved: {printable(str(error))}',
                throttle_duration_sec=LOG_PERIOD,
            )
