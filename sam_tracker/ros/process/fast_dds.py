# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the default middleware needs: room for images, and the room of killed nodes given back."""

from collections.abc import Iterator
import fcntl
import os
from pathlib import Path
import re
import sys
import time

import sam_tracker

PROFILE = 'fastdds_large_images.xml'

SHARED_MEMORY = Path('/dev/shm')

# A participant's segment; Fast DDS 2 (Humble, Jazzy) and 3 (Kilted) name it differently.
SEGMENT_NAME = re.compile(r'(fastrtps|fastdds)_[0-9a-f]{16}')


def large_image_profile() -> Path:
    """
    Return the Fast DDS profile for nodes that publish images.

    Raises:
        FileNotFoundError: the package is installed without its `config` folder.

    """
    places = [*_prefixes(), Path(sam_tracker.__file__).parents[1]]
    for place in places:
        for folder in (place / 'share' / 'sam_tracker' / 'config', place / 'config'):
            if (folder / PROFILE).is_file():
                return folder / PROFILE
    raise FileNotFoundError(f'{PROFILE} is in none of {", ".join(map(str, places))}')


def large_image_environment() -> dict[str, str]:
    """Return the variables that make a process use the profile, unless one is in use already."""
    variables = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
    if any(os.environ.get(variable) for variable in variables):
        return {}
    return dict.fromkeys(variables, str(large_image_profile()))


def remove_abandoned_segments(
    older_than: float = 60.0, folder: Path = SHARED_MEMORY
) -> list[Path]:
    """
    Delete the shared memory of processes that were killed, and return what was deleted.

    Fast DDS cleans up behind a node that ends, but nobody does behind one that is killed, and a
    node that keeps being killed would fill the memory with segments of 34 MB each. Every living
    participant holds a lock on the file beside its segment; where that lock is free, nobody lives.

    Args:
        older_than: seconds; younger files are let be, since a process that is just starting makes
            the file first and locks it then.
        folder: where the operating system keeps shared memory.

    """
    deleted = []
    for segment in _segments(folder):
        lock = segment.with_name(f'{segment.name}_el')
        try:
            if time.time() - lock.stat().st_mtime < older_than:
                continue
            with lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                segment.unlink()
                lock.unlink()
        except OSError:  # it is in use, somebody else's, or already gone
            continue
        deleted.append(segment)
    return deleted


def _segments(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.iterdir():
            if SEGMENT_NAME.fullmatch(path.name):
                yield path


def _prefixes() -> list[Path]:
    """Return where the package may be installed: colcon's prefixes, then pip's."""
    colcon = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    return [Path(prefix) for prefix in colcon if prefix] + [Path(sys.prefix)]
