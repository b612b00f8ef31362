# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The prompts of a run for the objects of a recording."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sam_tracker.labelling.prompts import Prompts


@dataclass(frozen=True)
class Instructions:
    """Prompts, some of which correct labels that the others give."""

    prompts: Prompts
    corrections: frozenset[tuple[int, int]] = frozenset()
    """Objects and frames of the prompts that correct a label."""
    problems: tuple[str, ...] = ()
    """What was left out, one line each."""

    @property
    def alone(self) -> Prompts:
        """The prompts that correct nothing."""
        return {
            object_id: replace(
                each,
                by_frame={
                    frame: prompt
                    for frame, prompt in each.by_frame.items()
                    if (object_id, frame) not in self.corrections
                },
            )
            for object_id, each in self.prompts.items()
        }

    def corrections_are_in(self, prompts: Prompts) -> bool:
        """Return whether all corrections were made before, if there are any."""
        return all(
            object_id in prompts and frame in prompts[object_id].by_frame
            for object_id, frame in self.corrections
        )
