# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Fast DDS settings for large images, and removal of shared memory left by crashed processes."""

from collections.abc import Iterator
import contextlib
import fcntl
import os
from pathlib import Path
import pwd
import re
import stat
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

    :raises FileNotFoundError: the package is installed without its ``config`` folder.
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
    Delete the shared memory that killed processes of this user left behind.

    Fast DDS cleans up when a process ends, but not when it is killed: a node that is restarted
    often would fill the memory with segments of 34 MB each. Every running participant locks a
    file for its segment, so a segment with a free lock has no owner.

    Any user can create files in this folder, so only regular files of this user are opened,
    without following links and without waiting for a writer.

    :param older_than: seconds; younger files are skipped, because a starting process creates the
        file before it locks it.
    :param folder: the operating system's folder for shared memory.
    :returns: the segments that were deleted.
    """
    deleted = []
    for segment in _segments(folder):
        lock = segment.with_name(f'{segment.name}_el')
        try:
            descriptor = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:  # of another user, or already deleted
            continue
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                continue
            if time.time() - status.st_mtime < older_than:
                continue
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            segment.unlink()
            lock.unlink()
        except OSError:  # in use, or already gone
            continue
        finally:
            os.close(descriptor)
        deleted.append(segment)
    return deleted


def users_of_other_segments(folder: Path = SHARED_MEMORY) -> list[str]:
    """
    Return the other users, by name or number, who own segments of participants.

    Fast DDS sends nothing to a participant of this machine whose segment it cannot open, and does
    not fall back to the network.
    """
    owners = set()
    for segment in _segments(folder):
        with contextlib.suppress(OSError):  # already gone
            owners.add(segment.lstat().st_uid)
    return sorted(map(_user_name, owners - {os.geteuid()}))


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f'user {number}'


def _segments(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.iterdir():
            if SEGMENT_NAME.fullmatch(path.name):
                yield path


def _prefixes() -> list[Path]:
    """Return where the package may be installed: the prefixes of colcon, then that of pip."""
    colcon = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    return [Path(prefix) for prefix in colcon if prefix] + [Path(sys.prefix)]
