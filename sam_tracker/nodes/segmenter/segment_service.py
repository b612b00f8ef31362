# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The service that segments single images: what prompts mean, what a text names, or everything."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import replace
import threading
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from rclpy.callback_groups import ReentrantCallbackGroup

from sam_tracker.core.prompt import Prompt
from sam_tracker.nodes.segmenter.segment_slices import (
    Generation,
    generator_settings,
    masks_at_once,
    prompted,
)
from sam_tracker.ros.images.conversion import ImageError, rgb_image
from sam_tracker.ros.messages.segment_messages import (
    candidate_message,
    most_confident,
    prompts_of_messages,
)
from sam_tracker.ros.process.service_answers import REFUSALS, NotAnsweredError, fill_in
from sam_tracker.ros.process.worker import WorkerBusyError
from sam_tracker.segmentation.mask_generator import MaskGenerator
from sam_tracker.segmentation.text_grounder import GroundingError
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
"""Requests that are worked on or wait; the next one is refused at once."""
SERVICE_THREADS = MOST_REQUESTS + 1
"""What the executor of a node needs for this service: the last one refuses."""
MOST_PROMPTS = 256
"""Prompts in one request, which bounds the answer."""
MODES = '0 (MODE_PROMPTS), 1 (MODE_EVERYTHING) and 2 (MODE_TEXT)'

Result = TypeVar('Result')


class RequestError(ValueError):
    """A request that cannot be met; the text names the value."""


class SegmentingSession(Protocol):
    """What a node has while it can segment images."""

    @property
    def buffer(self) -> ImageBuffer:
        """The last images of the camera."""

    @property
    def segmenter(self) -> ImageSegmenter:
        """Used by the thread that does the slices, and by no other."""

    @property
    def text_search(self) -> TextSearch: ...

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """Have long work done, as ``Worker.submit_slices``."""


Finder = Callable[
    [SegmentingSession, SegmentImage.Request, 'NDArray[np.uint8]', '_Patience'],
    list['MaskCandidate'],
]
"""Returns the candidates of a request in its image, in the order of the answer."""


