# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""cv_bridge converts colours if it works; a broken one is not used."""

import importlib.util
import os
from pathlib import Path
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from sam_tracker.ros.images.colour_conversion import NUMPY_2_MODULE, colour_converter

ROOT = Path(__file__).parents[3]

# Says which library was chosen, after one image went through it.
CONVERT_ONE = """
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
import cv2
class CvBridgeError(TypeError):
    pass
class CvBridge:
    def imgmsg_to_cv2(self, message, encoding):
        assert (message.encoding, encoding) == ('yuv422', 'rgb8')
        return cv2.cvtColor(message.data, cv2.COLOR_YUV2RGB_UYVY)
"""
CLASS_ONLY = 'class CvBridgeError(TypeError):\n    pass\nclass CvBridge:\n    '


def run_with_cv_bridge(folder, source, compiled=None):
    """Convert in a process of its own in which `import cv_bridge` finds the source."""
    package = folder / 'cv_bridge'
    (package / 'boost').mkdir(parents=True)
    (package / '__init__.py').write_text(source)
    if compiled is not None:
        (package / 'boost' / 'cv_bridge_boost.so').write_bytes(compiled)
    environment = {**os.environ, 'PYTHONPATH': f'{folder}{os.pathsep}{ROOT}'}
    return subprocess.run(
        [sys.executable, '-c', CONVERT_ONE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize(
    ('source', 'reason'),
    [
        pytest.param(
            'raise ImportError("libopencv_core.so.406: cannot open")',
            'ImportError: libopencv_core',
            id='import',
        ),
        pytest.param(
            CLASS_ONLY + 'def imgmsg_to_cv2(self, message, encoding):\n'
            '        from cv_bridge.boost.cv_bridge_boost import cvtColor2',
            "No module named 'cv_bridge.boost.cv_bridge_boost'",
            id='extension missing',
        ),
        pytest.param(
            CLASS_ONLY + 'def imgmsg_to_cv2(self, message, encoding):\n'
            '        import numpy\n'
            '        return numpy.zeros((1, 2, 3), numpy.uint8)',
            'white and black became [[[0, 0, 0], [0, 0, 0]]]',
            id='wrong colours',
        ),
        pytest.param('', "cannot import name 'CvBridge'", id='something else of that name'),
    ],
)
def test_a_broken_cv_bridge_gives_way_with_one_reason(tmp_path, source, reason):
    result = run_with_cv_bridge(tmp_path, source)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('images are converted by OpenCV, because cv_bridge ')
    assert reason in result.stdout
    assert result.stdout.count('\n') == 1


def test_a_cv_bridge_that_was_built_for_numpy_1_is_not_even_imported(tmp_path):
    deadly = 'import os\nos.abort()'
    result = run_with_cv_bridge(tmp_path, deadly, b'\0numpy.core._multiarray_umath\0')
    assert result.returncode == 0, result.stderr
    assert 'because cv_bridge was built for NumPy 1, and NumPy 2.' in result.stdout


def test_a_working_cv_bridge_is_used(tmp_path):
    result = run_with_cv_bridge(tmp_path, WORKING, b'\0numpy._core._multiarray_umath\0')
    assert result.returncode == 0, result.stderr
    assert result.stdout == 'images are converted by cv_bridge\n'


@pytest.mark.skipif(np.__version__ < '2', reason='what works with NumPy 1 may be built for it')
def test_what_is_built_for_numpy_2_names_its_module():
    (extension,) = Path(cv2.__file__).parent.glob('cv2*.so')
    assert NUMPY_2_MODULE in extension.read_bytes()


def test_an_absent_cv_bridge_is_no_fault_of_anything_else():
    if importlib.util.find_spec('cv_bridge') is not None:
        pytest.skip('cv_bridge is installed here')
    assert colour_converter().description.endswith('because cv_bridge is not installed')
