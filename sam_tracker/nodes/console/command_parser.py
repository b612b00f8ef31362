# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Parses and validates the commands of a page, from the text of a websocket; without ROS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from sam_tracker.core.boxes import Region
from sam_tracker.core.object_ids import LARGEST_ID
from sam_tracker.core.prompt import MOST_POINTS, PromptError, checked_label
from sam_tracker.nodes.console.commands import (
    AddPrompt,
    Command,
    DrawnMask,
    FindCandidates,
    Pointing,
    ReadParameters,
    RemoveObject,
    Rename,
    Request,
    Reset,
    SetParameter,
    SetPaused,
    Shown,
    StartRecording,
    StopRecording,
    Watch,
)
from sam_tracker.web.mask_runs import MaskRunsError, check_runs

MOST_BYTES = 1_000_000
"""Of one message; the mask of a large image takes some hundred thousand."""
MOST_PIXELS = 64_000_000
"""Of the region of a mask, as of an image that is decoded."""
LONGEST_TEXT = 1000
"""Characters of a text to search for and of the name and value of a parameter."""
FARTHEST = 1_000_000_000
"""Pixels from the origin; no image is as large."""


class CommandError(ValueError):
    """A message that is no command; the text names the value."""

    number = 0
    """Number of the request, for the answer; 0: it could not be read."""


def request_of(text: str) -> Request:
    """
    Parse a message of a page.

    :raises CommandError: it is no command, or a value is missing, of another type or out of
        range; coordinates are compared with the image by the tracker.
    """
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CommandError(f'the message is not JSON: {error}') from None
    if not isinstance(fields, dict):
        raise CommandError(f'the message must be an object, not {type(fields).__name__}')
    kind = fields.get('command')
    parse = PARSERS.get(kind) if isinstance(kind, str) else None
    if parse is None:
        raise CommandError(f'unknown command {_short(kind)}; known are {", ".join(PARSERS)}')
    number = _integer(fields, 'number', 0, 2**53)
    try:
        return Request(number, parse(fields))
    except CommandError as error:
        error.number = number
        raise


OfTracker = TypeVar('OfTracker', Watch, Reset, ReadParameters, StartRecording, StopRecording)


def _of_tracker(command: Callable[[str], OfTracker]) -> Callable[[Mapping[str, Any]], OfTracker]:
    """Return the parser of a command that only names a tracker."""
    return lambda fields: command(_text(fields, 'tracker'))


def _add_prompt(fields: Mapping[str, Any]) -> AddPrompt:
    object_id = _integer(fields, 'object_id', 0, LARGEST_ID)
    return AddPrompt(_text(fields, 'tracker'), _pointing(fields), object_id, _label(fields))


def _rename(fields: Mapping[str, Any]) -> Rename:
    object_id = _integer(fields, 'object_id', 1, LARGEST_ID)
    label = _label(fields).strip()
    if not label:
        raise CommandError('label is empty: an object is renamed to some text')
    return Rename(_text(fields, 'tracker'), object_id, label)


def _set_parameter(fields: Mapping[str, Any]) -> SetParameter:
    value: Any = fields.get('value')
    if type(value) is str:
        value = _text(fields, 'value')
    elif type(value) is int:
        value = _integer(fields, 'value', -(2**63), 2**63 - 1)
    elif type(value) not in {bool, float}:
        raise CommandError(f'value must be a number, a text, true or false, not {_short(value)}')
    return SetParameter(_text(fields, 'tracker'), _text(fields, 'name'), value)


def _find_candidates(fields: Mapping[str, Any]) -> FindCandidates:
    return FindCandidates(
        _text(fields, 'tracker'), _pointing(fields), _text(fields, 'text', '').strip()
    )


def _remove(fields: Mapping[str, Any]) -> RemoveObject:
    return RemoveObject(_text(fields, 'tracker'), _integer(fields, 'object_id', 1, LARGEST_ID))


def _set_paused(fields: Mapping[str, Any]) -> SetPaused:
    paused = fields.get('paused')
    if not isinstance(paused, bool):
        raise CommandError(f'paused must be true or false, not {_short(paused)}')
    return SetPaused(_text(fields, 'tracker'), paused)


