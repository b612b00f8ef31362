# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Many recordings: each labelled once, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
from pathlib import Path

from sam_tracker.labelling.job import Job, Report, export_recording, label_recording
from sam_tracker.labelling.project import load_project
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.networks.weights.catalogue import CheckpointError

MANIFEST = 'manifest.json'


def unique_names(sources: Sequence[Path]) -> list[str]:
    """
    Return a name for each recording: that of its file, with that of its folder where two agree.

    :raises LabellingError: two are the same recording.
    """
    resolved = [source.resolve() for source in sources]
    if len(set(resolved)) < len(resolved):
        twice = next(str(each) for each in resolved if resolved.count(each) > 1)
        raise LabellingError(f'recording {twice!r} is named twice')
    names = [path.stem for path in resolved]
    depth = 1
    while len(set(names)) < len(names):
        depth += 1
        names = [
            '_'.join((*path.parts[1:-1], path.stem)[-depth:]) if names.count(name) > 1 else name
            for path, name in zip(resolved, names, strict=True)
        ]
        if depth > max(len(path.parts) for path in resolved):
            # Such as clip.mp4 beside clip.avi.
            names = [path.name.replace('.', '_') for path in resolved]
            break
    return names


def label_all(jobs: Sequence[Job], reports: Callable[[str], Report]) -> dict[str, str]:
    """
    Label recordings one after the other.

    :param reports: makes what is told of the progress of a recording, from its name.
    :returns: what went wrong, by name of the recording.
    """
    failed = {}
    for job in jobs:
        entry = attempted(job, reports(job.name))
        _record(job, entry)
        if 'error' in entry:
            failed[job.name] = str(entry['error'])
    return failed


def attempted(job: Job, report: Report) -> dict[str, object]:
    """Label a recording and return its entry of the manifest, whether that worked or not."""
    try:
        outcome = label_recording(job, report)
    except (LabellingError, CheckpointError, ValueError) as error:
        return {'state': 'failed', 'error': str(error)}
    return {
        'state': 'labelled',
        'images': outcome.images,
        'objects': outcome.objects,
        'problems': list(outcome.problems),
    }


def finish(
    jobs: Sequence[Job], formats: Sequence[str], verified: bool, reports: Callable[[str], Report]
) -> None:
    """
    Write all formats, with the same numbers for the same labels in all recordings.

    :param verified: write accepted objects alone.
    :raises LabellingError: a file cannot be written.
    """
    categories: set[str] = set()
    for job in jobs:
        project = load_project(job.project_folder)
        if project is not None:
            categories |= set(project.labels(job.project_folder, verified).categories)
    for job in jobs:
        export_recording(job, formats, sorted(categories), verified, reports(job.name))


def _record(job: Job, entry: dict[str, object]) -> None:
    """Write the state of a recording into the manifest, all or nothing."""
    path = job.folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        manifest = {}
    manifest[job.name] = {'source': str(job.source.resolve()), **entry}
    job.folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix('.part')
    part.write_text(
        json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + '\n', encoding='utf-8'
    )
    part.replace(path)
