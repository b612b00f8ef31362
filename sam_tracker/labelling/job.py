# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One recording from its file to its labels: the unit of work of a fleet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sam_tracker.core.paths import missing
from sam_tracker.labelling.bag_prompts import recorded_prompts
from sam_tracker.labelling.bag_recording import BagRecording
from sam_tracker.labelling.corrections import corrections
from sam_tracker.labelling.exports.export import Exported
from sam_tracker.labelling.exports.registry import EXPORTS
from sam_tracker.labelling.file_recordings import FolderRecording, VideoRecording
from sam_tracker.labelling.first_image import all_objects, named_objects
from sam_tracker.labelling.instructions import Instructions
from sam_tracker.labelling.labeller import Labeller, Propagated
from sam_tracker.labelling.open_bag import OpenBag, is_bag
from sam_tracker.labelling.project import Project, Review, load_project
from sam_tracker.labelling.project_lock import ProjectLock
from sam_tracker.labelling.prompts import ObjectPrompts, Prompts, Timeline, read_prompts
from sam_tracker.labelling.recording import LabellingError, Recording
from sam_tracker.labelling.recording_index import IndexFile
from sam_tracker.labelling.storage import SCRATCH
from sam_tracker.labelling.urls import is_url, public_url
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.weights.catalogue import DEFAULT_CHECKPOINT
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import DEFAULT_MODE, TrackerSettings

Report = Callable[[str, int, int | None], None]
"""Called with what is being done, how many frames of it are done, and how many there are."""


@dataclass(frozen=True, eq=False)
class Job:
    """What to do with one recording."""

    source: Path
    name: str
    """Unique among the recordings of a run."""
    folder: Path
    """Of all recordings; the project is in ``recordings/NAME``."""
    topic: str | None = None
    prompts: Path | None = None
    """File of prompts; None: ``first``, or what is in the project already."""
    first: ObjectPrompts | None = None
    """Prompts for one object, by the number of the frame."""
    everything: bool = False
    """Find all objects of the first image."""
    text: str | None = None
    """Find the objects of the first image that it names, such as ``mug. screwdriver.``."""
    text_model: Path | None = None
    """Folder of a detector, as ``TextGrounder`` takes it; with ``text``."""
    text_threshold: float = 0.2
    """Lowest score of a detection, 0 to 1."""
    bag_prompts: str | None = None
    """Topic of prompts or detections in the bag itself; empty: the only one. None: not used."""
    minimum_score: float = 0.5
    """Of a recorded detection, 0 to 1; with ``bag_prompts``."""
    checkpoint: str = DEFAULT_CHECKPOINT
    device: str = 'auto'
    mode: str = DEFAULT_MODE
    """One of ``tracking.settings.MODES``; sam2 propagates whole recordings as SAM 2 does."""

    source_url: str = ''
    """Of the recording, if it is on other storage; ``source`` is its copy, see ``staging``."""
    prompts_url: str = ''
    """Of the file of prompts, likewise."""
    folder_url: str = ''
    """Of the folder of all recordings, likewise."""
    scratch: Path = SCRATCH
    """Folder for copies of what is on other storage."""

    @property
    def origin(self) -> str:
        """Path of the recording, or its URL as ``public_url`` returns it."""
        return public_url(self.source_url) or str(self.source.resolve())

    @property
    def index(self) -> Path | None:
        """Path of the index; None: a copy is made for each run, and has another time of change."""
        return None if self.source_url else self.project_folder / 'work' / 'recording.index'

    @property
    def project_folder(self) -> Path:
        """Folder of the project."""
        return self.folder / 'recordings' / self.name


@dataclass(frozen=True)
class Outcome:
    """Result of a job."""

    images: int
    objects: int
    frames: int
    """Propagated now, in both directions together."""
    problems: Sequence[str]


def open_recording(
    source: Path, topic: str | None, report: Report, kept: Path | None = None
) -> Recording:
    """
    Open a recording of any kind, and read it once.

    :param kept: file with the result of an earlier pass, which is not repeated while the recording
        stays what it is; written by the first that can read everything.
    :raises LabellingError: it cannot be read.
    """

    def progress(done: int, total: int | None) -> None:
        report('reading', done, total)

    if reason := missing(source):
        raise LabellingError(f'recording {str(source)!r} {reason}')
    if not source.is_dir() and not source.is_file():
        # Opening a pipe would wait for ever.
        raise LabellingError(f'recording {str(source)!r} is no file and no folder')
    try:
        file = None if kept is None else IndexFile(kept, source, topic)
        index = None if file is None else file.read()
        recording: BagRecording | FolderRecording | VideoRecording
        if is_bag(source):
            recording = BagRecording(OpenBag(source), topic, progress, index)
        elif source.is_dir():
            recording = FolderRecording(source, progress, index)
        elif source.suffix == '.bag':
            raise LabellingError(f'{str(source)!r} is a bag of ROS 1: try rosbags-convert')
        else:
            recording = VideoRecording(source, progress, index)
    except OSError as error:
        raise LabellingError(f'recording {str(source)!r} cannot be read: {error}') from error
    # What could not be read now, such as a file on a network that failed, may be readable later.
    if file is not None and index is None and not recording.index.problems:
        # Without the file the next run repeats the pass.
        with suppress(OSError):
            file.write(recording.index)
    return recording


