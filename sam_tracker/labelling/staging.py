# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Local copies of one recording and its labels, where these are on other storage.

Copies are made when a recording's turn comes and removed after it, so that a machine holds as many
recordings as it labels at once. Labels are written back periodically and at the end: a run that is
killed goes on where they were written last, on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
import shutil
import tempfile
import time

from sam_tracker.core.paths import expanded
from sam_tracker.labelling.job import Job, Report
from sam_tracker.labelling.project_lock import LOCK, ProjectLock
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.labelling.storage import Mirror, downloaded

PREFIX = '.sam_tracker-scratch-'
"""Of the names of folders that are removed; no user's folder has it."""
WRITE_PERIOD = 60.0
"""Seconds from one writing back of labels to the next, at least."""
MOST_WRITING = 0.1
"""Share of the time that writing back takes at most."""
ABANDONED_AFTER = 60.0
"""Seconds after which a folder that nothing holds was left by a run that was killed."""


@contextmanager
def staged(job: Job, report: Report) -> Iterator[tuple[Job, Report]]:
    """
    Yield a job all of whose files are on this machine, and its progress callback.

    :raises LabellingError: something cannot be copied, or the labels cannot be written back.
    """
    if not (job.source_url or job.prompts_url or job.folder_url):
        yield job, report
        return
    with scratch_folder(job.scratch) as folder:
        local = _with_local_sources(job, folder)
        if not job.folder_url:
            yield local, report
            return
        mirror = Mirror(job.folder_url, folder / 'labels')
        under = f'recordings/{job.name}'
        mirror.pull(under)
        try:
            yield replace(local, folder=mirror.local), _WritingBack(report, mirror, under)
        finally:
            mirror.push(under)


@contextmanager
def staged_for_export(job: Job, mirror: Mirror | None) -> Iterator[Job]:
    """
    Yield a job whose recording and labels are on this machine.

    :param mirror: of the output folder, if that is on other storage.
    :raises LabellingError: something cannot be copied.
    """
    if mirror is not None:
        mirror.pull(f'recordings/{job.name}', without=f'recordings/{job.name}/work')
    if not job.source_url:
        yield job
        return
    with scratch_folder(job.scratch) as folder:
        yield replace(job, source=downloaded(job.source_url, folder / 'source'))


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """
    Make a folder, and remove it afterwards; also those that killed processes have left.

    :param parent: of the folder; created.
    :raises LabellingError: it cannot be written.
    """
    parent = expanded(parent)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        temporary = tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent)
    except OSError as error:
        raise LabellingError(f'{str(parent)!r} cannot be written: {error.strerror}') from error
    with temporary as name, closing(ProjectLock(Path(name))):
        yield Path(name)


def _with_local_sources(job: Job, folder: Path) -> Job:
    if job.source_url:
        job = replace(job, source=downloaded(job.source_url, folder / 'source'))
    if job.prompts_url:
        job = replace(job, prompts=downloaded(job.prompts_url, folder / 'prompts'))
    return job


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(f'{PREFIX}*'):
        # It is held by its process, or was just made, or another process removes it too.
        with suppress(LabellingError, OSError):
            old = time.time() - path.stat().st_mtime > ABANDONED_AFTER
            # Taking the lock of a folder that is not ours would make it look like ours.
            if old and (path / LOCK).is_file():
                with closing(ProjectLock(path)):
                    shutil.rmtree(path)


class _WritingBack:
    """A report that also writes labels back, when no file is being changed."""

    def __init__(self, report: Report, mirror: Mirror, under: str) -> None:
        self._report, self._mirror, self._under = report, mirror, under
        self._due = time.monotonic() + WRITE_PERIOD

    def __call__(self, what: str, done: int, total: int | None) -> None:
        self._report(what, done, total)
        start = time.monotonic()
        if start < self._due:
            return
        # What failed now is written the next time, or at the end, where an error counts.
        with suppress(LabellingError):
            self._mirror.push(self._under)
        end = time.monotonic()
        self._due = end + max(WRITE_PERIOD, (end - start) / MOST_WRITING)
