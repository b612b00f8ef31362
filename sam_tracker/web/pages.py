# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The files of the pages, read once; servers serve only the files in this table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / 'static'

CONTENT_TYPES = {
    '.css': 'text/css',
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.svg': 'image/svg+xml',
}


@dataclass(frozen=True)
class PageFile:
    content: bytes
    content_type: str


def page_files() -> dict[str, PageFile]:
    """Return all files of the pages by name, such as ``drawing.js``."""
    return {
        path.name: PageFile(path.read_bytes(), CONTENT_TYPES[path.suffix])
        for path in sorted(FOLDER.iterdir())
        if path.suffix in CONTENT_TYPES
    }
