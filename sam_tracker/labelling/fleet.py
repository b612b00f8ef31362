# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Labels many recordings; a failure of one does not affect the others.

A pool takes one recording after the other: this process, some processes of this machine, or a Ray
cluster. A recording whose process is killed is taken again, and resumes where it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
import json
import multiprocessing
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
import os
from pathlib import Path

import torch

from sam_tracker.core.paths import has_utf8_name
from sam_tracker.labelling.exports.export import locked, replacing
from sam_tracker.labelling.exports.registry import SHARED_FILES, SHARED_FOLDERS
from sam_tracker.labelling.job import Job, Report, export_recording, label_recording
from sam_tracker.labelling.project import PROJECT, load_project
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.labelling.staging import staged, staged_for_export
from sam_tracker.labelling.storage import Mirror
from sam_tracker.networks.weights.catalogue import CheckpointError

MANIFEST = 'manifest.json'


def unique_names(sources: Sequence[Path]) -> list[str]:
    """
    Return a name for each recording: that of its file, with that of its folder where two agree.

    :raises LabellingError: two are the same recording, or one has a name that is not UTF-8, which
        labels and their formats cannot hold.
    """
    resolved = [source.resolve() for source in sources]
    for path in resolved:
        if not has_utf8_name(path):
            raise LabellingError(f'the name of the recording {str(path)!r} is not UTF-8')
    if len(set(resolved)) < len(resolved):
        twice = next(str(each) for each in resolved if resolved.count(each) > 1)
        raise LabellingError(f'recording {twice!r} is named twice')
    stems = [path.stem for path in resolved]
    # Such as clip.mp4 beside clip.avi.
    whole = [path.name.replace('.', '_') for path in resolved]
    for ends in (stems, whole):
        names = _with_folders(resolved, ends)
        if len(set(names)) == len(names):
            return names
    # Such as a_b/clip.mp4 beside a/b_clip.mp4.
    return [f'{number}_{name}' for number, name in enumerate(stems, 1)]


def _with_folders(paths: Sequence[Path], ends: Sequence[str]) -> list[str]:
    """Return names that end as given, with as many folders before them as tell them apart."""
    names = list(ends)
    for depth in range(2, max(len(path.parts) for path in paths) + 1):
        names = [
            '_'.join((*path.parts[1:-1], end)[-depth:]) if names.count(name) > 1 else name
            for path, end, name in zip(paths, ends, names, strict=True)
        ]
    return names


Attempt = tuple[Job, dict[str, object]]
"""A job and its entry of the manifest."""
Work = Callable[[Job], dict[str, object]]
"""
What another process does with a job: it can be pickled, and returns an entry, with the field
``error`` if something went wrong.
"""
Pool = Callable[[Sequence[Job], Work], Iterator[Attempt]]
"""Has other processes do some work, in any order: ``in_processes`` or ``ray_pool.on_ray``."""


def label_all(attempts: Iterable[Attempt], mirror: Mirror | None = None) -> dict[str, str]:
    """
    Record the results of a pool in the manifest as they arrive.

    :param attempts: of ``in_this_process``, ``in_processes`` or ``ray_pool.on_ray``.
    :param mirror: of the output folder, if that is on other storage.
    :returns: what went wrong, by name of the recording.
    :raises LabellingError: the manifest cannot be written to other storage, or another file has
        its name.
    """
    failed = {}
    for job, entry in attempts:
        if mirror is not None:
            # Other machines record theirs.
            mirror.pull_again(MANIFEST)
        _record(job, entry)
        if mirror is not None:
            mirror.push(MANIFEST)
        if 'error' in entry:
            failed[job.name] = str(entry['error'])
    return failed


def in_this_process(jobs: Sequence[Job], reports: Callable[[str], Report]) -> Iterator[Attempt]:
    """
    Label recordings one after the other.

    :param reports: returns the progress callback of a recording, by its name.
    """
    for job in jobs:
        yield job, attempted(job, reports(job.name))


def in_processes(jobs: Sequence[Job], work: Work, workers: int) -> Iterator[Attempt]:
    """
    Label or export recordings in several processes of this machine.

    Each recording has a process of its own, so that one that is killed does not affect the others.

    :param work: ``labelled``, or the export of a recording.
    :param workers: processes at once.
    """
    context = multiprocessing.get_context('spawn')
    # torch would use every core in each process.
    threads = max((os.cpu_count() or 1) // workers, 1)
    waiting = deque((job, MOST_TRIES) for job in jobs)
    running: dict[object, _Running] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job, tries = waiting.popleft()
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_in_process, args=(job, sender, threads, work))
                process.start()
                sender.close()
                running[receiver] = _Running(job, tries - 1, process, receiver)
            # Ready with a result, or because the process was killed. A process cannot end before a
            # long result is read.
            for ready in wait([each.receiver for each in running.values()]):
                ended = running.pop(ready)
                entry = ended.entry()
                if entry is None and ended.tries:
                    waiting.append((ended.job, ended.tries))
                else:
                    code = ended.process.exitcode
                    error = f'its process died {MOST_TRIES} times (exit code {code})'
                    yield ended.job, entry or {'state': 'failed', 'error': error}
    finally:
        for each in running.values():
            each.process.terminate()
        for each in running.values():
            each.process.join()


