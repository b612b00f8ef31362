# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""All stretches of one direction, propagated in one pass over the frames they cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import hashlib
from pathlib import Path
import time

from sam_tracker.core.frame import Frame
from sam_tracker.labelling.checkpoint import (
    Checkpoint,
    CheckpointFileError,
    read_checkpoint,
    write_checkpoint,
)
from sam_tracker.labelling.labelled_track import LabelledTrack
from sam_tracker.labelling.offline_tracker import OfflineTracker
from sam_tracker.labelling.recording import Recording, read_frames
from sam_tracker.labelling.stretch import Stretch
from sam_tracker.labelling.stretch_files import StretchFiles

CHECKPOINT_PERIOD = 5.0
"""Seconds from one checkpoint to the next: what a killed run repeats at most."""


class Sweep:
    """
    Propagates stretches of one direction and writes their tracks.

    A frame is encoded once for all objects. A run that is killed goes on where its last checkpoint
    was, with the same objects in the same batches, so that the result is the same.
    """

    def __init__(
        self,
        recording: Recording,
        times: Sequence[int],
        files: StretchFiles,
        checkpoint: Path,
        checkpoint_period: float = CHECKPOINT_PERIOD,
    ) -> None:
        """
        Store what is the same for both directions.

        :param times: ascending nanoseconds of all images, for the motion models.
        :param checkpoint: file for the state of an unfinished sweep.
        :param checkpoint_period: seconds from one checkpoint to the next.
        """
        self._recording = recording
        self._times = times
        self._files = files
        self._checkpoint = checkpoint
        self._period = checkpoint_period

    def run(
        self,
        tracker: OfflineTracker,
        keys: Mapping[Stretch, str],
        advance: Callable[[int], None],
    ) -> None:
        """
        Propagate all stretches that are not finished.

        :param tracker: knows the prompts, and has no active stretch.
        :param keys: the stretches, of one direction, and the names of their files.
        :param advance: called with the number of frames done since the last call.
        """
        if not keys:
            return
        numbers, starting = _order(keys)
        sweep = hashlib.sha256(' '.join(sorted(keys.values())).encode()).hexdigest()
        done = self._resumed(tracker, sweep)
        advance(done)
        next_checkpoint = time.monotonic() + self._period
        for number, pixels in read_frames(
            self._recording, numbers[done:], self._checkpoint.parent
        ):
            for stretch in starting.get(number, ()):
                tracker.begin(stretch)
            for stretch, track in tracker.step(number, Frame(pixels, self._times[number])).items():
                self._files.write(keys[stretch], LabelledTrack.of(track))
                if number == stretch.end:
                    self._files.finish(keys[stretch])
            done += 1
            advance(1)
            if time.monotonic() >= next_checkpoint and done < len(numbers):
                lengths = self._files.lengths()
                states = tuple(tracker.states())
                write_checkpoint(self._checkpoint, Checkpoint(sweep, done, lengths, states))
                next_checkpoint = time.monotonic() + self._period
        self._checkpoint.unlink(missing_ok=True)

    def _resumed(self, tracker: OfflineTracker, sweep: str) -> int:
        """Go on from a checkpoint, if there is one of this sweep; return the frames done."""
        try:
            checkpoint = read_checkpoint(self._checkpoint)
            if checkpoint.sweep != sweep:
                self._files.close()
                return 0
            for key in checkpoint.lengths:
                if self._files.has(key):
                    self._files.unfinish(key)
            self._files.resume(checkpoint.lengths)
        except (CheckpointFileError, OSError):
            self._files.close()
            return 0
        tracker.restore(checkpoint.states)
        return checkpoint.done


def _order(keys: Mapping[Stretch, str]) -> tuple[list[int], dict[int, list[Stretch]]]:
    """Return the numbers of all frames in order, and the stretches that start on each."""
    starting: dict[int, list[Stretch]] = {}
    numbers: set[int] = set()
    for stretch in sorted(keys, key=lambda each: (each.object_id, each.start)):
        starting.setdefault(stretch.frames[0], []).append(stretch)
        numbers.update(stretch.frames)
    direction = next(iter(keys)).direction
    return sorted(numbers, reverse=direction < 0), starting
