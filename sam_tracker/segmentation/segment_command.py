# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The command that segments an image file: by a prompt, by a text, or automatically.

The exit code is 0, 1 after an error, which is reported in one line, and 2 for an invalid command
line.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from sam_tracker.command_line import (
    OneLineParser,
    add_network_options,
    add_prompt_options,
    add_text_options,
    box_corners,
    complain,
    file_error,
    has_prompt,
    number,
)
from sam_tracker.core.paths import expanded
from sam_tracker.core.texts import printable
from sam_tracker.image_files import ImageFileError, read_image, read_mask
from sam_tracker.networks.weights.catalogue import DEFAULT_CHECKPOINT

if TYPE_CHECKING:
    from sam_tracker.core.prompt import Prompt
    from sam_tracker.rendering import Image
    from sam_tracker.segmentation.image_segmenter import ImageSegmenter
    from sam_tracker.segmentation.mask_candidate import MaskCandidate
    from sam_tracker.segmentation.mask_generator import GenerationProgress

PROGRAM = 'sam_tracker-segment'

DESCRIPTION = """\
Segments an image by a prompt, by a text, or automatically (--everything). Writes the masks, an
image with the masks drawn, and masks_coco.json, and prints a table.
Coordinates are pixels of the image, x to the right and y down from its top left corner."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = parse(args)
    # torch takes seconds to import, so the command line is checked first.
    from sam_tracker.core.prompt import PromptError
    from sam_tracker.networks.weights.catalogue import CheckpointError
    from sam_tracker.segmentation.text_model import GroundingError

    try:
        return run(options)
    except (ImageFileError, CheckpointError, PromptError, GroundingError, CommandError) as error:
        return complain(PROGRAM, str(error))
    except OSError as error:
        return complain(PROGRAM, file_error(error, 'output'))
    except KeyboardInterrupt:
        return complain(PROGRAM, 'interrupted', status=130)


class CommandError(ValueError):
    """A request that cannot be carried out; the text names the reason."""


def parse(args: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exit with code 2 if it is invalid."""
    parser = argument_parser()
    options = parser.parse_args(args)
    wishes = {
        'a prompt': has_prompt(options),
        '--everything': options.everything,
        '--text': options.text is not None,
    }
    wished = [name for name, given in wishes.items() if given]
    if not wished:
        parser.error('nothing to do: give --point, --box, --mask, --everything or --text')
    if len(wished) > 1:
        parser.error(f'{" and ".join(wished)} do not go together')
    if options.several and options.everything:
        parser.error('--several belongs to a prompt or --text')
    if (options.text is None) != (options.text_model is None):
        parser.error('--text and --text-model need each other')
    tuned = [name for name in _GENERATOR_OPTIONS if getattr(options, name) is not None]
    if tuned and not options.everything and options.text is None:
        parser.error(f'--{tuned[0].replace("_", "-")} belongs to --everything and --text')
    options.box = box_corners(parser, options)
    return options


