# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Which checkpoints there are, and where their files lie on this machine.

Nothing here imports torch or opens a connection: listing and finding are instant, and looking for
a checkpoint never downloads one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
from types import MappingProxyType

from platformdirs import user_cache_path

FOLDER_VARIABLE = 'SAM_TRACKER_CHECKPOINTS'
BUNDLED_FOLDER = Path(__file__).parents[2] / 'weights'


class CheckpointError(Exception):
    """A checkpoint cannot be found, fetched or loaded; one line says which and why."""


@dataclass(frozen=True)
class KnownCheckpoint:
    """A checkpoint that can be asked for by name."""

    name: str
    """Also the name of the network's configuration."""
    file_name: str
    """What the file is called in a checkpoint folder."""
    url: str | None = None
    """Where the file is published; None for weights that come with the package."""
    size: int | None = None
    """Bytes; None where no figure is published."""
    sha256: str | None = None
    """64 hexadecimal digits; None where no figure is published."""


def _published_by_meta(name: str, size: int, sha256: str) -> KnownCheckpoint:
    file_name = f'sam2.1_hiera_{name}.pt'
    url = f'https://dl.fbaipublicfiles.com/segment_anything_2/092824/{file_name}'
    return KnownCheckpoint(name, file_name, url, size, sha256)


# The addresses are those of the README of Meta's sam2 repository. The sums of tiny and small stand
# on Meta's own model pages (huggingface.co/facebook/sam2.1-hiera-tiny and -small). Those of
# base_plus and large are the Git LFS identifiers of a copy of all four files
# (huggingface.co/camenduru/sam2-1-hiera) and equal what many projects recorded after fetching
# these very addresses; so do all the sizes.
KNOWN_CHECKPOINTS: Mapping[str, KnownCheckpoint] = MappingProxyType(
    {
        known.name: known
        for known in (
            KnownCheckpoint('nano', 'nano.pt'),
            _published_by_meta(
                'tiny',
                156_008_466,
                '7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69',
            ),
            _published_by_meta(
                'small',
                184_416_285,
                '6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38',
            ),
            _published_by_meta(
                'base_plus',
                323_606_802,
                'a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5',
            ),
            _published_by_meta(
                'large',
                898_083_611,
                '2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318',
            ),
        )
    }
)


def download_folder() -> Path:
    """Return where downloads go: $SAM_TRACKER_CHECKPOINTS, or the user's cache folder."""
    return _environment_folder() or _cache_folder()


def find_checkpoint(name_or_path: str | os.PathLike[str]) -> Path:
    """
    Return the path of a checkpoint file that exists; nothing is downloaded or opened.

    A name of ``KNOWN_CHECKPOINTS``, or a bare file name, is looked for in the folder that
    $SAM_TRACKER_CHECKPOINTS names, then in the user's cache folder (XDG), then among the weights
    that come with the package. Everything else is a path, ``~`` included; a bare file name is
    tried as a path first.

    Raises ``CheckpointError`` naming every place looked at and, where one exists, the command that
    fetches the file.
    """
    wanted = os.fspath(name_or_path)
    known = KNOWN_CHECKPOINTS.get(wanted)
    if known is not None:
        places = _places_of(known.file_name)
    else:
        if not wanted:
            raise CheckpointError(f"no checkpoint is called '': {_choice()}")
        path = _expanded(wanted)
        places = [path]
        if path.name == wanted:
            places += _places_of(wanted)
            known = next((k for k in KNOWN_CHECKPOINTS.values() if k.file_name == wanted), None)
    for place in places:
        if _is_file(place):
            return place
    raise CheckpointError(_not_found(wanted, known, places))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits; raises ``OSError`` as reading does."""
    digest = hashlib.sha256()
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    with path.open('rb', buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
    return digest.hexdigest()


def known_by_sha256(sha256: str) -> KnownCheckpoint | None:
    """Return the published checkpoint whose file has this sum, or None."""
    return next((known for known in KNOWN_CHECKPOINTS.values() if known.sha256 == sha256), None)


def part_path(path: Path) -> Path:
    """Return where an unfinished download of ``path`` is kept."""
    return path.with_name(f'{path.name}.part')


def _environment_folder() -> Path | None:
    value = os.environ.get(FOLDER_VARIABLE)
    return _expanded(value) if value else None


def _cache_folder() -> Path:
    return user_cache_path('sam_tracker', appauthor=False)


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        # '~name' of nobody: a file may be called so.
        return Path(path)


def _places_of(file_name: str) -> list[Path]:
    folders = [_environment_folder(), _cache_folder(), BUNDLED_FOLDER]
    return [folder / file_name for folder in folders if folder is not None]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        # A folder that may not be entered, a name that is too long: not the same as absent.
        raise CheckpointError(f'cannot look at {path}: {error.strerror}') from error


def _not_found(wanted: str, known: KnownCheckpoint | None, places: Iterable[Path]) -> str:
    places = list(places)
    folder = next((place for place in places if place.is_dir()), None)
    if folder is not None:
        return f'{wanted!r} is no checkpoint file: {folder} is a folder'
    text = f'no checkpoint {wanted!r}: looked for {", ".join(map(str, places))}'
    if known is None:
        return f'{text}; {_choice()}'
    if known.url is None:
        return f'{text}; it comes with the package, whose installation is incomplete'
    unfinished = next((part_path(p) for p in places if part_path(p).is_file()), None)
    if unfinished is not None:
        text += f'; an unfinished download lies at {unfinished}'
    return f'{text}; fetch it with: sam_tracker-checkpoint download {known.name}'


def _choice() -> str:
    return f'the known names are {", ".join(KNOWN_CHECKPOINTS)}'
