# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration in space, run as `make demo-3d` runs it, on a few images."""

import os
from pathlib import Path
import re
import subprocess
import sys

import cv2

ROOT = Path(__file__).resolve().parents[2]


def test_boxes_are_placed_within_the_bounds_of_the_documentation(domain, tmp_path):
    environment = dict(os.environ, ROS_DOMAIN_ID=str(domain), OUTPUT=str(tmp_path), IMAGES='6')
    ran = subprocess.run(
        [sys.executable, str(ROOT / 'demo' / 'run_3d.py')],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = re.findall(
        r'demo: (\w+)(, true masks)?: on (\d+) of 6 images, .* ([\d.]+) % of the distance',
        ran.stdout,
    )
    assert len(found) == 6, ran.stdout
    for label, true_masks, count, share in found:
        assert int(count) == 6, label
        assert float(share) < (0.5 if true_masks else 2.0), label
    picture = cv2.imread(str(tmp_path / 'top_view.png'))
    assert picture is not None and picture.std() > 10
