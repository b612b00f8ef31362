# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Objects that are looked for in nearly the same part of a frame share its encoding."""

from collections.abc import Sequence
from itertools import combinations

from sam_tracker.core.boxes import Region

MERGED_SIDE = 1.5
"""Side of a shared window, as a multiple of the smaller one it replaces, up to which it pays."""


def shared_views(wanted: Sequence[Region], most: int) -> list[Region]:
    """
    Replace windows by common ones where they agree, and until there are few enough.

    :param wanted: N windows of one image.
    :param most: distinct windows to be encoded at most; at least 1.
    :returns: N windows, each of which contains the wanted one.
    """
    views = list(dict.fromkeys(wanted))
    member = {view: view for view in views}
    while len(views) > 1:
        growth, first, second = min(
            ((_growth(one, other), one, other) for one, other in combinations(views, 2)),
            key=lambda pair: pair[0],
        )
        if growth > MERGED_SIDE and len(views) <= most:
            break
        merged = _union(first, second)
        views = list(
            dict.fromkeys([view for view in views if view not in (first, second)] + [merged])
        )
        member = {
            view: merged if common in (first, second) else common
            for view, common in member.items()
        }
    return [member[view] for view in wanted]


def _union(one: Region, other: Region) -> Region:
    x, y = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Region(x, y, right - x, bottom - y)


def _growth(one: Region, other: Region) -> float:
    """Return how many times as wide or high as the smaller one the common window is."""
    union = _union(one, other)
    return max(
        union.width / min(one.width, other.width), union.height / min(one.height, other.height)
    )
