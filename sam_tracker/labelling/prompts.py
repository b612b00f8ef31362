# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Prompts for the objects of a recording, on any of its frames, and the file format.

The file is YAML::

    objects:
      - id: 1                       # 1 to 65535; left out: counted
        label: mug
        prompts:
          - frame: 0                # or time: 1.5 (seconds since the first image), or stamp: (ns)
            box: [100, 80, 60, 60]  # x, y, width, height, as on the command line
            points: [[120, 90]]     # on the object
            negative_points: [[90, 70]]
            mask: mug.png           # as large as the image; what is not black is the object

Pixels of the image, origin in its top left corner, pixel centres at +0.5.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
import hashlib
from math import isfinite
from pathlib import Path
from reprlib import Repr
from typing import Any

import numpy as np
from numpy.typing import NDArray
import yaml

from sam_tracker.core.object_ids import LARGEST_ID
from sam_tracker.core.prompt import NEGATIVE, POSITIVE, Prompt, PromptError, checked_label
from sam_tracker.core.run_length import run_lengths, uncompressed
from sam_tracker.core.texts import error_text
from sam_tracker.core.time import SECOND
from sam_tracker.image_files import ImageFileError, read_mask
from sam_tracker.labelling.labelled_track import Stage
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.labelling.stretch import read

LONGEST_INTEGER = 2048
"""Bits of an integer in a file; Python may refuse to print one of 640 digits."""


@dataclass(frozen=True, eq=False)
class FramePrompt:
    """All prompts for one object on one frame, combined."""

    prompt: Prompt
    stage: Stage = Stage.HAND
    corrected: NDArray[np.bool_] | None = None
    """
    [H, W] the propagated mask that the points correct; empty: there was none. None: the prompt
    stands alone.
    """
    reviewed: str | None = None
    """
    Digest of the prompt on this frame before a review changed it; empty: there was none. None: no
    review changed it.
    """

    @property
    def stands_alone(self) -> bool:
        """Whether the prompt can be decoded without others."""
        return self.corrected is None

    @property
    def digest(self) -> str:
        """Hexadecimal digest of the prompt."""
        prompt, parts = self.prompt, hashlib.sha256()
        for array in (prompt.points, prompt.labels, prompt.box, prompt.mask, self.corrected):
            content = b'' if array is None else np.ascontiguousarray(array).tobytes()
            shape = '' if array is None else str(array.shape)
            parts.update(f'{shape} {len(content)} '.encode() + content)
        return parts.hexdigest()[:20]

    def json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        prompt = self.prompt
        found: dict[str, Any] = {'stage': self.stage.value}
        if self.reviewed is not None:
            found['reviewed'] = self.reviewed
        if len(prompt.points):
            found['points'] = prompt.points.tolist()
            found['labels'] = prompt.labels.tolist()
        if prompt.box is not None:
            found['box'] = prompt.box.tolist()
        for name, mask in (('mask', prompt.mask), ('corrected', self.corrected)):
            if mask is not None:
                height, width = mask.shape
                found[name] = run_lengths(mask.astype(np.uint8), (0, 0), width, height)
        return found

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> FramePrompt:
        """Return the prompt that ``json`` was called on."""
        prompt = Prompt(
            points=np.array(fields.get('points', []), np.float64).reshape(-1, 2),
            labels=np.array(fields.get('labels', []), np.int64),
            box=fields.get('box'),
            mask=_mask(fields.get('mask')),
        )
        corrected = _mask(fields.get('corrected'))
        return cls(prompt, Stage(fields['stage']), corrected, fields.get('reviewed'))


