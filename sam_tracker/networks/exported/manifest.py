# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The manifest of a folder of exported graphs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
from pathlib import Path

FILE_NAME = 'graphs.json'


class GraphError(ValueError):
    """Graphs that cannot be written, read or used; the text names the reason."""

    @classmethod
    def of(cls, path: Path, error: BaseException) -> GraphError:
        """Return an error of another library about a graph, in one line."""
        lines = str(error).splitlines() or [type(error).__name__]
        return cls(f'{path}: {lines[0]}')


@dataclass(frozen=True)
class Manifest:
    """The network whose calls the graphs are."""

    network: str
    image_size: int
    weights: str
    """SHA-256 of the checkpoint file."""
    memories: int
    """K, places for memories."""
    pointers: int
    """P, places for object pointers."""
    opset: int

    def write(self, folder: Path) -> None:
        """Write the manifest to a folder."""
        (folder / FILE_NAME).write_text(json.dumps(asdict(self), indent=2) + '\n')

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """
        Read the manifest of a folder.

        :raises GraphError: it is missing or invalid.
        """
        path = folder / FILE_NAME
        try:
            return cls(**json.loads(path.read_text()))
        except OSError as error:
            raise GraphError(f'{path}: {error.strerror}') from error
        except (TypeError, ValueError) as error:
            raise GraphError(
                f'{path}: not written by this version of sam_tracker-export'
            ) from error
