# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Whether the installed cv_bridge works, found out without endangering this process.

A cv_bridge compiled for NumPy 1 can be imported beside NumPy 2: its `__init__` swallows the import
error of its compiled half. The first conversion then ends the process with a segmentation fault.
So the trial is one conversion in a child process; it costs a few tenths of a second, once, and
only where a cv_bridge is installed.
"""

import importlib.util
import os
from pathlib import Path
import signal
import subprocess
import sys

TRIAL_SECONDS = 30.0


def cv_bridge_fault() -> str | None:
    """Return why cv_bridge cannot be used, in a few words, or None if it works."""
    if importlib.util.find_spec('cv_bridge') is None:
        return 'is not installed'
    if not sys.executable:
        return 'could not be tried out: this process has no Python executable'
    # The child must find what this process would import, whoever put it on the path.
    path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
    try:
        trial = subprocess.run(
            [sys.executable, '-m', 'sam_tracker.ros.images.cv_bridge_trial'],
            env={**os.environ, 'PYTHONPATH': path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
            timeout=TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f'could not be tried out: {error}'
    if trial.returncode == 0:
        return None
    if 'compiled using NumPy 1' in trial.stderr:
        return f'was compiled for NumPy 1, but NumPy 2 is installed ({_ending(trial)})'
    return f'does not work: {_ending(trial)}'


def _ending(trial: subprocess.CompletedProcess[str]) -> str:
    if trial.returncode < 0:
        return f'a conversion ended with {signal.Signals(-trial.returncode).name}'
    lines = trial.stderr.strip().splitlines()
    return lines[-1].strip() if lines else f'a conversion ended with exit code {trial.returncode}'


def main() -> int:
    """Convert one small image with cv_bridge, as the node would, and compare its pixels."""
    # In the order of a node: OpenCV first, because two builds of it can also disagree.
    import cv2  # noqa: F401
    from cv_bridge import CvBridge
    import numpy as np
    from sensor_msgs.msg import Image

    message = Image(height=1, width=2, step=6, encoding='bgr8')
    message.data.frombytes(bytes([1, 2, 3, 4, 5, 6]))
    rgb = CvBridge().imgmsg_to_cv2(message, 'rgb8')
    if not np.array_equal(rgb, [[[3, 2, 1], [6, 5, 4]]]):
        sys.stderr.write(
            f'bgr8 pixels (1, 2, 3), (4, 5, 6) became {np.asarray(rgb).tolist()} in rgb8\n'
        )
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
