# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Labels a whole recording: every image, from prompts on any of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
import hashlib
from itertools import groupby
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import PromptError
from sam_tracker.labelling.joining import PairFacts, chosen_directions, doubt, mask_iou
from sam_tracker.labelling.labelled_track import LabelledTrack
from sam_tracker.labelling.labels import LABELS, LabelledImage, LabelSet
from sam_tracker.labelling.offline_tracker import OfflineTracker
from sam_tracker.labelling.prompts import ObjectPrompts, Prompts
from sam_tracker.labelling.recording import LabellingError, Recording, read_frames, times
from sam_tracker.labelling.stretch import Stretch, plan
from sam_tracker.labelling.stretch_files import StretchFile, StretchFiles, stretch_key
from sam_tracker.labelling.sweep import CHECKPOINT_PERIOD, Sweep
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.runtime import Runtime
from sam_tracker.tracking.settings import TrackerSettings

Advance = Callable[[int, int], None]
"""Called with the frames that were propagated so far, in both directions, and all there are."""


@dataclass(frozen=True)
class Propagated:
    """Work done for a set of labels."""

    labels: LabelSet
    frames: int
    """Frames that were propagated in this run, in both directions together."""
    reused: int
    """Stretches that were there already."""


class Labeller:
    """
    Propagates prompts through one recording and writes its labels.

    Everything is kept in a folder. A second call, after a change of the prompts or after the
    process was killed, only does what is not there yet.
    """

    def __init__(
        self,
        recording: Recording,
        folder: Path,
        network: VideoNetwork,
        settings: TrackerSettings,
        runtime: Runtime | None = None,
        whole: bool = False,
        checkpoint_period: float = CHECKPOINT_PERIOD,
        received: Sequence[int] = (),
    ) -> None:
        """
        Create the folder.

        :param recording: what is labelled.
        :param folder: for the labels, and in ``work`` what makes a run resumable.
        :param whole: propagate through prompted frames as SAM 2 does, instead of from each to the
            next; a correction then redoes everything.
        :param received: nanoseconds at which the images were recorded, if that is known.
        :raises LabellingError: the folder cannot be written.
        """
        self._recording = recording
        self._folder = folder
        self._network = network
        self._settings = replace(settings, exclusive=False, forget_after=0)
        self._runtime = runtime
        self._whole = whole
        self._times, problem = times(recording.images, received)
        self.problems = [*recording.problems, *([problem] if problem else [])]
        self._context = _context(recording, network, self._settings, runtime, whole)
        self._journal = folder / 'work' / 'sweep.json'
        try:
            self._files = StretchFiles(folder / 'work' / 'stretches')
        except OSError as error:
            raise LabellingError(f'{str(folder)!r} cannot be written: {error}') from error
        self._sweep = Sweep(
            recording,
            self._times,
            self._files,
            folder / 'work' / 'sweep.checkpoint',
            checkpoint_period,
        )

    @property
    def times(self) -> Sequence[int]:
        """Ascending nanoseconds of all images."""
        return self._times

    def close(self) -> None:
        """Close files that an error left open."""
        self._files.close()

    def label(self, prompts: Prompts, advance: Advance = lambda done, total: None) -> Propagated:  # noqa: ARG005
        """
        Propagate unfinished stretches, join the directions, and write the labels.

        :raises LabellingError: there is no prompt, or one does not fit its image.
        """
        if not any(each.by_frame for each in prompts.values()):
            raise LabellingError('there is no prompt, so there is nothing to label')
        keys = self._plan(prompts)
        missing = {stretch: key for stretch, key in keys.items() if not self._files.has(key)}
        reused = len(keys) - len(missing)
        tracker = self._tracker(prompts)
        total = _frames(missing)
        done = 0

        def advanced(frames: int) -> None:
            nonlocal done
            done += frames
            advance(done, max(total, done))

        while batch := self._next_batch(keys):
            self._sweep.run(tracker, batch, advanced)
            self._journal.unlink()
        self._files.keep_only(keys.values())
        labels = self._write(prompts, keys, tracker)
        return Propagated(labels, done, reused)

    def prompted(self, prompts: Prompts, object_id: int, frame: int) -> LabelledTrack:
        """
        Return the answer to a prompt on its own frame; nothing is propagated or written.

        :raises LabellingError: a prompt does not fit its image.
        """
        track = self._tracker({object_id: prompts[object_id]}).prompted(object_id, frame).track
        return LabelledTrack.of(track, prompts[object_id].by_frame[frame].stage)

    def _plan(self, prompts: Prompts) -> dict[Stretch, str]:
        """Return all stretches and the names of their files."""
        keys = {}
        for object_id, each in prompts.items():
            if each.by_frame:
                count = len(self._recording.images)
                for stretch in plan(object_id, each.by_frame, count, each.defining, self._whole):
                    keys[stretch] = stretch_key(stretch, each, self._context)
        return keys

    def _next_batch(self, keys: Mapping[Stretch, str]) -> dict[Stretch, str]:
        """
        Return the stretches of the next sweep, which all have one direction.

        A sweep that was interrupted is repeated with the very same stretches: another batch may
        round differently.
        """
        by_key = {key: stretch for stretch, key in keys.items()}
        try:
            begun = json.loads(self._journal.read_text())
        except (OSError, ValueError):
            begun = []
        if begun and all(key in by_key for key in begun):
            return {by_key[key]: key for key in begun}
        for direction in (1, -1):
            batch = {
                stretch: key
                for stretch, key in keys.items()
                if stretch.direction == direction and not self._files.has(key)
            }
            if batch:
                part = self._journal.with_suffix('.part')
                part.write_text(json.dumps(sorted(batch.values())))
                part.replace(self._journal)
                return batch
        return {}

    def _tracker(self, prompts: Prompts) -> OfflineTracker:
        """Return a tracker that knows all prompts."""
        settings = self._settings
        most = max(len(each.by_frame) for each in prompts.values())
        if self._whole:
            settings = replace(settings, conditioning_memories=max(most, 2))
        tracker = OfflineTracker(self._network, settings, self._runtime)
        numbers = sorted({frame for each in prompts.values() for frame in each.by_frame})
        if numbers and numbers[-1] >= len(self._recording.images):
            raise LabellingError(
                f'a prompt is on frame {numbers[-1]}, and the recording has'
                f' {len(self._recording.images)} frames'
            )
        # Corrections are read with the memories of the prompts that stand alone.
        for alone in (True, False):
            self._decode(tracker, prompts, alone)
        return tracker

    def _decode(self, tracker: OfflineTracker, prompts: Prompts, alone: bool) -> None:
        """Decode all prompts that stand alone, or all others."""
        by_frame: dict[int, dict[int, ObjectPrompts]] = {}
        for object_id, each in sorted(prompts.items()):
            for number, prompt in each.by_frame.items():
                if prompt.stands_alone == alone:
                    by_frame.setdefault(number, {})[object_id] = each
        for number, pixels in read_frames(self._recording, sorted(by_frame), self._folder):
            frame = Frame(pixels, self._times[number])
            try:
                tracker.prompt(number, frame, by_frame[number])
            except PromptError as error:
                raise LabellingError(f'prompt on frame {number}: {error}') from error

    def _write(
        self, prompts: Prompts, keys: Mapping[Stretch, str], tracker: OfflineTracker
    ) -> LabelSet:
        """Join the directions and write one line for each image."""
        path = self._folder / LABELS
        part = path.with_suffix('.part')
        sources = [
            _ObjectLabels(self, object_id, prompts, keys, tracker, len(self._recording.images))
            for object_id in sorted(prompts)
            if prompts[object_id].by_frame
        ]
        with part.open('wb') as file:
            for number, image in enumerate(self._recording.images):
                tracks = tuple(source.read(number) for source in sources)
                labelled = LabelledImage(
                    number,
                    image.name,
                    image.stamp,
                    image.frame_id,
                    image.width,
                    image.height,
                    tracks,
                )
                file.write(labelled.line())
        part.replace(path)
        return LabelSet(path, {object_id: each.label for object_id, each in prompts.items()})

    def open_stretch(self, key: str, stretch: Stretch) -> StretchFile:
        """Open a finished stretch."""
        return self._files.opened(key, stretch)


