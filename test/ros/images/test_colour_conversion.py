# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The library that converts colours is chosen by what works, and a broken one harms nobody."""

import importlib.util
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip('rclpy')

from sam_tracker.ros.images.colour_conversion import CvBridgeConverter, RosbagsImageConverter
from sam_tracker.ros.images.cv_bridge_trial import cv_bridge_fault

ROOT = Path(__file__).parents[3]

# Says which library was chosen, after one image went through it.
CONVERT_ONE = """
import numpy as np
from sensor_msgs.msg import Image
from sam_tracker.ros.images.colour_conversion import colour_converter
from sam_tracker.ros.images.conversion import rgb_image
message = Image(encoding='uyvy', width=2, height=1, step=4)
message.data.frombytes(bytes([128, 235, 128, 16]))
assert rgb_image(message).tolist() == [[[255, 255, 255], [0, 0, 0]]]
print(colour_converter().description)
"""

# A cv_bridge that works, as far as the choice can see: it passes on to OpenCV.
WORKING = """
import cv2, numpy as np
class CvBridgeError(TypeError):
    pass
class CvBridge:
    def imgmsg_to_cv2(self, message, encoding):
        codes = {'bgr8': cv2.COLOR_BGR2RGB, 'yuv422': cv2.COLOR_YUV2RGB_UYVY}
        shape = message.height, message.width, message.step // message.width
        pixels = np.frombuffer(message.data, np.uint8).reshape(shape)
        return cv2.cvtColor(pixels, codes[message.encoding])
"""
CLASS_ONLY = 'class CvBridgeError(TypeError):\n    pass\nclass CvBridge:\n    '


def run_with_cv_bridge(folder, source, program=CONVERT_ONE, without=()):
    """Run a program in a process of its own in which `import cv_bridge` finds the source."""
    package = folder / 'cv_bridge'
    package.mkdir()
    (package / '__init__.py').write_text(source)
    for name in without:
        (folder / f'{name}.py').write_text(f'raise ImportError("no {name} here")\n')
    environment = {**os.environ, 'PYTHONPATH': f'{folder}{os.pathsep}{ROOT}'}
    return subprocess.run(
        [sys.executable, '-c', program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ('source', 'reason'),
    [
        pytest.param(
            'raise ImportError("libopencv_core.so.406: cannot open")',
            'libopencv_core',
            id='import',
        ),
        pytest.param(
            'raise AttributeError("_ARRAY_API not found")', '_ARRAY_API not found', id='NumPy ABI'
        ),
        pytest.param(
            CLASS_ONLY + 'def imgmsg_to_cv2(self, message, encoding):\n'
            '        from cv_bridge.boost.cv_bridge_boost import cvtColor2',
            "No module named 'cv_bridge.boost'",
            id='extension missing',
        ),
        pytest.param(
            CLASS_ONLY + 'def imgmsg_to_cv2(self, message, encoding):\n'
            '        import os, signal, sys\n'
            '        print("A module that was compiled using NumPy 1.x", file=sys.stderr)\n'
            '        os.kill(os.getpid(), signal.SIGSEGV)',
            'was compiled for NumPy 1, but NumPy 2 is installed (a conversion ended with SIGSEGV)',
            id='segmentation fault',
        ),
        pytest.param('import os\nos.abort()', 'SIGABRT', id='abort'),
        pytest.param('import os\nos._exit(7)', 'exit code 7', id='silent exit'),
        pytest.param(
            CLASS_ONLY + 'def imgmsg_to_cv2(self, message, encoding):\n'
            '        import numpy\n'
            '        return numpy.zeros((1, 2, 3), numpy.uint8)',
            'became [[[0, 0, 0], [0, 0, 0]]] in rgb8',
            id='wrong colours',
        ),
        pytest.param('', "cannot import name 'CvBridge'", id='something else of that name'),
    ],
)
def test_a_broken_cv_bridge_gives_way_with_one_reason(tmp_path, source, reason):
    result = run_with_cv_bridge(tmp_path, source)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('images are converted by rosbags-image, because cv_bridge ')
    assert reason in result.stdout
    assert result.stdout.count('\n') == 1
    assert not result.stderr


def test_a_working_cv_bridge_is_used(tmp_path):
    result = run_with_cv_bridge(tmp_path, WORKING)
    assert result.returncode == 0, result.stderr
    assert result.stdout == 'images are converted by cv_bridge\n'


def test_a_cv_bridge_that_hangs_is_given_up(tmp_path):
    program = (
        'from sam_tracker.ros.images import cv_bridge_trial\ncv_bridge_trial.TRIAL_SECONDS = 0.5\n'
    )
    result = run_with_cv_bridge(tmp_path, 'import time\ntime.sleep(60)', program + CONVERT_ONE)
    assert result.returncode == 0, result.stderr
    assert 'timed out after 0.5 seconds' in result.stdout


def test_without_any_library_the_error_says_what_to_install(tmp_path):
    result = run_with_cv_bridge(tmp_path, 'raise ImportError("broken")', without=['rosbags'])
    assert result.returncode != 0
    assert 'no library to convert images with: cv_bridge does not work: ImportError: broken' in (
        result.stderr
    )
    assert 'pip install rosbags-image' in result.stderr


def test_an_absent_cv_bridge_is_no_fault_of_anything_else():
    if importlib.util.find_spec('cv_bridge') is not None:
        pytest.skip('cv_bridge is installed here')
    assert cv_bridge_fault() == 'is not installed'


@pytest.mark.parametrize(
    ('encoding', 'channels', 'dtype', 'target'),
    [
        *((f'bayer_{p}8', 0, np.uint8, 'rgb8') for p in ('rggb', 'bggr', 'gbrg', 'grbg')),
        *((f'bayer_{p}16', 0, np.uint16, 'rgb16') for p in ('rggb', 'bggr', 'gbrg', 'grbg')),
        ('yuv422', 2, np.uint8, 'rgb8'),
        ('yuv422_yuy2', 2, np.uint8, 'rgb8'),
        ('bgr8', 3, np.uint8, 'rgb8'),
        ('bgra8', 4, np.uint8, 'rgb8'),
        ('rgba8', 4, np.uint8, 'rgb8'),
        ('mono8', 0, np.uint8, 'rgb8'),
    ],
)
def test_cv_bridge_and_rosbags_image_give_equal_pixels(encoding, channels, dtype, target):
    if (fault := cv_bridge_fault()) is not None:
        pytest.skip(f'needs a working cv_bridge, which {fault}')
    shape = (48, 64, channels) if channels else (48, 64)
    pixels = np.random.default_rng(3).integers(0, np.iinfo(dtype).max + 1, shape, dtype)
    np.testing.assert_array_equal(
        CvBridgeConverter().convert(pixels, encoding, target),
        RosbagsImageConverter('').convert(pixels, encoding, target),
    )