class SegmentService:
    """
    Answers ``~/segment_image`` as long as the node lives.

    Requests are worked on in turns, slice by slice, by the thread that tracks; only one of them
    may ask for everything at a time, since that holds many masks. Whatever cannot be done is
    answered with ``success`` false and a message that names the value.
    """

    def __init__(
        self,
        node: Node,
        running_session: Callable[[], SegmentingSession],
        settings: Callable[[], SegmentationParameters],
    ) -> None:
        """
        Create the service.

        :param running_session: raises ``WorkerStoppedError`` when none runs.
        :param settings: returns the present parameters.
        """
        self._log = node.get_logger()
        self._running_session = running_session
        self._settings = settings
        self._places = threading.BoundedSemaphore(MOST_REQUESTS)
        self._everything = threading.Lock()
        self._finders: dict[int, Finder] = {
            SegmentImage.Request.MODE_PROMPTS: self._find_prompted,
            SegmentImage.Request.MODE_EVERYTHING: self._find_everything,
            SegmentImage.Request.MODE_TEXT: self._find_named,
        }
        node.create_service(
            SegmentImage,
            '~/segment_image',
            self._on_request,
            callback_group=ReentrantCallbackGroup(),
        )

    def _on_request(
        self, request: SegmentImage.Request, response: SegmentImage.Response
    ) -> SegmentImage.Response:
        return fill_in(
            response,
            lambda: self._segment(request, response),
            self._log,
            (*REFUSALS, RequestError, GroundingError),
        )

    def _segment(self, request: SegmentImage.Request, response: SegmentImage.Response) -> str:
        if not self._places.acquire(blocking=False):
            raise WorkerBusyError(f'{MOST_REQUESTS} requests to segment are under way already')
        try:
            start = time.monotonic()
            session = self._running_session()
            find = self._finders.get(request.mode)
            if find is None:
                raise RequestError(f'mode is {request.mode}; it must be one of {MODES}')
            header, pixels = image_of_request(request, session.buffer)
            candidates = find(session, request, pixels, _Patience(self._settings()))
        finally:
            self._places.release()
        kept = most_confident(candidates, request.max_candidates)
        response.header = header
        response.image_height, response.image_width = pixels.shape[:2]
        response.candidates = [
            candidate_message(candidate, mask=request.include_masks) for candidate in kept
        ]
        of_all = f' of {len(candidates)}' if len(kept) < len(candidates) else ''
        return f'{len(kept)}{of_all} candidates in {time.monotonic() - start:.2f} s'

    def _find_prompted(
        self,
        session: SegmentingSession,
        request: SegmentImage.Request,
        pixels: NDArray[np.uint8],
        patience: _Patience,
    ) -> list[MaskCandidate]:
        messages = request.prompts
        if not messages:
            raise RequestError('the request has no prompts, and mode is MODE_PROMPTS')
        if len(messages) > MOST_PROMPTS:
            raise RequestError(
                f'the request has {len(messages)} prompts; at most {MOST_PROMPTS} are answered'
            )

        height, width = pixels.shape[:2]
        count = masks_at_once(width, height)

        def batches() -> Iterator[list[Prompt]]:
            for start in range(0, len(messages), count):
                part = messages[start : start + count]
                yield prompts_of_messages(part, width, height, start)

        # Every prompt is looked at before any is answered, and few masks of prompts are held.
        for _ in batches():
            pass
        several = request.multiple_candidates
        slices = prompted(session.segmenter, pixels, batches(), several=several)
        return patience.wait(session.submit_slices(slices))

    def _find_named(
        self,
        session: SegmentingSession,
        request: SegmentImage.Request,
        pixels: NDArray[np.uint8],
        patience: _Patience,
    ) -> list[MaskCandidate]:
        threshold = self._settings().text.threshold
        groundings = patience.wait(
            session.text_search.submit(pixels, request.text, threshold),
            lambda: 'the text is still being looked for (the first one has its model loaded)',
        )
        prompts = [Prompt(box=grounding.box) for grounding in groundings[:MOST_PROMPTS]]
        count = masks_at_once(pixels.shape[1], pixels.shape[0])
        batches = (prompts[start : start + count] for start in range(0, len(prompts), count))
        slices = prompted(session.segmenter, pixels, batches, several=False)
        return [
            replace(candidate, prompt_index=0, label=groundings[candidate.prompt_index].label)
            for candidate in patience.wait(session.submit_slices(slices))
        ]

    def _find_everything(
        self,
        session: SegmentingSession,
        request: SegmentImage.Request,  # noqa: ARG002 -- as the other finders
        pixels: NDArray[np.uint8],
        patience: _Patience,
    ) -> list[MaskCandidate]:
        model = session.segmenter.network.configuration.name
        height, width = pixels.shape[:2]
        settings = generator_settings(self._settings().everything, model, width, height)
        generation = Generation(MaskGenerator(session.segmenter, settings), self._log)
        with patience.hold(self._everything, 'another request for everything is under way'):
            future = session.submit_slices(generation.slices(pixels))
            return patience.wait(future, lambda: generation.progress)


class _Patience:
    """The time that is left for a request."""

    def __init__(self, settings: SegmentationParameters) -> None:
        self._timeout = settings.segmentation.timeout
        self._end = time.monotonic() + self._timeout

    @property
    def left(self) -> float:
        """Seconds, not negative."""
        return max(0.0, self._end - time.monotonic())

    def wait(self, future: Future[Result], progress: Callable[[], str] | None = None) -> Result:
        """Return a result, or give it up and raise ``NotAnsweredError``."""
        try:
            return future.result(self.left)
        except FutureTimeoutError:
            if not future.cancel() and future.done():
                # It came at the last moment, or is a timeout of its own.
                return future.result()
        raise self._over(progress() if progress else 'too much else was to be done')

    @contextmanager
    def hold(self, lock: threading.Lock, why: str) -> Iterator[None]:
        """Wait for a lock and hold it; raises ``NotAnsweredError`` when it does not come free."""
        if not lock.acquire(timeout=self.left):
            raise self._over(why)
        try:
            yield
        finally:
            lock.release()

    def _over(self, why: str) -> NotAnsweredError:
        return NotAnsweredError(
            f'the image was not segmented within {self._timeout:g} s (segmentation.timeout): {why}'
        )


def image_of_request(
    request: SegmentImage.Request, buffer: ImageBuffer
) -> tuple[Header, NDArray[np.uint8]]:
    """
    Return the image that a request is about, [H, W, 3] RGB, and its header.

    Raises ``ImageError`` when it cannot be read, ``ImageNotFoundError`` when the buffer has no
    such image.
    """
    image = request.image
    if image.height:
        return image.header, rgb_image(image)
    if image.width or len(image.data):
        raise ImageError(
            f'the image of the request has height 0, but width {image.width} and '
            f'{len(image.data)} bytes of data'
        )
    message = buffer.requested(request.header).message
    return message.header, rgb_image(message)
