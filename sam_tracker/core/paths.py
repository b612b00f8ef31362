# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Paths as people write them."""

from pathlib import Path


def expanded(path: str | Path) -> Path:
    """Return the path with ``~`` replaced; as it is where nobody knows that user's folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
