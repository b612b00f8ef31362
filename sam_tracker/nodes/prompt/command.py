# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of the prompt node: options, requests and output."""

import argparse
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
import math
import sys
from typing import TYPE_CHECKING, Any

from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from sam_tracker.command_line import (
    OneLineParser,
    add_prompt_options,
    box_corners,
    has_prompt,
    positive_number,
    table,
)
from sam_tracker.core.object_ids import LARGEST_ID
from sam_tracker.core.paths import expanded
from sam_tracker.core.texts import printable
from sam_tracker.core.time import SECOND
from sam_tracker.image_files import read_mask
from sam_tracker.msg import Prompt
from sam_tracker.ros.messages.prompt_requests import prompt_message
from sam_tracker.ros.messages.recorded_tracks import recorded_track
from sam_tracker.ros.messages.stamps import nanoseconds, stamp_text, time_message
from sam_tracker.srv import AddPrompt, GetObjects, RemoveObject

if TYPE_CHECKING:
    from sam_tracker.msg import Track
    from sam_tracker.nodes.prompt.client import TrackerClient


DESCRIPTION = """\
Prompts a tracker. For prompts with the mouse there is a page: `ros2 run sam_tracker console`.
Coordinates are pixels of the camera image, x to the right and y down from its top left corner."""


HEADINGS = (
    *('object', 'label', 'state', 'confidence'),
    *('x', 'y', 'w', 'h'),
    *('affinity', 'logit', 'motion'),
)


def argument_parser() -> argparse.ArgumentParser:
    parser = OneLineParser('prompt_node', description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument(
        '--tracker',
        default='sam_tracker',
        metavar='NAME',
        help='the tracker node, relative to the namespace or absolute as in /left/sam_tracker '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--timeout',
        type=positive_number,
        default=15.0,
        metavar='SECONDS',
        help='longest wait for the service, and again for its answer (default: %(default)s)',
    )
    prompt = add_prompt_options(parser, 'the camera image')
    prompt.add_argument('--label', default='', help='label of the object')
    prompt.add_argument(
        '--stamp',
        type=stamp,
        default=0,
        metavar='SECONDS',
        help='stamp of the prompted image, such as 1712.040000000 (default: the newest)',
    )
    prompt.add_argument(
        '--next-image',
        action='store_true',
        help='wait for the next image and prompt on it; before playback starts, the first one',
    )
    prompt.add_argument(
        '--object-id',
        type=object_id,
        default=0,
        metavar='ID',
        help='refine this object (default: a new one)',
    )
    command = parser.add_argument_group('commands').add_mutually_exclusive_group()
    command.add_argument('--remove', type=object_id, metavar='ID', help='stop tracking an object')
    command.add_argument('--reset', action='store_true', help='stop tracking all objects')
    command.add_argument('--list', action='store_true', help='list the tracked objects')
    command.add_argument('--pause', action='store_true', help='ignore images')
    command.add_argument('--resume', action='store_true', help='continue after --pause')
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; exit with code 2 if it is invalid."""
    parser = argument_parser()
    options = parser.parse_args(arguments)
    if has_prompt(options) and _is_command(options):
        parser.error('a prompt and a command do not go together')
    if options.label and _is_command(options):
        parser.error('--label belongs to a prompt')
    if not has_prompt(options) and (options.stamp or options.next_image or options.object_id):
        parser.error('--stamp, --next-image and --object-id need --box, --point or --mask')
    if not has_prompt(options) and not _is_command(options):
        parser.error(
            'nothing to do: give a prompt or a command, or run the console to point with the mouse'
        )
    if options.stamp and options.next_image:
        parser.error('--stamp and --next-image exclude each other')
    options.box = box_corners(parser, options)
    return options


def run(options: argparse.Namespace, client: 'TrackerClient') -> int:
    """
    Execute the command line and return the exit code: 1 if the tracker refuses.

    :raises TrackerClientError: the tracker does not answer.
    :raises ImageFileError: the mask cannot be read.
    """
    service, request = _request(options)
    if options.next_image:
        client.wait_for(service, options.timeout)
        request.prompt.header = client.next_image(options.timeout)
    answer = client.ask(service, request, options.timeout)
    if not answer.success:
        sys.stderr.write(f'prompt_node: refused: {printable(answer.message)}\n')
        return 1
    sys.stdout.write(f'{printable(answer.message)}\n')
    if service == 'add_prompt':
        sys.stdout.write(_image_line(answer.header) + tracks_table([answer.track]))
    elif service == 'get_objects' and answer.objects.tracks:
        sys.stdout.write(_image_line(answer.objects.header) + tracks_table(answer.objects.tracks))
    return 0


def tracks_table(tracks: Sequence['Track']) -> str:
    rows = []
    for message in tracks:
        track = recorded_track(message)
        x_min, y_min, x_max, y_max = track.box or (math.nan,) * 4
        state: str = track.state
        if track.state != 'tracked':
            state += f' {track.seconds_since_seen:.1f} s'
        if track.duplicate_of:
            state += f', same as {track.duplicate_of}'
        numbers = (x_min, y_min, x_max - x_min, y_max - y_min)
        rows.append(
            (
                str(track.object_id),
                track.label or '-',
                state,
                f'{track.confidence:.2f}',
                *(_decimal(number, 1) for number in numbers),
                _decimal(track.mask_affinity_score, 2),
                _decimal(track.object_score, 1),
                _decimal(track.motion_score, 2),
            )
        )
    return table(HEADINGS, rows, left=(1, 2)) + '\n'


def _request(options: argparse.Namespace) -> tuple[str, Any]:
    if options.remove is not None:
        return 'remove_object', RemoveObject.Request(object_id=options.remove)
    if options.reset:
        return 'reset', Trigger.Request()
    if options.list:
        return 'get_objects', GetObjects.Request()
    if options.pause or options.resume:
        return 'set_paused', SetBool.Request(data=options.pause)
    positive, negative = options.point, options.negative_point
    prompt = prompt_message(
        Header(stamp=time_message(options.stamp)),
        [*positive, *negative],
        [Prompt.POINT_POSITIVE] * len(positive) + [Prompt.POINT_NEGATIVE] * len(negative),
        options.box,
        None if options.mask is None else read_mask(expanded(options.mask)),
        object_id=options.object_id,
        label=options.label,
    )
    return 'add_prompt', AddPrompt.Request(prompt=prompt)


def _is_command(options: argparse.Namespace) -> bool:
    flags = (options.reset, options.list, options.pause, options.resume)
    return options.remove is not None or any(flags)


def _image_line(header: Header) -> str:
    frame = f' in {header.frame_id}' if header.frame_id else ''
    return f'on the image of {stamp_text(nanoseconds(header.stamp))}{frame}\n'


def _decimal(value: float, digits: int) -> str:
    return '-' if math.isnan(value) else f'{value:.{digits}f}'


def object_id(text: str) -> int:
    value = int(text)
    if not 1 <= value <= LARGEST_ID:
        raise argparse.ArgumentTypeError(f'invalid object id {text!r} (1 to {LARGEST_ID})')
    return value


def stamp(text: str) -> int:
    """Parse seconds to nanoseconds exactly, for which a float has not enough digits."""
    try:
        value = Decimal(text) * SECOND
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0 or value >= SECOND * 2**31:
        raise argparse.ArgumentTypeError(f'{text!r} is not a time in seconds')
    return round(value)
