# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One labelled recording under review: the state of the page, and corrections."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
import json
from pathlib import Path
import time
from typing import Any

import cv2

from sam_tracker.core.prompt import NEGATIVE, POSITIVE, Prompt, PromptError
from sam_tracker.labelling.bag_recording import BagRecording
from sam_tracker.labelling.doubtful import doubtful_stretches
from sam_tracker.labelling.exports.overlay import drawn
from sam_tracker.labelling.job import Job, export_recording, open_recording
from sam_tracker.labelling.labelled_track import Stage
from sam_tracker.labelling.labeller import Labeller
from sam_tracker.labelling.labels import LabelledImage
from sam_tracker.labelling.project import Project, Review, load_project
from sam_tracker.labelling.project_lock import ProjectLock
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.rendering import object_colour
from sam_tracker.tracking.settings import TrackerSettings

COLUMNS = 1000
"""Columns of the timeline at most."""
MOST_STRETCHES = 100
IDLE_SECONDS = 60.0
"""A longer pause is not counted as time spent."""


class ReviewSession:
    """Shows and changes the labels of one recording. Not thread-safe."""

    def __init__(self, folder: Path, name: str, device: str = 'auto') -> None:
        """
        Open a recording that is labelled, with the weights that it was labelled with.

        :param folder: that the recording was labelled into.
        :param name: of the recording.
        :raises LabellingError: it is not labelled, its file has gone, or a run or another review
            uses it.
        :raises CheckpointError: the weights cannot be loaded.
        """
        project_folder = folder / 'recordings' / name
        if load_project(project_folder) is None:
            raise LabellingError(f'{str(project_folder)!r} has no labels to review')
        with ExitStack() as stack:
            stack.enter_context(closing(ProjectLock(project_folder)))
            self._open(folder, name, device, stack)
            self._closing = stack.pop_all()

    def _open(self, folder: Path, name: str, device: str, stack: ExitStack) -> None:
        """
        Open the recording of a project that is locked.

        :param stack: closes it.
        """
        project_folder = folder / 'recordings' / name
        project = load_project(project_folder)
        assert project is not None
        self._project, self._folder = project, project_folder
        self._job = Job(
            source=Path(project.source),
            name=name,
            folder=folder,
            topic=project.topic,
            checkpoint=project.checkpoint,
            device=device,
            mode=project.mode,
        )
        recording = open_recording(
            self._job.source, project.topic, lambda *_: None, self._job.index
        )
        stack.callback(recording.close)
        self._recording = recording
        runtime = choose_runtime(device)
        network = runtime.place(load_network(project.checkpoint))
        self._labeller = Labeller(
            recording,
            project_folder,
            network,
            TrackerSettings.for_network(network.suited_settings, project.mode),
            runtime,
            whole=project.mode == 'sam2',
            received=recording.received if isinstance(recording, BagRecording) else (),
        )
        stack.callback(self._labeller.close)
        self._seen = time.monotonic()
        self._images: list[LabelledImage] = []
        self._read()

    def state(self) -> dict[str, Any]:
        """Return what the page needs to draw everything but the image."""
        self._spend()
        labels, project = self._all_labels(), self._project
        columns = min(len(self._images), COLUMNS)
        ids = sorted(project.prompts)
        every_stage = {key: dict.fromkeys((each.value for each in Stage), 0) for key in ids}
        # Lists: an element of an array takes several times as long.
        every_doubt, every_confidence = ({key: [0.0] * columns for key in ids} for _ in range(2))
        for image in self._images:
            column = image.number * columns // len(self._images)
            for track in image.tracks:
                key = track.object_id
                every_stage[key][track.stage.value] += 1
                doubt, confidence = every_doubt[key], every_confidence[key]
                doubt[column] = max(doubt[column], track.doubt)
                confidence[column] = max(confidence[column], track.confidence)
        objects = []
        for object_id in ids:
            blue, green, red = object_colour(object_id)
            objects.append(
                {
                    'id': object_id,
                    'label': labels.category(object_id),
                    'review': project.review(object_id).value,
                    'colour': f'rgb({red},{green},{blue})',
                    'stages': every_stage[object_id],
                    'doubt': [round(value, 3) for value in every_doubt[object_id]],
                    'confidence': [round(value, 3) for value in every_confidence[object_id]],
                }
            )
        return {
            'name': self._job.name,
            'images': len(self._images),
            'objects': objects,
            'doubtful': [
                {'object': each.object_id, 'first': each.first, 'last': each.last,
                 'worst': each.worst, 'doubt': each.doubt}
                for each in doubtful_stretches(self._images)[:MOST_STRETCHES]
            ],
            'minutes': round(project.seconds_spent / 60, 1),
            'problems': list(project.problems),
        }  # fmt: skip

    def picture(self, number: int) -> bytes:
        """
        Return an image with its labels as a JPEG file.

        :raises LabellingError: there is no such image.
        """
        image = self._image(number)
        (rgb,) = self._recording.read(number, number + 1)
        _, data = cv2.imencode('.jpg', drawn(rgb, image, self._all_labels()))
        return data.tobytes()

    def correct(self, request: dict[str, Any]) -> None:
        """
        Correct the label of an object on one image, and propagate that.

        :param request: ``object`` and ``image``; ``points`` and ``negative``, lists of x and y;
            ``box``, x_min, y_min, x_max and y_max, or null.
        :raises LabellingError: the request makes no sense, or the answer contradicts it; nothing
            changes.
        """
        number, object_id = request.get('image'), request.get('object')
        image = self._image(number)
        track = next((each for each in image.tracks if each.object_id == object_id), None)
        if track is None or isinstance(object_id, bool) or not isinstance(object_id, int):
            raise LabellingError(f'there is no object {object_id!r}')
        positive, negative = request.get('points') or [], request.get('negative') or []
        try:
            points: Any = [*positive, *negative]
            labels: Any = [POSITIVE] * len(positive) + [NEGATIVE] * len(negative)
            prompt = Prompt(points=points, labels=labels, box=request.get('box'))
            prompt.validate(image.width, image.height, refining=True)
        except (PromptError, TypeError) as error:
            raise LabellingError(str(error)) from error
        prompts = dict(self._project.prompts)
        prompts[object_id] = prompts[object_id].reviewed(
            image.number, prompt, track.mask, track.visible
        )
        self._labeller.label(prompts)
        # What was accepted has changed.
        reviews = {**self._project.reviews, object_id: Review.OPEN}
        self._save(replace(self._project, prompts=prompts, reviews=reviews))
        self._read()

    def decide(self, request: dict[str, Any]) -> None:
        """
        Accept or reject the labels of an object.

        :param request: ``object``, and ``review``, a value of ``Review``.
        :raises LabellingError: there is no such object, or no such decision.
        """
        object_id = request.get('object')
        if (
            isinstance(object_id, bool)
            or not isinstance(object_id, int)
            or object_id not in self._project.prompts
        ):
            raise LabellingError(f'there is no object {object_id!r}')
        try:
            review = Review(request.get('review'))
        except ValueError as error:
            raise LabellingError(str(error)) from error
        self._save(replace(self._project, reviews={**self._project.reviews, object_id: review}))

    def export(self, formats: list[str]) -> None:
        """
        Write the accepted labels.

        :raises LabellingError: a file cannot be written.
        """
        verified = self._project.labels(self._folder, verified=True)
        export_recording(self._job, formats, verified.categories, True, lambda *_: None)

    def close(self) -> None:
        """Write the time spent, and close the recording."""
        with self._closing:
            self._spend()
            self._save(self._project)

    def _all_labels(self) -> Any:  # noqa: ANN401
        names = {object_id: each.label for object_id, each in self._project.prompts.items()}
        return replace(self._project.labels(self._folder), names=names)

    def _image(self, number: object) -> LabelledImage:
        if (
            isinstance(number, bool)
            or not isinstance(number, int)
            or not 0 <= number < len(self._images)
        ):
            raise LabellingError(f'there is no image {number!r}; there are {len(self._images)}')
        return self._images[number]

    def _read(self) -> None:
        self._images = list(self._all_labels().images())

    def _spend(self) -> None:
        now = time.monotonic()
        spent = min(now - self._seen, IDLE_SECONDS)
        self._seen = now
        seconds = self._project.seconds_spent + spent
        self._project = replace(self._project, seconds_spent=seconds)

    def _save(self, project: Project) -> None:
        try:
            project.save(self._folder)
        except OSError as error:
            raise LabellingError(f'{str(self._folder)!r} cannot be written: {error}') from error
        self._project = project


def request_of(body: bytes) -> dict[str, Any]:
    """
    Read the JSON object of a request.

    :raises LabellingError: it is none.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise LabellingError(f'the request is no JSON: {error}') from error
    if not isinstance(request, dict):
        raise LabellingError('the request is no JSON object')
    return request