def argument_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(PROGRAM, description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument('image', type=Path, metavar='IMAGE', help='an image file')
    parser.add_argument(
        '-o',
        '--output',
        type=Path,
        default=Path('out/segment'),
        metavar='FOLDER',
        help='output folder (default: %(default)s); masks of an earlier run are replaced',
    )
    prompt = add_prompt_options(parser, 'IMAGE')
    prompt.add_argument(
        '--several',
        action='store_true',
        help='three candidates, for a prompt that may mean a part or the whole',
    )
    everything = parser.add_argument_group('automatic mode')
    everything.add_argument(
        '--everything', action='store_true', help='find all objects of the image'
    )
    everything.add_argument(
        '--points-per-side', type=int, metavar='N', help='points along each side of the grid'
    )
    everything.add_argument(
        '--predicted-iou', type=number, metavar='P', help='minimum predicted IoU, 0 to 1'
    )
    everything.add_argument(
        '--stability-score', type=number, metavar='S', help='minimum stability score, 0 to 1'
    )
    everything.add_argument(
        '--minimum-area',
        type=int,
        metavar='PIXELS',
        help='smaller holes are filled and smaller regions removed',
    )
    everything.add_argument(
        '--crop-layers',
        type=int,
        metavar='N',
        help='1: search in 4 crops too, 2: in 16 more, ...; for small objects in large images',
    )
    add_text_options(
        parser,
        'what to look for: "red mug", "mug. screwdriver."',
        'a detector (OWLv2, OWL-ViT, Grounding DINO), whose boxes are prompts; or CLIP or SigLIP, '
        'which score the masks that the automatic mode finds',
    )
    add_network_options(parser, DEFAULT_CHECKPOINT)
    return parser


_GENERATOR_OPTIONS = (
    'points_per_side',
    'predicted_iou',
    'stability_score',
    'minimum_area',
    'crop_layers',
)


def run(options: argparse.Namespace) -> int:
    """
    Execute the command line and return the exit code.

    The texts of all errors have one line.

    :raises ImageFileError: image or mask cannot be read.
    :raises CheckpointError: the weights cannot be loaded.
    :raises PromptError: the prompt is invalid.
    :raises GroundingError: text or detector is invalid.
    :raises CommandError: the request cannot be carried out.
    :raises OSError: a file cannot be written.
    """
    from sam_tracker.segmentation.segment_files import candidates_table, write_answer

    picture = read_image(expanded(options.image))
    prompt = None
    if options.text is None and not options.everything:
        prompt = _prompt(options).validate(picture.shape[1], picture.shape[0])
    segmenter = _segmenter(options)
    if options.everything:
        candidates = _everything(segmenter, picture, options)
    elif options.text is not None:
        candidates = _named(segmenter, picture, options)
    else:
        assert prompt is not None
        (candidates,) = segmenter.segment(
            segmenter.encode(_rgb(picture)), [prompt], several=options.several
        )
    written = write_answer(expanded(options.output), picture, candidates, prompt)
    sys.stdout.write(candidates_table(candidates) + '\n' if candidates else 'nothing was found\n')
    sys.stdout.write(f'written to {printable(str(written))}\n')
    return 0


def _prompt(options: argparse.Namespace) -> Prompt:
    from sam_tracker.core.prompt import NEGATIVE, POSITIVE, Prompt

    positive, negative = options.point, options.negative_point
    return Prompt(
        points=np.array([*positive, *negative], np.float64),
        labels=np.array([POSITIVE] * len(positive) + [NEGATIVE] * len(negative), np.int64),
        box=None if options.box is None else np.array(options.box),
        mask=None if options.mask is None else read_mask(expanded(options.mask)) != 0,
    )


def _segmenter(options: argparse.Namespace) -> ImageSegmenter:
    from sam_tracker.networks.runtime import choose_runtime
    from sam_tracker.networks.weights.loading import load_image_network
    from sam_tracker.segmentation.image_segmenter import ImageSegmenter

    try:
        runtime = choose_runtime(options.device)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return ImageSegmenter(runtime.place(load_image_network(options.checkpoint)), runtime)


def _everything(
    segmenter: ImageSegmenter, picture: Image, options: argparse.Namespace
) -> list[MaskCandidate]:
    from sam_tracker.segmentation.mask_generator import MaskGenerator

    generator = MaskGenerator(segmenter)
    wished = {name: getattr(options, name) for name in _GENERATOR_OPTIONS}
    given = {name: value for name, value in wished.items() if value is not None}
    try:
        generator.settings = replace(generator.settings, **given)
    except ValueError as error:
        raise CommandError(str(error)) from error
    # On a terminal only.
    with tqdm(desc='points', unit='', disable=None) as bar:

        def show(progress: GenerationProgress) -> None:
            bar.total = progress.points
            bar.set_postfix(masks=progress.found, refresh=False)
            bar.update(progress.points_done - bar.n)

        return generator.generate(_rgb(picture), show)


def _named(
    segmenter: ImageSegmenter, picture: Image, options: argparse.Namespace
) -> list[MaskCandidate]:
    from sam_tracker.segmentation.text_model import SCORERS, architecture_of

    folder = expanded(options.text_model)
    if architecture_of(folder) not in SCORERS:
        return _detected(segmenter, picture, options, folder)
    if options.several:
        raise CommandError(f'--several needs a prompt or a detector; {folder} scores masks')
    from sam_tracker.segmentation.mask_scorer import MaskScorer

    scorer = MaskScorer(folder, str(segmenter.device))
    candidates = _everything(segmenter, picture, options)
    return scorer.score(_rgb(picture), candidates, options.text, threshold=options.text_threshold)


def _detected(
    segmenter: ImageSegmenter, picture: Image, options: argparse.Namespace, folder: Path
) -> list[MaskCandidate]:
    from sam_tracker.core.prompt import Prompt
    from sam_tracker.segmentation.text_grounder import TextGrounder

    tuned = [name for name in _GENERATOR_OPTIONS if getattr(options, name) is not None]
    if tuned:
        name = tuned[0].replace('_', '-')
        raise CommandError(f'--{name} belongs to the automatic mode; {folder} is a detector')
    grounder = TextGrounder(folder, str(segmenter.device))
    image = _rgb(picture)
    found = grounder.ground(image, options.text, threshold=options.text_threshold)
    if not found:
        return []
    answers = segmenter.segment(
        segmenter.encode(image),
        [Prompt(box=grounding.box) for grounding in found],
        several=options.several,
    )
    return [
        replace(candidate, label=grounding.label, text_score=grounding.score)
        for grounding, candidates in zip(found, answers, strict=True)
        for candidate in candidates
    ]


def _rgb(picture: Image) -> Image:
    return picture[..., ::-1]


if __name__ == '__main__':
    sys.exit(main())
