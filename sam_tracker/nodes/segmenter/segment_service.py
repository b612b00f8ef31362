# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The service that segments single images: by prompts, by a text, or automatically."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
import threading
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from rclpy.callback_groups import ReentrantCallbackGroup

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.prompt import Prompt
from sam_tracker.nodes.segmenter.answer_budget import AnswerBudget, AnswerTooLargeError
from sam_tracker.nodes.segmenter.request_time import RequestTime, Turns
from sam_tracker.nodes.segmenter.segment_slices import (
    Generation,
    generator_settings,
    masks_at_once,
    prompted,
)
from sam_tracker.ros.images.conversion import ImageError, rgb_image
from sam_tracker.ros.messages.segment_messages import candidate_message, prompts_of_messages
from sam_tracker.ros.process.error_log import ErrorLog
from sam_tracker.ros.process.service_answers import REFUSALS, SERVICE_QOS, answer
from sam_tracker.ros.process.worker import WorkerBusyError
from sam_tracker.segmentation.mask_generator import MaskGenerator
from sam_tracker.segmentation.text_model import GroundingError
from sam_tracker.srv import SegmentImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node
    from std_msgs.msg import Header

    from sam_tracker.nodes.segmenter.text_search import TextSearch
    from sam_tracker.ros.camera.image_buffer import ImageBuffer
    from sam_tracker.ros.parameters.segmentation import SegmentationParameters
    from sam_tracker.segmentation.image_segmenter import ImageSegmenter
    from sam_tracker.segmentation.mask_candidate import MaskCandidate

MOST_REQUESTS = 4
"""Requests in progress; further ones are refused at once."""
SERVICE_THREADS = 1
"""Threads of the executor for this service: the image of a request is decoded there."""
MODES = '0 (MODE_PROMPTS), 1 (MODE_EVERYTHING) and 2 (MODE_TEXT)'

SEARCHING = 'the text is still being searched for (the first search loads the model)'

Result = TypeVar('Result')


class RequestError(ValueError):
    """A request that cannot be met; the text names the value."""


class SegmentingSession(Protocol):
    """State of a node that can segment images."""

    @property
    def buffer(self) -> ImageBuffer:
        """The last images of the camera."""

    @property
    def segmenter(self) -> ImageSegmenter:
        """Used only by the thread that runs the slices."""

    @property
    def text_search(self) -> TextSearch: ...

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """Run long work in slices, as ``Worker.submit_slices``."""


@dataclass(frozen=True)
class _Job:
    """One request with everything it needs."""

    session: SegmentingSession
    request: SegmentImage.Request
    pixels: NDArray[np.uint8]
    parameters: SegmentationParameters
    time: RequestTime
    budget: AnswerBudget


Found = tuple['list[MaskCandidate]', int]
"""The candidates of the answer, and how many were found."""


