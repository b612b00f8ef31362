# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Expand paths, say why one leads nowhere or is no text, and list folders without hidden files."""

from collections.abc import Iterable
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """Return the path with ``~`` replaced; unchanged where that user's folder is not known."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        # '~name' without such a user: a file may have this name.
        return Path(path)


def missing(path: Path) -> str | None:
    """
    Return why a path cannot be used, to follow its name in a message; None if it exists.

    pathlib raises where a folder may not be entered or a name is too long.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 'does not exist'
    except OSError as error:
        return f'cannot be read: {error.strerror}'
    return None


def has_utf8_name(path: Path) -> bool:
    """Return whether a name is text: OpenCV crashes on others, which file systems allow."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def visible(paths: Iterable[Path]) -> list[Path]:
    """Return the paths in order, without hidden files: macOS writes ``._NAME`` beside NAME."""
    return sorted(path for path in paths if not path.name.startswith('.'))