def label_recording(job: Job, report: Report) -> Outcome:
    """
    Label a recording, or go on where an earlier call was stopped.

    :raises LabellingError: recording or prompts cannot be used, or another run or review uses the
        project.
    :raises CheckpointError: the weights cannot be loaded.
    """
    try:
        job.project_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabellingError(f'{error.filename}: {error.strerror}') from error
    with closing(ProjectLock(job.project_folder)):
        return _label(job, report)


def _label(job: Job, report: Report) -> Outcome:
    """Label a recording whose project is locked."""
    before = load_project(job.project_folder)
    if before is not None:
        _check_source(job, before)
    recording = open_recording(job.source, job.topic, report, job.index)
    try:
        runtime = choose_runtime(job.device)
        network = runtime.place(load_network(job.checkpoint))
        settings = TrackerSettings.for_network(network.suited_settings, job.mode)
        received = recording.received if isinstance(recording, BagRecording) else ()
        labeller = Labeller(
            recording,
            job.project_folder,
            network,
            settings,
            runtime,
            whole=job.mode == 'sam2',
            received=received,
        )
        told = _instructions(job, recording, labeller.times, before, network)
        problems = (*labeller.problems, *(() if told is None else told.problems))

        def label(prompts: Prompts) -> Propagated:
            """Save the project with these prompts, and label."""
            Project(
                source=job.origin,
                topic=job.topic,
                checkpoint=job.checkpoint,
                mode=job.mode,
                prompts=prompts,
                reviews={} if before is None else _standing_reviews(job, before, prompts),
                seconds_spent=0.0 if before is None else before.seconds_spent,
                problems=problems,
                images=len(recording.images),
            ).save(job.project_folder)
            return labeller.label(prompts, lambda now, total: report('labelling', now, total))

        known: Prompts = {} if before is None else before.prompts
        frames = 0
        if told is None:
            prompts = known
        else:
            if not told.corrections_are_in(known):
                # They correct labels, which must exist first.
                known = corrections(job.project_folder, known, told.alone)
                frames = label(known).frames
            prompts = corrections(job.project_folder, known, told.prompts)
        frames += label(prompts).frames
        return Outcome(len(recording.images), len(prompts), frames, problems)
    except OSError as error:
        raise LabellingError(
            f'{error.filename or job.folder}: {error.strerror or error}'
        ) from error
    finally:
        recording.close()


def export_recording(
    job: Job, formats: Sequence[str], categories: Sequence[str], verified: bool, report: Report
) -> None:
    """
    Write the labels of a recording in some formats.

    :param formats: keys of ``EXPORTS``.
    :param categories: labels of all recordings of the run.
    :param verified: write accepted objects alone.
    :raises LabellingError: the recording is not labelled, or a file cannot be written.
    """
    project = load_project(job.project_folder)
    if project is None:
        raise LabellingError(f'{job.name} is not labelled: {str(job.project_folder)!r} is missing')
    recording = open_recording(job.source, job.topic, report, job.index)
    try:
        labels = project.labels(job.project_folder, verified)
        exported = Exported(job.name, recording, labels, categories)
        for number, name in enumerate(formats):
            report(f'writing {name}', number, len(formats))
            EXPORTS[name](exported, job.folder / name)
    except OSError as error:
        raise LabellingError(
            f'{error.filename or job.folder}: {error.strerror or error}'
        ) from error
    finally:
        recording.close()


def _check_source(job: Job, before: Project) -> None:
    """
    Check that a project is of the recording of a job; one that was moved is taken as the same.

    :raises LabellingError: it is of another.
    """
    there = is_url(before.source) or Path(before.source).exists()
    if before.source != job.origin and there:
        raise LabellingError(
            f'recordings/{job.name} has the labels of {before.source!r}, not of {job.origin!r}:'
            ' use another -o'
        )


def _standing_reviews(job: Job, before: Project, prompts: Prompts) -> dict[int, Review]:
    """Return the reviews of objects whose labels have not changed."""
    if (before.checkpoint, before.mode) != (job.checkpoint, job.mode):
        return {}

    def digests(of: Prompts, object_id: int) -> dict[int, str]:
        each = of.get(object_id, ObjectPrompts())
        return {frame: each.digest(frame) for frame in each.by_frame}

    return {
        object_id: review
        for object_id, review in before.reviews.items()
        if digests(before.prompts, object_id) == digests(prompts, object_id)
    }


def _instructions(
    job: Job,
    recording: Recording,
    ascending: Sequence[int],
    before: Project | None,
    network: VideoNetwork,
) -> Instructions | None:
    """Return the prompts of the file, the options or the bag; None: keep those of the project."""
    prompts: Prompts
    if job.prompts is not None:
        stamps = [image.stamp for image in recording.images]
        prompts = read_prompts(job.prompts, Timeline(stamps, ascending))
    elif job.first is not None:
        prompts = {1: job.first}
    elif job.text is not None and job.text_model is not None:
        prompts = named_objects(
            recording, job.text, job.text_model, job.text_threshold, job.device
        )
    elif job.bag_prompts is not None:
        if not isinstance(recording, BagRecording):
            raise LabellingError(
                f'{str(job.source)!r} is no bag, so no prompts are recorded in it'
            )
        return recorded_prompts(recording, job.bag_prompts or None, job.minimum_score)
    elif before is not None and before.prompts:
        return None
    elif job.everything:
        prompts = all_objects(recording, network)
    else:
        raise LabellingError(
            f'nothing says what to label in {job.name}: give --prompts, --box or --text'
        )
    return Instructions(prompts)
