# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Bounds of one answer: number of candidates, and bytes of masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sam_tracker.segmentation.mask_candidate import most_confident

if TYPE_CHECKING:
    from sam_tracker.segmentation.mask_candidate import MaskCandidate

MEGABYTE = 1_000_000


class AnswerTooLargeError(ValueError):
    """The masks of an answer exceed the bound; the text names both."""


class AnswerBudget:
    """
    Keeps the candidates of one answer.

    Applied after every slice of the work, so that a request never holds more masks than its
    answer may, and those of one slice.
    """

    def __init__(self, most: int, megabytes: int) -> None:
        """
        Store the bounds.

        :param most: candidates to answer with; 0: all of them.
        :param megabytes: of their masks, one byte for each pixel of their regions.
        """
        self._most = most
        self.megabytes = megabytes

    def keep(self, candidates: Sequence[MaskCandidate]) -> list[MaskCandidate]:
        """
        Return the candidates that stay in the answer, in their order and without logits.

        :raises AnswerTooLargeError: their masks exceed the bound.
        """
        kept = most_confident(candidates, self._most)
        size = sum(each.mask_crop.size for each in kept)
        if size > self.megabytes * MEGABYTE:
            raise AnswerTooLargeError(
                f'the masks of {len(kept)} candidates take {size / MEGABYTE:.1f} MB; one answer '
                f'may have {self.megabytes} MB of masks (segmentation.maximum_megabytes): ask '
                'for fewer prompts, or set max_candidates'
            )
        # No request refines a candidate of another one.
        return [replace(each, logits=None) for each in kept]
