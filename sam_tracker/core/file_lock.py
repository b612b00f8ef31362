# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""File locks between processes, and between owners within one process."""

import fcntl
from pathlib import Path
from typing import BinaryIO


def locked(path: Path) -> BinaryIO:
    """
    Return a lock file, made if there is none: locked until it is closed or the process ends.

    :raises BlockingIOError: it is locked already.
    :raises OSError: it cannot be made or locked.
    """
    file = path.open('ab')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
