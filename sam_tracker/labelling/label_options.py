# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of ``sam_tracker-label``; nothing here imports torch, which takes seconds."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sam_tracker.command_line import (
    OneLineParser,
    add_network_options,
    add_prompt_options,
    add_text_options,
    box_corners,
    has_prompt,
    number,
)
from sam_tracker.labelling.storage import SCRATCH
from sam_tracker.networks.weights.catalogue import DEFAULT_CHECKPOINT

PROGRAM = 'sam_tracker-label'

MODES = ('sam_tracker', 'samurai', 'samurai_released', 'dam', 'samurai_dam', 'sam2')
"""Keys of ``tracking.settings.MODES``, the default first; that module imports torch."""

DESCRIPTION = """\
Labels every image of recordings: ROS 2 bags (mcap, sqlite3), videos and folders of images.
Prompts may be on any frame; they are propagated forwards and backwards, and both directions are
joined. Run it again with more prompts to correct labels: only what they touch is done again. A
run that was stopped goes on where it was. Coordinates are pixels of the image, x to the right and
y down from its top left corner."""

FORMATS = (
    *('bag', 'coco', 'cvat', 'davis', 'kitti', 'mot', 'overlay', 'report', 'yolo', 'yolo_boxes'),
)
"""Keys of ``EXPORTS``."""


def parse(args: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exit with code 2 if it is invalid."""
    parser = argument_parser()
    options = parser.parse_args(args)
    if options.review is not None and len(options.recordings) > 1:
        parser.error('--review takes one output folder')
    if options.review is None and options.output is None:
        parser.error('the following arguments are required: -o/--output')
    wishes = {
        'a prompt': has_prompt(options),
        '--everything': options.everything,
        '--text': options.text is not None,
        '--prompts': options.prompts is not None,
        '--prompts-from-bag': options.prompts_from_bag is not None,
    }
    wished = [name for name, given in wishes.items() if given]
    if len(wished) > 1:
        parser.error(f'{" and ".join(wished)} do not go together')
    if options.label and not has_prompt(options):
        parser.error('--label belongs to a prompt')
    if (options.text is None) != (options.text_model is None):
        parser.error('--text and --text-model need each other')
    if unknown := [name for name in options.formats if name not in FORMATS]:
        parser.error(f'--formats: unknown {unknown[0]!r}; known are {", ".join(FORMATS)}')
    if options.workers < 1:
        parser.error(f'--workers must be at least 1, not {options.workers}')
    if options.ray is not None and options.workers != 1:
        parser.error('--workers and --ray do not go together')
    if options.gpus < 0 or (options.gpus and options.ray is None):
        parser.error('--gpus is a positive share, and belongs to --ray')
    options.box = box_corners(parser, options)
    return options


def argument_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(PROGRAM, description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument(
        'recordings',
        nargs='+',
        metavar='RECORDING',
        help='a bag (its folder, .mcap or .db3), a video, or a folder of images; a path or a URL',
    )
    parser.add_argument(
        '-o',
        '--output',
        metavar='FOLDER',
        help='for labels and exports, a path or a URL; what is there already is not done again',
    )
    parser.add_argument(
        '--formats',
        nargs='*',
        default=['coco', 'report'],
        metavar='NAME',
        help=f'any of {", ".join(FORMATS)} (default: coco report)',
    )
    parser.add_argument(
        '--topic', help='topic of the images in a bag (default: the only one with images)'
    )
    parser.add_argument(
        '--prompts',
        metavar='FILE',
        help='prompts on any frames, in YAML; or a folder with NAME.yaml for each recording',
    )
    parser.add_argument(
        '--prompts-from-bag',
        nargs='?',
        const='',
        metavar='TOPIC',
        help='prompts (sam_tracker/Prompt) or detections (vision_msgs/Detection2DArray) recorded'
        ' with the images (default: the only topic of these types)',
    )
    parser.add_argument(
        '--minimum-score',
        type=number,
        default=0.5,
        metavar='P',
        help='of a recorded detection (default: %(default)s)',
    )
    prompt = add_prompt_options(parser, 'the first image')
    prompt.add_argument('--label', default='', help='name of the object')
    parser.add_argument(
        '--everything', action='store_true', help='label all objects of the first image'
    )
    add_text_options(
        parser,
        'label what it names on the first image: "red mug", "mug. screwdriver."',
        'OWLv2, OWL-ViT or Grounding DINO',
    )
    parser.add_argument(
        '--verified', action='store_true', help='write only objects that were accepted in a review'
    )
    parser.add_argument(
        '--scratch',
        type=Path,
        default=SCRATCH,
        metavar='FOLDER',
        help='for copies of recordings that are given as URLs, such as s3://bucket/drive.mcap'
        ' (default: %(default)s)',
    )
    fleet = parser.add_argument_group('many recordings')
    fleet.add_argument(
        '--workers', type=int, default=1, metavar='N', help='processes on this machine'
    )
    fleet.add_argument(
        '--ray',
        metavar='ADDRESS',
        help='an existing Ray cluster, such as auto or HOST:6379; recordings and output'
        ' folder must be on storage that all its nodes share',
    )
    fleet.add_argument(
        '--gpus',
        type=number,
        default=0.0,
        metavar='SHARE',
        help='GPUs of a recording on Ray; 0.25: four recordings share one (default: none)',
    )
    parser.add_argument(
        '--review',
        nargs='?',
        const='',
        metavar='NAME',
        help='open the labels of an output folder in a browser: sam_tracker-label FOLDER --review',
    )
    parser.add_argument('--port', type=int, default=0, help='of the review (default: a free one)')
    network = add_network_options(parser, DEFAULT_CHECKPOINT)
    network.add_argument(
        '--mode',
        choices=MODES,
        default=MODES[0],
        help='sam2: exactly as SAM 2 propagates whole videos (default: %(default)s)',
    )
    return parser