class _ObjectLabels:
    """The labels of one object, read from its stretches frame by frame."""

    def __init__(
        self,
        labeller: Labeller,
        object_id: int,
        prompts: Prompts,
        keys: Mapping[Stretch, str],
        tracker: OfflineTracker,
        count: int,
    ) -> None:
        """Open all stretches of the object, in a recording of so many images."""
        self._object_id = object_id
        self._said = prompts[object_id].by_frame
        self._tracker = tracker
        self._files: list[StretchFile] = []
        # Few bytes for each image: a recording may have millions.
        self._forward, self._backward = np.full((2, count), -1, np.int32)
        """[count] of each image the index of the file; -1: there is none."""
        for stretch, key in keys.items():
            if stretch.object_id == object_id:
                side = self._forward if stretch.direction > 0 else self._backward
                frames = sorted((stretch.frames[0], stretch.frames[-1]))
                side[frames[0] : frames[1] + 1] = len(self._files)
                self._files.append(labeller.open_stretch(key, stretch))
        self._directions = self._joined()

    def read(self, number: int) -> LabelledTrack:
        """Return the label on a frame."""
        if number in self._said:
            prompted = self._tracker.prompted(self._object_id, number)
            return LabelledTrack.of(prompted.track, self._said[number].stage)
        if not self._from_both(number):
            # Every frame is in a stretch, and -1 is less than any index.
            track = self._files[max(self._forward[number], self._backward[number])].read(number)
            return replace(track, doubt=doubt(track))
        pair = self._pair(number)
        track = pair[self._directions[number]]
        return replace(track, doubt=doubt(track, mask_iou(*pair)))

    def _joined(self) -> NDArray[np.int8]:
        """Return [count] the direction taken on each frame that was propagated from both sides."""
        found = np.zeros(len(self._forward), np.int8)
        joint = (number for number in range(len(found)) if self._from_both(number))
        # Frames in a row, without a prompted one between, have equal differences.
        for _, run in groupby(enumerate(joint), lambda each: each[1] - each[0]):
            numbers = array('q', (number for _, number in run))
            pairs = (PairFacts.of(*self._pair(number)) for number in numbers)
            found[numbers[0] : numbers[-1] + 1] = chosen_directions(pairs)
        return found

    def _from_both(self, number: int) -> bool:
        """Return whether a frame was propagated to in both directions."""
        here = self._forward[number] >= 0 and self._backward[number] >= 0
        return bool(here and number not in self._said)

    def _pair(self, number: int) -> tuple[LabelledTrack, LabelledTrack]:
        """Return the tracks of both directions on a frame."""
        forward, backward = self._forward[number], self._backward[number]
        return self._files[forward].read(number), self._files[backward].read(number)


def _frames(keys: Mapping[Stretch, str]) -> int:
    """Return how many frames are to be read for stretches, in both directions together."""
    return sum(
        len({number for each in keys if each.direction == way for number in each.frames})
        for way in (1, -1)
    )


def _context(
    recording: Recording,
    network: VideoNetwork,
    settings: TrackerSettings,
    runtime: Runtime | None,
    whole: bool,
) -> str:
    """Return a digest of all that the tracks of any stretch depend on."""
    digest = hashlib.sha256(recording.digest.encode())
    precision = '' if runtime is None else str(runtime.precision)
    digest.update(f'{network.name} {network.image_size} {precision} {whole} {settings}'.encode())
    state: dict[str, Any] = cast(nn.Module, network).state_dict()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
