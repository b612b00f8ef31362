# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Files on other storage (s3, gs, http, ...), by fsspec."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from sam_tracker.core.texts import error_text
from sam_tracker.labelling.project_lock import LOCK
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.labelling.urls import name_of, public_url, without_secrets

SCRATCH = Path('~/.cache/sam_tracker/label')
"""Where copies are made unless another folder is named."""
NOT_COPIED = (LOCK,)
"""Files that are only meaningful on one machine."""
LAST_SUFFIX = '.checkpoint'
"""A checkpoint tells the lengths of other files, which must be there before it."""


def downloaded(url: str, folder: Path) -> Path:
    """
    Copy a file, or a folder with all that is in it, into a local folder.

    :returns: the copy.
    :raises LabellingError: it cannot be read.
    """
    target = folder / name_of(url)
    with _errors_of(url):
        system, path = _opened(url)
        if system.isfile(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(path, str(target))
            return target
    mirror = Mirror(url, target)
    mirror.pull()
    if not target.exists():
        raise LabellingError(f'{public_url(url)!r} does not exist')
    return target


class Mirror:
    """A local folder that is written back to another storage."""

    def __init__(self, url: str, local: Path) -> None:
        """
        Find the storage; nothing is copied.

        :param url: of the folder; created by ``push``.
        :param local: the copy.
        :raises LabellingError: there is no such storage, or its library is not installed.
        """
        self.url, self.local = url.rstrip('/'), local
        self._written: dict[str, tuple[int, int]] = {}
        """Size and time of change of the local copy of each remote file."""
        with _errors_of(url):
            self._system, path = _opened(self.url)
            self._root = str(path).rstrip('/')

    def pull(self, under: str = '', without: str | None = None) -> None:
        """
        Copy remote files that are not copied yet.

        :param under: a file or folder in the folder; empty: all.
        :param without: a folder in it that is left out.
        :raises LabellingError: they cannot be read.
        """
        with _errors_of(self.url):
            for name in self._remote_names(under):
                left_out = without is not None and name.startswith(f'{without}/')
                if left_out or name in self._written:
                    continue
                path = self.local / name
                path.parent.mkdir(parents=True, exist_ok=True)
                self._system.get_file(f'{self._root}/{name}', str(path))
                self._written[name] = _state(path)

    def pull_again(self, name: str) -> None:
        """
        Copy a remote file that another machine may have changed; what was changed here is lost.

        :param name: of the file in the folder; if it is not there, nothing is copied.
        :raises LabellingError: it cannot be read.
        """
        self._written.pop(name, None)
        self.pull(name)

    def push(self, under: str = '') -> None:
        """
        Copy what has changed back, and remove remote files whose copies were removed.

        :param under: a file or folder in the folder; empty: all.
        :raises LabellingError: it cannot be written.
        """
        start = self.local / under
        paths = (
            [start] if start.is_file() else [path for path in start.rglob('*') if path.is_file()]
        )
        paths = [path for path in paths if path.name not in NOT_COPIED]
        with _errors_of(self.url):
            for path in sorted(paths, key=lambda each: (each.suffix == LAST_SUFFIX, each)):
                name, state = path.relative_to(self.local).as_posix(), _state(path)
                if self._written.get(name) != state:
                    target = f'{self._root}/{name}'
                    self._system.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
                    self._system.put_file(str(path), target)
                    self._written[name] = state
            for name in list(self._written):
                inside = not under or name == under or name.startswith(f'{under}/')
                if inside and not (self.local / name).exists():
                    self._system.rm_file(f'{self._root}/{name}')
                    del self._written[name]

    def forget(self, under: str, but: Collection[str] = ()) -> None:
        """
        Remove local files; the remote ones stay, and so do the local folders.

        :param under: a folder in the folder.
        :param but: files that are kept.
        """
        paths = [path for path in (self.local / under).rglob('*') if path.is_file()]
        for path in paths:
            name = path.relative_to(self.local).as_posix()
            if name not in but:
                self._written.pop(name, None)
                path.unlink()

    def make_folders(self, under: str) -> None:
        """
        Make empty local folders of the names of the remote ones.

        :param under: a folder in the folder, which holds them.
        :raises LabellingError: they cannot be listed.
        """
        path = f'{self._root}/{under}'
        with _errors_of(self.url):
            self._system.invalidate_cache()
            entries = self._system.ls(path, detail=True) if self._system.exists(path) else []
            for entry in entries:
                if entry['type'] == 'directory':
                    name = PurePosixPath(entry['name'].rstrip('/')).name
                    (self.local / under / name).mkdir(parents=True, exist_ok=True)

    def _remote_names(self, under: str) -> list[str]:
        # Other machines write here too.
        self._system.invalidate_cache()
        path = f'{self._root}/{under}'.rstrip('/')
        if not self._system.exists(path):
            return []
        root = PurePosixPath('/', self._root)
        found = self._system.find(path)
        return [PurePosixPath('/', str(each)).relative_to(root).as_posix() for each in found]


def _opened(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    return system, str(path)


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@contextmanager
def _errors_of(url: str) -> Iterator[None]:
    """Convert errors of the storage, naming the URL without secrets."""
    try:
        yield
    except LabellingError:
        raise
    except ImportError as error:
        raise LabellingError(
            f'{public_url(url)!r} needs fsspec, and often a package of the storage (s3fs, gcsfs):'
            f' {error}'
        ) from error
    except Exception as error:
        # Each storage has errors of its own.
        reason = without_secrets(error_text(error), url)
        raise LabellingError(f'{public_url(url)!r} cannot be used: {reason}') from error
