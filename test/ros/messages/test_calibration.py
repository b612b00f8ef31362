# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which ray a pixel of the images sees, by all fields of sensor_msgs/CameraInfo (REP 104)."""

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from sam_tracker.localization.camera import CameraError
from sam_tracker.ros.messages.calibration import calibrated_camera

K = [500.0, 0.0, 330.0, 0.0, 510.0, 235.0, 0.0, 0.0, 1.0]
P = [450.0, 0.0, 320.0, -45.0, 0.0, 450.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
D = [-0.2, 0.05, 0.001, -0.002, 0.01]
CORNER = np.array([100.0, 60.0])
PIXELS = np.array([[0.0, 0.0], [12.0, 34.0], [79.0, 59.0]])


def calibration(**changes):
    known = {'width': 640, 'height': 480, 'k': K, 'p': P, 'd': D}
    return CameraInfo(**{**known, 'distortion_model': 'plumb_bob', **changes})


@pytest.mark.parametrize('rectified', [False, True])
def test_binned_pixels_see_what_lies_between_those_that_they_merge(rectified):
    whole = calibrated_camera(calibration(), rectified=rectified)
    camera = calibrated_camera(calibration(binning_x=2, binning_y=4), rectified=rectified)
    assert (camera.width, camera.height) == (320, 120)
    middle = PIXELS * [2, 4] + [0.5, 1.5]
    np.testing.assert_allclose(camera.rays(PIXELS), whole.rays(middle), atol=1e-6)


@pytest.mark.parametrize('rectified', [False, True])
def test_a_region_is_counted_from_its_corner(rectified):
    whole = calibrated_camera(calibration(), rectified=rectified)
    region = RegionOfInterest(x_offset=100, y_offset=60, width=320, height=240)
    camera = calibrated_camera(calibration(roi=region), rectified=rectified)
    assert (camera.width, camera.height) == (320, 240)
    np.testing.assert_allclose(camera.rays(PIXELS), whole.rays(PIXELS + CORNER), atol=1e-6)


def test_a_region_is_in_pixels_before_binning():
    whole = calibrated_camera(calibration(), rectified=True)
    region = RegionOfInterest(x_offset=100, y_offset=60, width=320, height=240)
    message = calibration(roi=region, binning_x=2, binning_y=2)
    camera = calibrated_camera(message, rectified=True)
    assert (camera.width, camera.height) == (160, 120)
    there = 2 * PIXELS + 0.5 + CORNER
    np.testing.assert_allclose(camera.rays(PIXELS), whole.rays(there), atol=1e-6)


def test_rectified_images_have_the_projection_matrix_and_no_distortion():
    # Not even an unknown model matters: the images no longer have any.
    camera = calibrated_camera(calibration(distortion_model='other'), rectified=True)
    expected = (PIXELS - [320, 240]) / 450
    np.testing.assert_allclose(camera.rays(PIXELS), expected, atol=1e-9)


def test_raw_images_have_the_intrinsic_matrix_and_the_distortion():
    camera = calibrated_camera(calibration(), rectified=False)
    assert camera.model == 'plumb_bob' and camera.distortion.tolist() == D
    undistorted = (PIXELS - [330, 235]) / [500, 510]
    assert np.abs(camera.rays(PIXELS) - undistorted).max() > 0.01


@pytest.mark.parametrize(
    ('changes', 'rectified', 'complaint'),
    [
        ({'k': [0.0] * 9}, False, 'must be positive, not 0 and 0: the camera is not calibrated'),
        ({'p': [0.0] * 12}, True, 'must be positive, not 0 and 0: the camera is not calibrated'),
        ({'p': [np.nan, *P[1:]]}, True, r'the intrinsic matrix is not finite: \[nan'),
        ({'d': [np.nan] * 5}, False, r'the distortion is not finite: \[nan'),
        ({'distortion_model': 'radtan'}, False, "unknown distortion model 'radtan'"),
        ({'distortion_model': 'equidistant'}, False, 'has 0 or 4 coefficients, not 5'),
        ({'distortion_model': 'rational_polynomial', 'd': [0.1] * 7}, False, 'not 7'),
    ],
)
def test_what_cannot_be_used_is_named(changes, rectified, complaint):
    with pytest.raises(CameraError, match=complaint):
        calibrated_camera(calibration(**changes), rectified=rectified)
