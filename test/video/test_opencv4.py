# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Reading and writing images works with OpenCV 4, which Ubuntu and Debian ship."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEEL = 'opencv-python-headless==4.10.*'
"""The first one for NumPy 2; its Python interface is that of the 4.6 of Ubuntu 24.04."""
TESTS = [
    'test/recording',
    'test/ros/images/test_compressed.py',
    'test/test_image_files.py',
    'test/test_rendering.py',
    'test/video/test_sources.py',
]


@pytest.fixture(scope='module')
def environment(tmp_path_factory) -> dict[str, str]:
    """Return the environment of a process that imports OpenCV 4."""
    folder = tmp_path_factory.mktemp('opencv4')
    install = subprocess.run(
        [sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--target', folder, WHEEL],
        capture_output=True,
        text=True,
        check=False,
    )
    if install.returncode:
        pytest.skip(f'{WHEEL} cannot be had: {install.stderr.strip().splitlines()[-1]}')
    path = os.pathsep.join([str(folder), str(ROOT), os.environ.get('PYTHONPATH', '')])
    return {**os.environ, 'PYTHONPATH': path}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_video_node_plays(environment):
    settings = ['source:=pattern', 'frames:=3', 'rate:=100.0']
    arguments = [word for setting in settings for word in ('-p', setting)]
    done = run(environment, '-m', 'sam_tracker.nodes.video_node', '--ros-args', *arguments)
    assert done.returncode == 0, done.stderr
    assert 'published 3 frames' in done.stdout + done.stderr


def test_the_tests_of_pictures_pass(environment):
    version = run(environment, '-c', 'import cv2; print(cv2.__version__)')
    assert version.stdout.startswith('4.')
    done = run(environment, '-m', 'pytest', '-q', '-x', '-p', 'no:cacheprovider', *TESTS)
    assert done.returncode == 0, done.stdout[-3000:]
