# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The text model of a node, loaded by the first request, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from sam_tracker.core.paths import expanded
from sam_tracker.ros.process.worker import Worker
from sam_tracker.segmentation.mask_scorer import MaskScorer
from sam_tracker.segmentation.text_grounder import TextGrounder
from sam_tracker.segmentation.text_model import (
    SCORERS,
    GroundingError,
    architecture_of,
    things_asked_for,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sam_tracker.segmentation.mask_candidate import MaskCandidate
    from sam_tracker.segmentation.text_grounder import Grounding

Result = TypeVar('Result')

NO_MODEL = (
    'texts cannot be searched for: the parameter text.model is empty; it is the folder of a '
    'zero-shot object detector of transformers, such as the files of google/owlv2-base-patch16-'
    'ensemble or IDEA-Research/grounding-dino-tiny, or of CLIP or SigLIP'
)


class TextSearch:
    """
    Finds what a text names, one text after the other.

    A search takes many times as long as tracking an image. It shares nothing with the tracker, so
    tracking goes on meanwhile.
    """

    def __init__(self, folder: str, device: str) -> None:
        """
        Store the arguments; the first request loads the model.

        :param folder: of the model, of either kind; empty: texts are refused.
        :param device: as for ``TextGrounder``.
        """
        self._folder = expanded(folder)
        self._device = device
        self._grounder: TextGrounder | None = None
        self._scorer: MaskScorer | None = None
        self._worker = Worker(_nothing, 'text model') if folder else None

    def check(self, text: str) -> None:
        """
        Check that there is a model and that a text names something.

        :raises GroundingError: there is no model, or the text names nothing.
        """
        things_asked_for(text)
        if self._worker is None:
            raise GroundingError(NO_MODEL)

    @property
    def scores_masks(self) -> bool:
        """
        Whether the model scores the masks of automatic generation; else it finds boxes.

        :raises GroundingError: the folder is missing or holds no model.
        """
        return architecture_of(self._folder) in SCORERS

    def submit(
        self, image: NDArray[np.uint8], text: str, threshold: float
    ) -> Future[list[Grounding]]:
        """
        Search for the things that a text names.

        :param image: [H, W, 3] RGB.
        :returns: their boxes, best first; or ``GroundingError``.
        :raises GroundingError: there is no model, or the text names nothing.
        :raises WorkerStoppedError: after ``stop``.
        :raises WorkerBusyError: too many searches wait.
        """
        self.check(text)

        def ground() -> list[Grounding]:
            if self._grounder is None:
                self._grounder = TextGrounder(self._folder, self._device)
            return self._grounder.ground(image, text, threshold=threshold)

        return self._submit(ground)

    def submit_masks(
        self,
        image: NDArray[np.uint8],
        candidates: Sequence[MaskCandidate],
        text: str,
        threshold: float,
    ) -> Future[list[MaskCandidate]]:
        """
        Select the masks that show what a text names.

        Errors as of ``submit``.

        :param image: [H, W, 3] RGB.
        :param candidates: the masks of automatic generation.
        :returns: those that fit, with label and score, best first; or ``GroundingError``.
        """
        self.check(text)

        def score() -> list[MaskCandidate]:
            if self._scorer is None:
                self._scorer = MaskScorer(self._folder, self._device)
            return self._scorer.score(image, candidates, text, threshold=threshold)

        return self._submit(score)

    def _submit(self, command: Callable[[], Result]) -> Future[Result]:
        assert self._worker is not None
        return self._worker.submit(command)

    def stop(self, timeout: float) -> bool:
        """End the thread; returns whether it ended within ``timeout`` seconds."""
        return self._worker is None or self._worker.stop(timeout)


def _nothing(_: object) -> None:
    """Process an item: there are none, only commands."""
