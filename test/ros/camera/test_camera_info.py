# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""CameraInfo of an ideal camera, and from calibration files good and bad."""

import numpy as np
import pytest

pytest.importorskip('rclpy')
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo

from sam_tracker.ros.camera.camera_info import (
    CalibrationError,
    pinhole_camera_info,
    read_camera_info,
)

CALIBRATION = """
image_width: 640
image_height: 480
camera_name: eye
distortion_model: rational_polynomial
camera_matrix: {rows: 3, cols: 3, data: [500, 0, 320, 0, 501.5, 240, 0, 0, 1]}
distortion_coefficients: {rows: 1, cols: 8, data: [0.1, -0.2, 0, 0, 0.3, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [480, 0, 320, 0, 0, 481, 240, 0, 0, 0, 1, 0]}
"""


def test_the_ideal_camera_sees_its_field_of_view():
    info = pinhole_camera_info(640, 480, 90.0)
    k = np.array(info.k).reshape(3, 3)
    # The rays through the outer edges of the first and the last column are 90 degrees apart.
    left, right = ((x - k[0, 2]) / k[0, 0] for x in (-0.5, 639.5))
    assert (left, right) == (pytest.approx(-1.0), pytest.approx(1.0))
    assert k[0, 0] == k[1, 1]
    assert (k[0, 2], k[1, 2]) == (319.5, 239.5)
    np.testing.assert_array_equal(np.array(info.p).reshape(3, 4)[:, :3], k)
    assert list(info.d) == [0.0] * 5
    assert deserialize_message(serialize_message(info), CameraInfo) == info


def test_a_calibration_is_read_whole(tmp_path):
    path = tmp_path / 'eye.yaml'
    path.write_text(CALIBRATION)
    info = read_camera_info(path, 640, 480)
    assert info.distortion_model == 'rational_polynomial'
    assert list(info.d) == [0.1, -0.2, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0]
    assert (info.k[0], info.k[4], info.p[5]) == (500.0, 501.5, 481.0)
    assert deserialize_message(serialize_message(info), CameraInfo) == info


@pytest.mark.parametrize(
    ('old', 'new', 'named'),
    [
        ('image_width: 640', 'image_width: 1280', 'for 1280x480 images, these are 640x480'),
        ('camera_matrix', 'matrix_camera', "has no 'camera_matrix'"),
        (', 0, 0, 1]}\ndistortion', ']}\ndistortion', 'camera_matrix has 6 numbers, not 9'),
        ('[480, 0,', '[480, zero,', 'no camera calibration: .*zero'),
        ('image_width: 640', 'image_width: [', 'no camera calibration'),
        (CALIBRATION, 'hello', 'no camera calibration'),
        (CALIBRATION, '[' * 2000, 'no camera calibration'),
        ('image_width: 640', 'image_width: .inf', 'no camera calibration'),
        ('data: [500,', 'data: [.nan,', 'camera_matrix is not finite: .nan'),
        ('data: [0.1,', 'data: [-.inf,', 'distortion_coefficients is not finite'),
    ],
)
def test_a_calibration_that_cannot_be_used_says_why(tmp_path, old, new, named):
    assert old in CALIBRATION
    path = tmp_path / 'eye.yaml'
    path.write_text(CALIBRATION.replace(old, new))
    with pytest.raises(CalibrationError, match=named) as caught:
        read_camera_info(path, 640, 480)
    assert str(path) in str(caught.value)


def test_a_missing_calibration_is_named(tmp_path):
    with pytest.raises(CalibrationError, match=r'eye\.yaml. cannot be read: No such file'):
        read_camera_info(tmp_path / 'eye.yaml', 640, 480)
