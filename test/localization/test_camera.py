# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The rays of pixels, for every model of distortion that OpenCV knows."""

import cv2
import numpy as np
import pytest

from sam_tracker.localization.camera import Camera, CameraError

K = np.array([[300.0, 0, 159.5], [0, 310.0, 119.5], [0, 0, 1]])
MODELS = {
    'none': ('', []),
    'zero': ('plumb_bob', [0.0] * 5),
    'plumb_bob': ('plumb_bob', [-0.2, 0.05, 0.001, -0.002, 0.01]),
    'rational': ('rational_polynomial', [0.1, -0.05, 0.001, 0.002, 0.01, 0.2, -0.03, 0.02]),
    'thin_prism': ('rational_polynomial', [0.1, 0, 0, 0, 0, 0, 0, 0, 0.01, 0, 0.01, 0]),
    'tilted': ('rational_polynomial', [0.1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.01, 0.02]),
    'equidistant': ('equidistant', [0.05, -0.01, 0.002, 0.0]),
}


@pytest.mark.parametrize('model', MODELS)
def test_points_project_to_the_pixels_whose_rays_hit_them(model):
    name, coefficients = MODELS[model]
    rng = np.random.default_rng(0)
    rays = rng.uniform(-0.4, 0.4, (50, 2))
    points = np.column_stack((rays, np.ones(50)))[:, None] * rng.uniform(0.5, 5, (50, 1, 1))
    project = cv2.fisheye.projectPoints if name == 'equidistant' else cv2.projectPoints
    zero = np.zeros((3, 1))
    distortion = np.array(coefficients or [0.0] * 4)
    pixels = project(points, zero, zero, K, distortion)[0][:, 0]
    camera = Camera.of((320, 240), K, name, coefficients)
    np.testing.assert_allclose(camera.rays(pixels), rays, atol=1e-3)


@pytest.mark.parametrize(
    ('change', 'complaint'),
    [
        ({'matrix': [np.nan, *K.reshape(-1)[1:]]}, 'the intrinsic matrix is not finite'),
        ({'matrix': np.zeros(9)}, 'focal lengths must be positive, not 0 and 0'),
        ({'distortion': [np.inf] * 5}, 'the distortion is not finite'),
        ({'distortion': [0.1] * 3}, "'plumb_bob' has 0 or 4 or 5 or 8 or 12 or 14 coefficients"),
        ({'model': 'equidistant'}, "'equidistant' has 0 or 4 coefficients, not 5"),
        ({'model': 'radial'}, "unknown distortion model 'radial'; known are plumb_bob"),
    ],
)
def test_an_unusable_calibration_is_refused_by_value(change, complaint):
    known = {'matrix': K, 'model': 'plumb_bob', 'distortion': [0.1] * 5, **change}
    with pytest.raises(CameraError, match=complaint):
        Camera.of((320, 240), **known)


def test_no_pixels_have_no_rays():
    assert Camera.of((320, 240), K, '', []).rays(np.zeros((0, 2))).shape == (0, 2)