MOST_TRIES = 3
"""Attempts at a recording whose process is killed."""


@dataclass(frozen=True)
class _Running:
    """A process that labels a recording."""

    job: Job
    tries: int
    """Attempts that are left."""
    process: SpawnProcess
    receiver: Connection

    def entry(self) -> dict[str, object] | None:
        """Return what the process sent, and wait for its end; None: it was killed."""
        found: dict[str, object] | None = None
        # OSError: it was killed while it sent.
        with self.receiver, suppress(EOFError, OSError):
            found = self.receiver.recv()
        self.process.join()
        return found


def _in_process(job: Job, sender: Connection, threads: int, work: Work) -> None:
    torch.set_num_threads(threads)
    sender.send(work(job))
    sender.close()


def _silent(*_: object) -> None:
    """Report nothing."""


def labelled(job: Job) -> dict[str, object]:
    """Label a recording as ``attempted`` does, and report nothing."""
    return attempted(job, _silent)


def attempted(job: Job, report: Report) -> dict[str, object]:
    """Label a recording and return its entry of the manifest, whether that worked or not."""
    try:
        with staged(job, report) as (local, told):
            outcome = label_recording(local, told)
    except (LabellingError, CheckpointError, ValueError) as error:
        return {'state': 'failed', 'error': str(error)}
    except Exception as error:
        # A defect that one recording shows does not affect the others.
        return {'state': 'failed', 'error': f'{type(error).__name__}: {error}'}
    return {
        'state': 'labelled',
        'images': outcome.images,
        'objects': outcome.objects,
        'problems': list(outcome.problems),
    }


def finish(
    jobs: Sequence[Job],
    formats: Sequence[str],
    verified: bool,
    reports: Callable[[str], Report],
    mirror: Mirror | None = None,
    pool: Pool | None = None,
) -> dict[str, str]:
    """
    Write all formats, with the same numbers for the same labels in all recordings.

    :param verified: write accepted objects alone.
    :param mirror: of the output folder, if that is on other storage; then one recording is written
        after the other.
    :param pool: writes several recordings at once; not to other storage.
    :returns: what went wrong, by name of the recording.
    :raises LabellingError: a project cannot be read.
    """
    categories: set[str] = set()
    for job in jobs:
        if mirror is not None:
            mirror.pull(f'recordings/{job.name}/{PROJECT}')
        project = load_project(job.project_folder)
        if project is not None:
            categories |= set(project.labels(job.project_folder, verified).categories)
    listed = sorted(categories)
    if pool is not None and mirror is None:
        work = partial(_export_quietly, formats=formats, categories=listed, verified=verified)
        done = dict(pool(jobs, work))
        return {job.name: str(done[job]['error']) for job in jobs if done[job].get('error')}
    failed = {}
    for job in jobs:
        problem = _export(job, formats, listed, verified, reports(job.name), mirror)
        if problem:
            failed[job.name] = problem
    return failed


def _export_quietly(
    job: Job, formats: Sequence[str], categories: Sequence[str], verified: bool
) -> dict[str, object]:
    """Write one recording, and return what went wrong."""
    return {'error': _export(job, formats, categories, verified, _silent, None)}


def _export(
    job: Job,
    formats: Sequence[str],
    categories: Sequence[str],
    verified: bool,
    report: Report,
    mirror: Mirror | None,
) -> str:
    """Write one recording, and return what went wrong; empty: nothing."""
    try:
        with staged_for_export(job, mirror) as local:
            if mirror is not None:
                for name in SHARED_FILES:
                    mirror.pull_again(name)
                for name in SHARED_FOLDERS:
                    mirror.make_folders(name)
            export_recording(local, formats, categories, verified, report)
        if mirror is not None:
            for name in formats:
                mirror.push(name)
                mirror.forget(name, SHARED_FILES)
    except LabellingError as error:
        return str(error)
    except Exception as error:
        return f'{type(error).__name__}: {error}'
    return ''


def _record(job: Job, entry: dict[str, object]) -> None:
    """
    Write the state of a recording into the manifest, all or nothing.

    :raises LabellingError: there is another file of its name.
    """
    path = job.folder / MANIFEST
    job.folder.mkdir(parents=True, exist_ok=True)
    # Another run may label other recordings into the folder.
    with locked(job.folder):
        manifest = read_manifest(path)
        manifest[job.name] = {'source': job.origin, **entry}
        text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + '\n'
        with replacing(path) as file:
            file.write(text.encode())


def read_manifest(path: Path) -> dict[str, object]:
    """
    Read a manifest; it is empty if there is no file.

    :raises LabellingError: the file is no manifest.
    """
    try:
        manifest = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise LabellingError(f'{str(path)!r} cannot be read: {error}') from error
    entries = manifest.values() if isinstance(manifest, dict) else [None]
    if not all(isinstance(each, dict) for each in entries):
        raise LabellingError(f'{str(path)!r} is no manifest of recordings: use another -o')
    return manifest
