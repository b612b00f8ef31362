# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from sam_tracker.core.frame import Frame, FrameError

PIXELS = np.zeros((4, 6, 3), np.uint8)


def test_a_frame_knows_its_size_and_keeps_the_callers_pixels():
    frame = Frame(PIXELS, np.int64(7))
    assert (frame.width, frame.height) == (6, 4)
    assert frame.pixels is PIXELS
    assert type(frame.stamp) is int


def test_a_camera_motion_is_copied():
    motion = np.eye(3)
    frame = Frame(PIXELS, 0, motion)
    motion[0, 2] = 5
    assert frame.camera_motion[0, 2] == 0


@pytest.mark.parametrize(
    ('motion', 'value'),
    [
        (np.eye(2), '[2, 2]'),
        (np.diag([1, 1, 0]), '[0.0, 0.0, 0.0]'),
        (np.diag([1, np.nan, 1]), 'nan'),
    ],
)
def test_a_camera_motion_that_is_no_homography_is_refused_by_value(motion, value):
    with pytest.raises(FrameError) as caught:
        Frame(PIXELS, 0, motion)
    assert value in str(caught.value)
