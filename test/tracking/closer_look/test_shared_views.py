# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Windows that agree are encoded once."""

from hypothesis import given
from hypothesis import strategies as st

from sam_tracker.core.boxes import Region
from sam_tracker.tracking.closer_look.shared_views import shared_views

regions = st.builds(
    Region, st.integers(0, 500), st.integers(0, 500), st.integers(10, 300), st.integers(10, 300)
)


def contains(outer, inner):
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and outer.x + outer.width >= inner.x + inner.width
        and outer.y + outer.height >= inner.y + inner.height
    )


@given(wanted=st.lists(regions, min_size=1, max_size=12), most=st.integers(1, 4))
def test_every_object_gets_a_window_with_what_it_asked_for_and_there_are_few(wanted, most):
    views = shared_views(wanted, most)
    assert len(views) == len(wanted)
    assert len(set(views)) <= most
    assert all(contains(view, each) for view, each in zip(views, wanted, strict=True))


def test_windows_that_nearly_agree_are_shared():
    one, other = Region(100, 100, 200, 200), Region(130, 90, 210, 210)
    assert shared_views([one, other], most=3) == [Region(100, 90, 240, 210)] * 2


def test_windows_far_apart_stay_what_they_are():
    wanted = [Region(0, 0, 100, 100), Region(400, 400, 100, 100)]
    assert shared_views(wanted, most=3) == wanted
