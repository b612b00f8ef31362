# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A text grounder of a node: loaded when it is first asked, on a thread of its own."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from sam_tracker.ros.process.worker import Worker
from sam_tracker.segmentation.text_grounder import GroundingError, TextGrounder, things_asked_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sam_tracker.segmentation.text_grounder import Grounding

NO_MODEL = (
    'texts cannot be looked for: the parameter text.model is empty; it is the folder of a '
    'zero-shot object detector of transformers, such as the files of google/owlv2-base-patch16-'
    'ensemble or IDEA-Research/grounding-dino-tiny'
)


class TextSearch:
    """
    Finds what a text names, one text after the other.

    A grounder takes many times as long as tracking an image. It shares nothing with the tracker,
    so that tracking goes on meanwhile.
    """

    def __init__(self, folder: str, device: str) -> None:
        """
        Only remember; the first text has the grounder loaded.

        :param folder: where its model lies; empty: texts are refused.
        :param device: as for ``TextGrounder``.
        """
        self._folder = Path(folder).expanduser()
        self._device = device
        self._grounder: TextGrounder | None = None
        self._worker = Worker(_nothing, 'text grounder') if folder else None

    def submit(
        self, image: NDArray[np.uint8], text: str, threshold: float
    ) -> Future[list[Grounding]]:
        """
        Have the things that a text names looked for.

        :param image: [H, W, 3] RGB.
        :returns: their places, best first; or ``GroundingError``.

        Raises ``GroundingError`` when there is no model or the text names nothing, and what
        ``Worker.submit`` raises.
        """
        things_asked_for(text)
        if self._worker is None:
            raise GroundingError(NO_MODEL)

        def ground() -> list[Grounding]:
            if self._grounder is None:
                self._grounder = TextGrounder(self._folder, self._device)
            return self._grounder.ground(image, text, threshold=threshold)

        return self._worker.submit(ground)

    def stop(self, timeout: float) -> bool:
        """End the thread; returns whether it ended within ``timeout`` seconds."""
        return self._worker is None or self._worker.stop(timeout)


def _nothing(_: object) -> None:
    """There are no items here, only commands."""