class SegmentService:
    """
    Answers ``~/segment_image`` as long as the node lives.

    Requests take turns, slice by slice, on the thread that tracks; only one of them at a time may
    segment everything, which holds many masks. A request that cannot be met is answered with
    ``success`` false and a message that names the value.
    """

    def __init__(
        self,
        node: Node,
        running_session: Callable[[], SegmentingSession],
        settings: Callable[[], SegmentationParameters],
    ) -> None:
        """
        Create the service.

        :param running_session: returns the session; raises ``WorkerStoppedError`` when none runs.
        :param settings: returns the current parameters.
        """
        self._node = node
        self._log = node.get_logger()
        self._errors = ErrorLog(self._log)
        self._running_session = running_session
        self._settings = settings
        self._places = threading.BoundedSemaphore(MOST_REQUESTS)
        self._everything = Turns()
        self._finders: dict[int, Callable[[_Job], Awaitable[Found]]] = {
            SegmentImage.Request.MODE_PROMPTS: self._find_prompted,
            SegmentImage.Request.MODE_EVERYTHING: self._find_everything,
            SegmentImage.Request.MODE_TEXT: self._find_named,
        }
        node.create_service(
            SegmentImage,
            '~/segment_image',
            self.segment,
            qos_profile=SERVICE_QOS,
            callback_group=ReentrantCallbackGroup(),
        )

    async def segment(
        self, request: SegmentImage.Request, response: SegmentImage.Response
    ) -> SegmentImage.Response:
        """Fill in the response to a request, also to one of this node itself."""
        refusals = (*REFUSALS, RequestError, GroundingError, AnswerTooLargeError)
        return await answer(response, self._segment(request, response), self._errors, refusals)

    async def _segment(
        self, request: SegmentImage.Request, response: SegmentImage.Response
    ) -> str:
        if not self._places.acquire(blocking=False):
            raise WorkerBusyError(f'busy: {MOST_REQUESTS} requests to segment are in progress')
        try:
            start = time.monotonic()
            session = self._running_session()
            find = self._finders.get(request.mode)
            if find is None:
                raise RequestError(f'mode is {request.mode}; it must be one of {MODES}')
            header, pixels = image_of_request(request, session.buffer)
            parameters = self._settings()
            bounds = parameters.segmentation
            budget = AnswerBudget(request.max_candidates, bounds.maximum_megabytes)
            request_time = RequestTime(self._node, bounds.timeout)
            job = _Job(session, request, pixels, parameters, request_time, budget)
            candidates, count = await find(job)
        finally:
            self._places.release()
        response.header = header
        response.image_height, response.image_width = pixels.shape[:2]
        encoding = parameters.mask_encoding if request.include_masks else None
        response.candidates = [candidate_message(candidate, encoding) for candidate in candidates]
        of_all = f' of {count}' if len(candidates) < count else ''
        return f'{len(candidates)}{of_all} candidates in {time.monotonic() - start:.2f} s'

    async def _find_prompted(self, job: _Job) -> Found:
        messages = job.request.prompts
        most = job.parameters.segmentation.maximum_prompts
        if not messages:
            raise RequestError('the request has no prompts, and mode is MODE_PROMPTS')
        if len(messages) > most:
            raise RequestError(
                f'the request has {len(messages)} prompts; at most {most} are allowed '
                '(segmentation.maximum_prompts)'
            )
        height, width = job.pixels.shape[:2]
        count = masks_at_once(width, height)

        def batches() -> Iterator[list[Prompt]]:
            for start in range(0, len(messages), count):
                part = messages[start : start + count]
                yield prompts_of_messages(part, width, height, start)

        # Validate all prompts before any work; again in batches, since each may hold a mask.
        for _ in batches():
            pass
        several = job.request.multiple_candidates
        return await self._answer_prompts(job, batches(), several=several)

    async def _find_named(self, job: _Job) -> Found:
        search = job.session.text_search
        search.check(job.request.text)
        return await (self._score(job) if search.scores_masks else self._detect(job))

    async def _score(self, job: _Job) -> Found:
        """Find everything, and select what the text names."""
        everything, _ = await self._find_everything(job, AnswerBudget(0, job.budget.megabytes))
        found = await job.time.result(
            job.session.text_search.submit_masks(
                job.pixels, everything, job.request.text, job.parameters.text.threshold
            ),
            lambda: SEARCHING,
        )
        return found[: job.request.max_candidates or None], len(found)

    async def _detect(self, job: _Job) -> Found:
        """Find the boxes of what the text names, and segment by them."""
        threshold = job.parameters.text.threshold
        groundings = await job.time.result(
            job.session.text_search.submit(job.pixels, job.request.text, threshold),
            lambda: SEARCHING,
        )
        most = job.parameters.segmentation.maximum_prompts
        # The best come first; each of them has one candidate.
        most = min(job.request.max_candidates or most, most)
        prompts = [Prompt(box=grounding.box) for grounding in groundings[:most]]
        count = masks_at_once(job.pixels.shape[1], job.pixels.shape[0])
        batches = (prompts[start : start + count] for start in range(0, len(prompts), count))
        candidates, _ = await self._answer_prompts(job, batches, several=False)
        return [
            replace(candidate, prompt_index=0, label=grounding.label, text_score=grounding.score)
            for candidate in candidates
            for grounding in (groundings[candidate.prompt_index],)
        ], len(groundings)

    async def _answer_prompts(
        self, job: _Job, batches: Iterable[list[Prompt]], *, several: bool
    ) -> Found:
        slices = prompted(
            job.session.segmenter, job.pixels, batches, several=several, keep=job.budget.keep
        )
        return await job.time.result(job.session.submit_slices(slices))

    async def _find_everything(self, job: _Job, budget: AnswerBudget | None = None) -> Found:
        keep = (budget or job.budget).keep
        segmenter = job.session.segmenter
        suited = segmenter.network.suited_settings
        height, width = job.pixels.shape[:2]
        settings = generator_settings(job.parameters.everything, suited, width, height)
        generation = Generation(MaskGenerator(segmenter, settings), self._log, keep)
        async with job.time.turn(
            self._everything, 'another request for everything is in progress'
        ):
            future = job.session.submit_slices(generation.slices(job.pixels))
            return await job.time.result(future, lambda: generation.progress)


def image_of_request(
    request: SegmentImage.Request, buffer: ImageBuffer
) -> tuple[Header, NDArray[np.uint8]]:
    """
    Return the image that a request is about, [H, W, 3] RGB, and its header.

    :raises ImageError: it cannot be read.
    :raises ImageNotFoundError: the buffer has no such image.
    """
    image = request.image
    if image.height:
        return image.header, rgb_image(image, DynamicRange())
    if image.width or len(image.data):
        raise ImageError(
            f'the image of the request has height 0, but width {image.width} and '
            f'{len(image.data)} bytes of data'
        )
    received = buffer.requested(request.header)
    return received.message.header, received.rgb()
