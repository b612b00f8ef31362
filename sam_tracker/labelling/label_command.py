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

from sam_tracker.command_line import complain, file_error, has_prompt
from sam_tracker.core.paths import expanded
from sam_tracker.core.texts import error_text, printable
from sam_tracker.labelling.label_options import PROGRAM, parse
from sam_tracker.labelling.urls import is_url, name_of, path_of, public_url
from sam_tracker.networks.weights.catalogue import KNOWN_CHECKPOINTS, CheckpointError

if TYPE_CHECKING:
    from sam_tracker.labelling.fleet import Attempt
    from sam_tracker.labelling.job import Job
    from sam_tracker.labelling.prompts import ObjectPrompts
    from sam_tracker.labelling.storage import Mirror


def main(args: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = parse(args)
    # torch takes seconds to import, so the command line is checked first.
    from sam_tracker.labelling.recording import LabellingError

    try:
        return run(options)
    except (LabellingError, CheckpointError, ValueError) as error:
        return complain(PROGRAM, error_text(error))
    except OSError as error:
        return complain(PROGRAM, file_error(error, 'output'))
    except KeyboardInterrupt:
        return complain(PROGRAM, 'interrupted; run it again to go on', status=130)


def run(options: argparse.Namespace) -> int:
    """
    Execute the command line and return the exit code.

    :raises LabellingError: nothing could be done at all.
    """
    if options.review is not None:
        return review(options)
    if options.ray is None:
        complete, summary = _in_folder(options)
    else:
        from sam_tracker.labelling.ray_pool import connected

        with connected(options.ray):
            complete, summary = _in_folder(options)
    # Not while there is a connection, which sends standard output elsewhere.
    sys.stdout.write(f'{summary}\n')
    return 0 if complete else 1


def _in_folder(options: argparse.Namespace) -> tuple[bool, str]:
    """Label into the output folder, or into a copy of it if it is on other storage."""
    if not is_url(options.output):
        return _label(options, expanded(options.output).resolve(), None)
    from sam_tracker.labelling.staging import scratch_folder
    from sam_tracker.labelling.storage import Mirror

    with scratch_folder(options.scratch) as folder:
        return _label(options, folder, Mirror(options.output, folder))


def _label(options: argparse.Namespace, folder: Path, mirror: Mirror | None) -> tuple[bool, str]:
    """
    Label all recordings, and write the formats.

    :param folder: for labels and exports.
    :param mirror: of that folder, if it is a copy of one on other storage.
    :returns: whether all of it was done, and a summary.
    """
    from sam_tracker.labelling.fleet import (
        MANIFEST,
        Pool,
        finish,
        in_processes,
        in_this_process,
        label_all,
        labelled,
        read_manifest,
    )

    jobs = _jobs(options, folder)
    # Another file of this name is found before hours of work.
    read_manifest(folder / MANIFEST)
    pool: Pool | None = None
    writers: Pool | None = None
    if options.ray is not None:
        from sam_tracker.labelling.ray_pool import on_ray

        pool = partial(on_ray, gpus=options.gpus)
        writers = partial(on_ray, gpus=0.0)
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
        complain(PROGRAM, f'{name}: {problem}')
    return not failed and not not_written, (
        f'{len(jobs) - len(failed)} of {len(jobs)} recordings labelled; written to'
        f' {printable(str(options.output))}'
    )


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
    sys.stdout.write(f'review {printable(name)} at {server.address} (Ctrl-C ends)\n')
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


if __name__ == '__main__':
    sys.exit(main())
