# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The mask chosen for one object on one frame, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box
from sam_tracker.tracking.appearance import Appearance, familiarity
from sam_tracker.tracking.memory.api import FrameFacts
from sam_tracker.tracking.memory.candidate_shapes import CandidateShapes
from sam_tracker.tracking.motion.mask_selector import Choice


@dataclass(frozen=True, eq=False)
class Decision:
    """The mask chosen for one object, and whether the object is seen."""

    choice: Choice
    object_logit: float
    bound: Box
    """[4] first and last column and row of the decoded mask; meaningless when it is empty."""
    present: bool
    """Whether the object is in the image, by the object logit and by its appearance."""
    shapes: CandidateShapes | None = None
    """Shapes of all candidates; None: no memory rule asks for them."""
    appearance: Appearance | None = None
    """Appearance of what the mask shows; None: not measured."""
    familiarity: float = math.nan
    """Cosine of its appearance to those on the prompted frames; NaN: not measured."""
    duplicate_of: int = 0
    """Id of the object whose mask this is; 0: it is the object's own."""

    @property
    def seen(self) -> bool:
        """Whether the object is in the image and the mask is its own and has a pixel."""
        return self.present and not self.choice.empty and not self.duplicate_of

    def compared(self, known: Sequence[Appearance], least: float) -> Decision:
        """
        Return the decision after comparing the mask with the appearance on prompted frames.

        A mask that shows something else is given up, and the object is not present.

        :param least: cosine below which it is something else.
        """
        if self.appearance is None or not known or self.choice.empty or not self.present:
            return self
        cosine = familiarity(self.appearance, known)
        if cosine >= least:
            return replace(self, familiarity=cosine)
        choice = replace(self.choice, box=np.zeros(4))
        return replace(self, familiarity=cosine, choice=choice, present=False)

    def without(self, parts: NDArray[np.bool_]) -> Decision:
        """Return the decision with shapes of which cells [s, s] of the chosen mask are dropped."""
        assert self.shapes is not None
        return replace(self, shapes=self.shapes.without(parts))

    def bounded_by(self, box: Box, bound: Box) -> Decision:
        """Return the decision for a mask of which a part was taken away, with its new boxes."""
        return replace(self, choice=replace(self.choice, box=box), bound=bound)

    @property
    def given_up(self) -> bool:
        """Whether the network says that the object is present, but the mask shows another."""
        return not self.present and not math.isnan(self.familiarity)

    @property
    def facts(self) -> FrameFacts:
        """Input of a memory rule; the mask of another object never counts as good."""
        logit = -math.inf if self.duplicate_of or self.given_up else self.object_logit
        area = self.shapes.area if self.shapes is not None and self.seen else 0.0
        return FrameFacts(self.choice.affinity, logit, self.choice.motion_score, area, self.shapes)
