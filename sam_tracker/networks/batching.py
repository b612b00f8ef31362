# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Grouping of objects or prompts into batches for the network."""

from collections.abc import Hashable, Iterator, Sequence

LARGEST_BATCH = 16
"""Objects or prompts in one batch; more are computed in several batches, so memory is bounded."""


def batches(layouts: Sequence[Hashable]) -> Iterator[list[int]]:
    """Group the indices of equal layouts into batches of at most LARGEST_BATCH."""
    groups: dict[Hashable, list[int]] = {}
    for index, layout in enumerate(layouts):
        groups.setdefault(layout, []).append(index)
    for members in groups.values():
        for start in range(0, len(members), LARGEST_BATCH):
            yield members[start : start + LARGEST_BATCH]