PARSERS: Mapping[str, Callable[[Mapping[str, Any]], Command]] = MappingProxyType(
    {
        'watch': _of_tracker(Watch),
        'shown': lambda _: Shown(),
        'add_prompt': _add_prompt,
        'find_candidates': _find_candidates,
        'remove': _remove,
        'rename': _rename,
        'reset': _of_tracker(Reset),
        'set_paused': _set_paused,
        'parameters': _of_tracker(ReadParameters),
        'set_parameter': _set_parameter,
        'start_recording': _of_tracker(StartRecording),
        'stop_recording': _of_tracker(StopRecording),
    }
)


def _pointing(fields: Mapping[str, Any]) -> Pointing:
    points = _list(fields, 'points')
    if len(points) > MOST_POINTS:
        raise CommandError(f'there are {len(points)} points; at most {MOST_POINTS} are allowed')
    labels = _list(fields, 'point_labels')
    if any(type(label) is not int or label not in {0, 1} for label in labels):
        raise CommandError(f'point_labels must be 0 or 1 each, not {_short(labels)}')
    box = fields.get('box')
    return Pointing(
        stamp=_stamp(fields.get('stamp', [0, 0])),
        frame_id=_text(fields, 'frame_id', ''),
        points=tuple(_numbers(point, 'a point', 2) for point in points),
        point_labels=tuple(labels),
        box=None if box is None else _numbers(box, 'box', 4),
        mask=None if fields.get('mask') is None else _mask(fields['mask']),
    )


def _stamp(value: object) -> int:
    if (
        not isinstance(value, list)
        or len(value) != 2
        or any(type(part) is not int for part in value)
        or not (0 <= value[0] < 2**31 and 0 <= value[1] < 10**9)
    ):
        raise CommandError(f'stamp must be seconds and nanoseconds, not {_short(value)}')
    seconds, rest = value
    return int(seconds) * 10**9 + int(rest)


def _mask(fields: object) -> DrawnMask:
    if not isinstance(fields, dict):
        raise CommandError(f'mask must be an object, not {_short(fields)}')
    region = Region(
        *(_integer(fields, name, 0, 2**16) for name in ('x', 'y')),
        *(_integer(fields, name, 1, 2**16) for name in ('width', 'height')),
    )
    if region.width * region.height > MOST_PIXELS:
        raise CommandError(
            f'a mask of {region.width}x{region.height} pixels is too large: at most '
            f'{MOST_PIXELS // 10**6} million are allowed'
        )
    runs = _list(fields, 'runs')
    if any(type(run) is not int for run in runs):
        raise CommandError(f'the runs of a mask must be integers, not {_short(runs)}')
    try:
        check_runs(runs, region.width, region.height)
    except MaskRunsError as error:
        raise CommandError(str(error)) from None
    return DrawnMask(region, tuple(runs))


def _label(fields: Mapping[str, Any]) -> str:
    try:
        return checked_label(_text(fields, 'label', ''))
    except PromptError as error:
        raise CommandError(str(error)) from None


def _text(fields: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise CommandError(
            f'{name} must be a text of at most {LONGEST_TEXT} characters, not {_short(value)}'
        )
    if any('\ud800' <= character <= '\udfff' for character in value):
        raise CommandError(f'{name} is no valid Unicode: {_short(value)}')
    return value


def _integer(fields: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = fields.get(name)
    if type(value) is not int or not least <= value <= most:
        raise CommandError(
            f'{name} must be an integer from {least} to {most}, not {_short(value)}'
        )
    return value


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name, [])
    if not isinstance(value, list):
        raise CommandError(f'{name} must be a list, not {_short(value)}')
    return value


def _numbers(value: object, name: str, count: int) -> Any:  # noqa: ANN401 -- a tuple of count
    if not isinstance(value, list) or len(value) != count:
        raise CommandError(f'{name} must be {count} numbers, not {_short(value)}')
    # False for NaN too. Integers that no float can hold are compared as integers.
    if not all(type(each) in {int, float} and abs(each) <= FARTHEST for each in value):
        raise CommandError(
            f'{name} must be {count} numbers of at most {FARTHEST}, not {_short(value)}'
        )
    return tuple(map(float, value))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f'{name} is no number of JSON')


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
