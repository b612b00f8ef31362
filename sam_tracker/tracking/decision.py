# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What is decided about one object on one frame, before anything is stored."""

from dataclasses import dataclass
import math

from sam_tracker.core.boxes import Box
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
    """Whether the object logit says that the object is in the image."""
    shapes: CandidateShapes | None = None
    """Of all candidates; None: no memory rule asks for them."""
    duplicate_of: int = 0
    """Id of the object whose mask this is; 0: it is the object's own."""

    @property
    def seen(self) -> bool:
        """Whether the object is in the image and the mask is its own and has a pixel."""
        return self.present and not self.choice.empty and not self.duplicate_of

    @property
    def facts(self) -> FrameFacts:
        """What a memory rule is told; the mask of another object is never a good one."""
        logit = -math.inf if self.duplicate_of else self.object_logit
        area = self.shapes.area if self.shapes is not None and self.seen else 0.0
        return FrameFacts(self.choice.affinity, logit, self.choice.motion_score, area, self.shapes)
