# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The command that labels whole recordings: bags, videos and folders of images.

The exit code is 0, 1 if a recording could not be labelled, which is reported in one line, and 2
for an invalid command line.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from sam_tracker.command_line import (
    OneLineParser,
    add_network_options,
    add_prompt_options,
    add_text_options,
    box_corners,
    has_prompt,
    number,
)
from sam_tracker.core.paths import expanded
from sam_tracker.labelling.storage import SCRATCH
from sam_tracker.labelling.urls import is_url, name_of, path_of, public_url
from sam_tracker.networks.weights.catalogue import (
    DEFAULT_CHECKPOINT,
    KNOWN_CHECKPOINTS,
    CheckpointError,
)

if TYPE_CHECKING:
    from sam_tracker.labelling.fleet import Attempt
    from sam_tracker.labelling.job import Job
    from sam_tracker.labelling.prompts import ObjectPrompts
    from sam_tracker.labelling.storage import Mirror

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


def main(args: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = parse(args)
    # torch takes seconds to import, so the command line is checked first.
    from sam_tracker.labelling.recording import LabellingError

    try:
        return run(options)
    except (LabellingError, CheckpointError, ValueError) as error:
        return _fail(' '.join(str(error).split()))
    except KeyboardInterrupt:
        return _fail('interrupted; run it again to go on', status=130)


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
        help='an existing Ray cluster, such as auto or ray://HOST:10001; recordings and output'
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


def run(options: argparse.Namespace) -> int:
    """
    Execute the command line and return the exit code.

    :raises LabellingError: nothing could be done at all.
    """
    if options.review is not None:
        return review(options)
    if not is_url(options.output):
        return _label(options, expanded(options.output).resolve(), None)
    from sam_tracker.labelling.staging import scratch_folder
    from sam_tracker.labelling.storage import Mirror

    with scratch_folder(options.scratch) as folder:
        return _label(options, folder, Mirror(options.output, folder))


def _label(options: argparse.Namespace, folder: Path, mirror: Mirror | None) -> int:
    """
    Label all recordings, and write the formats.

    :param folder: for labels and exports.
    :param mirror: of that folder, if it is a copy of one on other storage.
    """
    from sam_tracker.labelling.fleet import (
        Pool,
        finish,
        in_processes,
        in_this_process,
        label_all,
        labelled,
    )

    jobs = _jobs(options, folder)
    pool: Pool | None = None
    writers: Pool | None = None
    if options.ray is not None:
        from sam_tracker.labelling.ray_pool import on_ray

        pool = partial(on_ray, address=options.ray, gpus=options.gpus)
        writers = partial(on_ray, address=options.ray, gpus=0.0)
    elif options.workers > 1:
        pool = writers = partial(in_processes, workers=options.workers)
    if pool is None:
        attempts = in_this_process(jobs, _bar)
    else:
        attempts = _counted(pool(jobs, labelled), len(jobs))
    failed = label_all(attempts, mirror)
    done = [job for job in jobs if job.name not in failed]
    not_written = finish(done, options.formats, options.verified, _bar, mirror, writers)
    for name, problem in {**failed, **not_written}.items():
        _fail(f'{name}: {problem}')
    sys.stdout.write(
        f'{len(jobs) - len(failed)} of {len(jobs)} recordings labelled; written to'
        f' {options.output}\n'
    )
    return 1 if failed or not_written else 0


def review(options: argparse.Namespace) -> int:
    """
    Serve the page of a review until the process is interrupted.

    :raises LabellingError: there is nothing to review, or the port is taken.
    """
    from sam_tracker.labelling.project import PROJECT
    from sam_tracker.labelling.recording import LabellingError
    from sam_tracker.labelling.review.server import ReviewServer
    from sam_tracker.labelling.review.session import ReviewSession

    if is_url(options.recordings[0]):
        raise LabellingError(
            f'copy {public_url(options.recordings[0])!r} to this machine to review it'
        )
    folder = expanded(options.recordings[0])
    recordings = folder / 'recordings'
    names = sorted(each.parent.name for each in recordings.glob(f'*/{PROJECT}'))
    name = options.review or (names[0] if len(names) == 1 else '')
    if name not in names:
        listed = ', '.join(names) or 'none'
        raise LabellingError(f'{str(folder)!r}: choose a recording with --review NAME: {listed}')
    session = ReviewSession(folder, name, options.device)
    try:
        server = ReviewServer(session, options.formats, options.port)
    except (OSError, OverflowError) as error:
        session.close()
        raise LabellingError(f'port {options.port} cannot be used: {error}') from error
    sys.stdout.write(f'review {name} at {server.address} (Ctrl-C ends)\n')
    sys.stdout.flush()
    try:
        server.serve_forever()
    finally:
        server.server_close()
        # A correction may still be propagated.
        with server.lock:
            session.close()
    return 0


def _jobs(options: argparse.Namespace, folder: Path) -> list[Job]:
    from sam_tracker.labelling.fleet import unique_names
    from sam_tracker.labelling.job import Job

    # Processes of a cluster have other working directories.
    sources = [
        path_of(each) if is_url(each) else expanded(each).resolve() for each in options.recordings
    ]
    first = _first(options)
    text_model = None if options.text_model is None else expanded(options.text_model).resolve()
    return [
        Job(
            source=source,
            source_url=given if is_url(given) else '',
            name=name,
            folder=folder,
            folder_url=options.output if is_url(options.output) else '',
            scratch=options.scratch,
            topic=options.topic,
            first=first,
            everything=options.everything,
            bag_prompts=options.prompts_from_bag,
            minimum_score=options.minimum_score,
            text=options.text,
            text_model=text_model,
            text_threshold=options.text_threshold,
            checkpoint=_checkpoint(options.checkpoint),
            device=options.device,
            mode=options.mode,
            **_prompts(options.prompts, name),
        )
        for given, source, name in zip(
            options.recordings, sources, unique_names(sources), strict=True
        )
    ]


def _prompts(given: str | None, name: str) -> dict[str, Any]:
    """Return the fields of a job that say where its file of prompts is."""
    if given is None:
        return {}
    if is_url(given):
        one = name_of(given).endswith(('.yaml', '.yml'))
        return {'prompts_url': given if one else f'{given.rstrip("/")}/{name}.yaml'}
    path = expanded(given).resolve()
    return {'prompts': path / f'{name}.yaml' if path.is_dir() else path}


def _checkpoint(name: str) -> str:
    """Return a known name as it is, and the path of a file from the root."""
    path = expanded(name)
    return str(path.resolve()) if name not in KNOWN_CHECKPOINTS and path.exists() else name


def _first(options: argparse.Namespace) -> ObjectPrompts | None:
    """Return the prompt of the options, for the first image."""
    from sam_tracker.core.prompt import NEGATIVE, POSITIVE, Prompt, PromptError, checked_label
    from sam_tracker.image_files import ImageFileError, read_mask
    from sam_tracker.labelling.prompts import ObjectPrompts
    from sam_tracker.labelling.recording import LabellingError

    if not has_prompt(options):
        return None
    positive, negative = options.point, options.negative_point
    try:
        prompt = Prompt(
            points=np.array([*positive, *negative], np.float64),
            labels=np.array([POSITIVE] * len(positive) + [NEGATIVE] * len(negative), np.int64),
            box=None if options.box is None else np.array(options.box),
            mask=None if options.mask is None else read_mask(expanded(options.mask)) != 0,
        )
        return ObjectPrompts(checked_label(options.label)).added(0, prompt)
    except (PromptError, ImageFileError) as error:
        raise LabellingError(str(error)) from error


def _bar(name: str) -> Callable[[str, int, int | None], None]:
    """Return what shows the progress of one recording; a bar with the time left on a terminal."""
    bar: tqdm | None = None
    shown = ''

    def report(what: str, done: int, total: int | None) -> None:
        nonlocal bar, shown
        if bar is None or what != shown:
            if bar is not None:
                bar.close()
            # On a terminal only.
            bar, shown = tqdm(desc=f'{name}: {what}', unit=' frames', disable=None), what
        bar.total = total
        bar.update(done - bar.n)

    return report


def _counted(attempts: Iterator[Attempt], count: int) -> Iterator[Attempt]:
    """Show how many recordings are done; on a terminal only."""
    yield from tqdm(attempts, total=count, unit=' recordings', disable=None)


def _fail(problem: str, status: int = 1) -> int:
    sys.stderr.write(f'{PROGRAM}: {problem}\n')
    return status


if __name__ == '__main__':
    sys.exit(main())
