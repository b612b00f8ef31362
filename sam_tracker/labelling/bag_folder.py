# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which files in a folder are those of a bag."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePath

import yaml

from sam_tracker.core.paths import visible

COMPRESSED = '.zstd'
"""Appended to its name when a recorder compresses a whole file."""
SUFFIXES = ('.mcap', '.db3', f'.mcap{COMPRESSED}', f'.db3{COMPRESSED}')
METADATA = 'metadata.yaml'


def bag_files(path: Path) -> tuple[list[Path], list[Path], list[str]]:
    """
    Return the files of a bag, which is a folder or one file, and what does not fit.

    As for rosbag2, the files are those that ``metadata.yaml`` lists. If it lists none, or one that
    is missing, they are all. Of a file and its compressed copy only one is read: the listed one,
    or else the uncompressed one, since a recorder removes this only after it has compressed all of
    it. A player leaves both.

    :returns: the files; files beside them, of other bags; and names of files that are missing.
    """
    paths = visible(path.iterdir()) if path.is_dir() else [path]
    found = {each.name: each for each in paths if each.name.endswith(SUFFIXES)}
    named = listed = _listed(path / METADATA)
    if not listed or not listed <= found.keys():
        listed = found.keys() - {f'{each}{COMPRESSED}' for each in found}
    same = {each.removesuffix(COMPRESSED) for each in listed}
    return (
        [each for name, each in found.items() if name in listed],
        [each for name, each in found.items() if name.removesuffix(COMPRESSED) not in same],
        sorted(name for name in named if name.removesuffix(COMPRESSED) not in same),
    )


def _listed(metadata: Path) -> set[str]:
    """Return the names that metadata list; none if they cannot be read."""
    # What is raised depends on what is wrong with the file.
    with suppress(Exception):
        document = yaml.safe_load(metadata.read_bytes())
        # Early recorders put the name of the folder before that of the file.
        return {
            PurePath(each).name
            for each in document['rosbag2_bagfile_information']['relative_file_paths']
        }
    return set()