@dataclass(frozen=True, eq=False)
class ObjectPrompts:
    """All prompts for one object."""

    label: str = ''
    by_frame: Mapping[int, FramePrompt] = field(default_factory=dict)
    """By the number of the frame."""

    def added(self, frame: int, prompt: Prompt) -> ObjectPrompts:
        """Return these and one more, which is combined with an earlier one on its frame."""
        if frame in self.by_frame:
            prompt = prompt.added_to(self.by_frame[frame].prompt)
        return self.having(frame, FramePrompt(prompt))

    def having(self, frame: int, prompt: FramePrompt) -> ObjectPrompts:
        """Return these with another prompt on one frame."""
        return replace(self, by_frame={**self.by_frame, frame: prompt})

    def corrected(
        self, frame: int, prompt: Prompt, mask: NDArray[np.bool_], visible: bool
    ) -> ObjectPrompts:
        """
        Return these and one more, which corrects a label.

        Points correct its mask; a box or a mask replaces it.

        :param mask: [H, W] of the label.
        :param visible: whether the label has a mask.
        """
        before = self.by_frame.get(frame)
        if before is not None:
            # The earlier prompt still counts, and belongs to the same mask.
            merged = prompt.added_to(before.prompt)
            start = None if prompt.mask is not None else before.corrected
            return self.having(frame, replace(before, prompt=merged, corrected=start))
        only_points = prompt.box is None and prompt.mask is None
        start = np.logical_and(mask, visible) if only_points else None
        return self.having(frame, FramePrompt(prompt, Stage.CORRECTED, start))

    def reviewed(
        self, frame: int, prompt: Prompt, mask: NDArray[np.bool_], visible: bool
    ) -> ObjectPrompts:
        """
        Return these and one more, with which a review corrects a label.

        It is kept when the recording is labelled again with the original prompts.

        :param mask: [H, W] of the label.
        :param visible: whether the label has a mask.
        """
        before = self.by_frame.get(frame)
        earlier = '' if before is None else before.reviewed
        if before is not None and earlier is None:
            earlier = FramePrompt(before.prompt).digest
        found = self.corrected(frame, prompt, mask, visible)
        return found.having(frame, replace(found.by_frame[frame], reviewed=earlier))

    @property
    def defining(self) -> int:
        """Number of the frame that says what the object is: the first that corrects no label."""
        alone = [number for number, prompt in self.by_frame.items() if prompt.stands_alone]
        by_hand = [number for number in alone if self.by_frame[number].stage is Stage.HAND]
        return min(by_hand or alone or self.by_frame)

    def basis(self, frame: int) -> tuple[int, ...]:
        """Return the frames of the prompts that a correction is read with, the nearest first."""
        alone = [number for number, prompt in self.by_frame.items() if prompt.stands_alone]
        return read(alone, frame, frame, self.defining)

    def digest(self, frame: int) -> str:
        """Return a digest of all that the object on a prompted frame depends on."""
        prompt = self.by_frame[frame]
        if prompt.stands_alone:
            return prompt.digest
        basis = [(number, self.by_frame[number].digest) for number in self.basis(frame)]
        return f'{prompt.digest} {basis}'

    def json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        frames = {str(frame): prompt.json() for frame, prompt in sorted(self.by_frame.items())}
        return {'label': self.label, 'frames': frames}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> ObjectPrompts:
        """Return what ``json`` was called on."""
        frames = {
            int(key): FramePrompt.from_json(prompt) for key, prompt in fields['frames'].items()
        }
        return cls(fields['label'], frames)


Prompts = Mapping[int, ObjectPrompts]
"""By object id."""


@dataclass(frozen=True)
class Timeline:
    """Where a prompt may be: the frames of a recording."""

    stamps: Sequence[int]
    """Nanoseconds, as the recording has them."""
    times: Sequence[int]
    """Ascending nanoseconds."""

    def frame(self, fields: Mapping[str, Any], where: str) -> int:
        """
        Return the number of the frame that a prompt names.

        :raises LabellingError: it names none, or more than one, or one that is not there.
        """
        named = [name for name in ('frame', 'time', 'stamp') if name in fields]
        if len(named) != 1:
            raise LabellingError(f'{where}: give one of frame, time and stamp, not {named}')
        name, value = named[0], fields[named[0]]
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not numeric or (isinstance(value, float) and not isfinite(value)):
            raise LabellingError(f'{where}: {name} must be a number, not {_shown(value)}')
        count = len(self.times)
        if name == 'frame':
            number = int(value) + (count if value < 0 else 0)
            if value != int(value) or not 0 <= number < count:
                raise LabellingError(
                    f'{where}: frame {value} is not one of the {count} frames of the recording'
                )
            return number
        if name == 'stamp':
            if value not in self.stamps:
                raise LabellingError(f'{where}: no image has the stamp {value}')
            return self.stamps.index(int(value))
        wanted = self.times[0] + round(value * SECOND)
        after = min(bisect_left(self.times, wanted), count - 1)
        around = range(max(after - 1, 0), after + 1)
        number = min(around, key=lambda each: abs(self.times[each] - wanted))
        length = (self.times[-1] - self.times[0]) / SECOND
        if not -1 <= value <= length + 1:
            raise LabellingError(
                f'{where}: time {value} s is not within the {length:.3f} s of the recording'
            )
        return number


def _mask(fields: Mapping[str, Any] | None) -> NDArray[np.bool_] | None:
    if fields is None:
        return None
    height, width = fields['size']
    return uncompressed(fields['counts'], width, height) != 0


