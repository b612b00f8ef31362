# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What ``import sam_tracker`` offers, and the example of the README."""

from pathlib import Path
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

import sam_tracker

from .video_file import write_video

README = (Path(__file__).resolve().parents[1] / 'README.md').read_text()


def test_every_public_name_is_there():
    assert [getattr(sam_tracker, name).__name__ for name in sam_tracker.__all__] == (
        sam_tracker.__all__
    )
    assert set(sam_tracker.__all__) <= set(dir(sam_tracker))


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'sam_tracker' has no attribute 'Trackers'"):
        sam_tracker.Trackers  # noqa: B018 -- reading it is the test


def test_the_package_alone_imports_no_heavy_library():
    program = (
        'import sys, sam_tracker; from sam_tracker import Frame, Prompt; '
        'print({"torch", "cv2", "rclpy"} & set(sys.modules))'
    )
    answer = subprocess.run([sys.executable, '-c', program], capture_output=True, check=True)
    assert answer.stdout.strip() == b'set()'


def test_the_example_of_the_readme_tracks_a_video(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images = np.full((6, 240, 320, 3), 90, np.uint8)
    for number, image in enumerate(images):
        cv2.rectangle(image, (100 + 4 * number, 80), (160 + 4 * number, 140), (0, 0, 255), -1)
    write_video(tmp_path / 'clip.avi', images, rate=30)
    (example,) = re.findall(r'```python\n(from sam_tracker import.*?)```', README, re.S)
    exec(compile(example, 'README.md', 'exec'), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert all(re.match(r'1 TRACKED \[[\d. ]+\] 0\.\d\d$', line) for line in lines), lines
    assert len(re.findall(r'^\S', example, re.M)) <= 10
