# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Quaternions turn as geometry_msgs/Quaternion has it."""

import math

import numpy as np
import pytest

from sam_tracker.camera_motion.rotation import rotation_by
from sam_tracker.core.quaternion import rotation_of_quaternion


@pytest.mark.parametrize('angle', [0.0, 1e-9, 0.3, 3.0, -2.0, 4.0])
@pytest.mark.parametrize('length', [1.0, -1.0, 2.5])
def test_a_quaternion_is_the_rotation_about_its_axis(angle, length):
    axis = np.array([0.6, 0.0, -0.8])
    x, y, z = axis * math.sin(angle / 2) * length
    rotation = rotation_of_quaternion(x, y, z, math.cos(angle / 2) * length)
    np.testing.assert_allclose(rotation, rotation_by(axis * angle), atol=1e-12)