def read_prompts(path: Path, timeline: Timeline) -> Prompts:
    """
    Read a file of prompts.

    :raises LabellingError: the file cannot be read, or a value in it makes no sense.
    """
    try:
        content = yaml.load(path.read_text(encoding='utf-8'), _Loader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        # ValueError: of bytes that are no text, or a date that is none.
        raise LabellingError(
            f'prompts {str(path)!r} cannot be read: {error_text(error)}'
        ) from error
    listed = content.get('objects') if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise LabellingError(f'prompts {str(path)!r} have no list of objects')
    found: dict[int, ObjectPrompts] = {}
    for index, each in enumerate(listed):
        where = f'{path.name}, object {index + 1}'
        _check_fields(each, {'id', 'label', 'prompts'}, where)
        object_id = each.get('id', next(n for n in range(1, LARGEST_ID + 2) if n not in found))
        if isinstance(object_id, bool) or not isinstance(object_id, int):
            raise LabellingError(f'{where}: id must be a whole number, not {_shown(object_id)}')
        if not 1 <= object_id <= LARGEST_ID:
            raise LabellingError(f'{where}: id must be from 1 to {LARGEST_ID}, not {object_id}')
        if object_id in found:
            raise LabellingError(f'{where}: id {object_id} is that of another object')
        listed = each.get('prompts')
        if not isinstance(listed, list) or not listed:
            raise LabellingError(f'{where}: it has no list of prompts')
        try:
            prompts = ObjectPrompts(_label(each.get('label'), where))
            for number, fields in enumerate(listed):
                place = f'{where}, prompt {number + 1}'
                _check_fields(fields, _PROMPT_FIELDS, place)
                frame = timeline.frame(fields, place)
                prompts = prompts.added(frame, _prompt(fields, path.parent, place))
        except PromptError as error:
            raise LabellingError(f'{where}: {error}') from error
        found[object_id] = prompts
    return found


_PROMPT_FIELDS = {'frame', 'time', 'stamp', 'box', 'points', 'negative_points', 'mask'}


def _check_fields(fields: object, known: set[str], where: str) -> None:
    if not isinstance(fields, dict):
        raise LabellingError(f'{where}: a mapping is needed, not {_shown(fields)}')
    if unknown := [str(name) for name in fields if name not in known]:
        raise LabellingError(
            f'{where}: unknown field {unknown[0]!r}; known are {", ".join(sorted(known))}'
        )


class _Loader(yaml.SafeLoader):
    """As SafeLoader, but without integers that Python would refuse to print."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        value: int = super().construct_yaml_int(node)
        if value.bit_length() > LONGEST_INTEGER:
            raise yaml.constructor.ConstructorError(
                problem=f'an integer has {value.bit_length()} bits', problem_mark=node.start_mark
            )
        return value


_Loader.add_constructor('tag:yaml.org,2002:int', _Loader.construct_yaml_int)

_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 60, 60


def _shown(value: object) -> str:
    """Return a short text of a value of the file: aliases make terabytes of a few lines."""
    return _SHORT.repr(value)


def _nested(value: object) -> bool:
    """Return whether a value is a list with lists in it, whose size may be out of all bounds."""
    return isinstance(value, list) and any(isinstance(each, list | dict) for each in value)


def _label(value: object, where: str) -> str:
    """
    Return a label; without a value it is empty, and numbers and dates are texts, too.

    :raises PromptError: it is too long.
    """
    if isinstance(value, list | dict | set | bytes):
        raise LabellingError(f'{where}: label must be a text, not {_shown(value)}')
    return '' if value is None else checked_label(str(value))


def _prompt(fields: Mapping[str, Any], folder: Path, where: str) -> Prompt:
    positive, negative = (fields.get(name) or [] for name in ('points', 'negative_points'))
    for name, listed in (('points', positive), ('negative_points', negative)):
        if not isinstance(listed, list) or any(map(_nested, listed)):
            raise LabellingError(f'{where}: {name} must be a list of points, not {_shown(listed)}')
    box: Any = fields.get('box')
    if box is not None:
        if not isinstance(box, list) or len(box) != 4 or _nested(box):
            raise LabellingError(f'{where}: box must be [x, y, width, height], not {_shown(box)}')
        try:
            box = [box[0], box[1], box[0] + box[2], box[1] + box[3]]
        except TypeError:
            raise LabellingError(f'{where}: box must be four numbers, not {_shown(box)}') from None
    mask, file = None, fields.get('mask')
    if file is not None:
        if not isinstance(file, str):
            raise LabellingError(f'{where}: mask must be the name of a file, not {_shown(file)}')
        try:
            mask = read_mask(folder / file) != 0
        except ImageFileError as error:
            raise LabellingError(f'{where}: {error}') from error
    points: Any = [*positive, *negative]
    labels: Any = [POSITIVE] * len(positive) + [NEGATIVE] * len(negative)
    return Prompt(points=points, labels=labels, box=box, mask=mask)
