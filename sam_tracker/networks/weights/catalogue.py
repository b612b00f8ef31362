# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Known checkpoints, and where their files are on this machine.

Nothing here imports torch or opens a connection: finding a checkpoint never downloads one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
from types import MappingProxyType

from sam_tracker.core.paths import expanded

FOLDER_VARIABLE = 'SAM_TRACKER_CHECKPOINTS'
BUNDLED_FOLDER = Path(__file__).parents[2] / 'weights'
_FILES_OF_FOLDERS = ('model.safetensors', 'pytorch_model.bin')
"""What transformers calls the weights in the folder of a network, the preferred one first."""


class CheckpointError(Exception):
    """A checkpoint cannot be found, downloaded or loaded; one line says which and why."""


@dataclass(frozen=True)
class KnownCheckpoint:
    """A checkpoint that can be asked for by name."""

    name: str
    """Also the name of the network."""
    file_name: str
    """Name of the file, in its repository and in a checkpoint folder."""
    repository: str | None = None
    """Hugging Face repository with the file; None for weights that come with the package."""
    size: int | None = None
    """Bytes; None where no figure is published."""
    sha256: str | None = None
    """64 hexadecimal digits; None where no figure is published."""
    repository_folder: str = ''
    """Folder of the file within its repository, with a slash at its end."""

    @property
    def repository_path(self) -> str:
        """Path of the file within its repository."""
        return f'{self.repository_folder}{self.file_name}'


def _published_by_meta(name: str, size: int, sha256: str) -> KnownCheckpoint:
    repository = f'facebook/sam2.1-hiera-{name.replace("_", "-")}'
    return KnownCheckpoint(name, f'sam2.1_hiera_{name}.pt', repository, size, sha256)


def _first_sam(name: str, file_name: str, size: int, sha256: str) -> KnownCheckpoint:
    # Meta publishes these outside Hugging Face; the repository holds the same bytes.
    repository = 'ybelkada/segment-anything'
    return KnownCheckpoint(name, file_name, repository, size, sha256, 'checkpoints/')


DEFAULT_CHECKPOINT = 'mobile'
"""Name of the bundled weights that are used unless others are asked for."""

# The sums of tiny and small are from Meta's model pages (huggingface.co/facebook/sam2.1-hiera-tiny
# and -small). Those of base_plus and large are the Git LFS identifiers of a copy of all four files
# (huggingface.co/camenduru/sam2-1-hiera) and equal what many projects recorded of Meta's files; so
# do all the sizes.
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
            KnownCheckpoint('mobile', 'mobile.pt'),
            # No sum is published; what is downloaded must fit all the same.
            KnownCheckpoint('edgetam', 'edgetam.pt', 'facebook/EdgeTAM'),
            _first_sam(
                'sam_vit_b',
                'sam_vit_b_01ec64.pth',
                375_042_383,
                'ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912',
            ),
            _first_sam(
                'sam_vit_l',
                'sam_vit_l_0b3195.pth',
                1_249_524_607,
                '3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622',
            ),
            _first_sam(
                'sam_vit_h',
                'sam_vit_h_4b8939.pth',
                2_564_550_879,
                'a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e',
            ),
        )
    }
)


def find_checkpoint(name_or_path: str | os.PathLike[str]) -> Path:
    """
    Return the path of a checkpoint file that exists; nothing is downloaded or opened.

    A name of ``KNOWN_CHECKPOINTS``, or a bare file name, is looked for in the folder that
    $SAM_TRACKER_CHECKPOINTS names, among the weights that come with the package and, if it is one
    of the known files, in the cache of huggingface_hub. Everything else is a path, with ``~``
    expanded; a bare file name is tried as a path first. Of a folder that transformers saved a
    network to, the file with the weights is returned.

    :raises CheckpointError: naming every place that was searched and, where one exists, the
        command that downloads the file.
    """
    wanted = os.fspath(name_or_path)
    known = KNOWN_CHECKPOINTS.get(wanted)
    if known is not None:
        places = _places_of(known.file_name)
    else:
        if not wanted:
            raise CheckpointError(f"no checkpoint '': {_choice()}")
        path = expanded(wanted)
        places = [path]
        if path.name == wanted:
            places += _places_of(wanted)
            known = next((k for k in KNOWN_CHECKPOINTS.values() if k.file_name == wanted), None)
    for place in places:
        if _is_file(place):
            return place
        for name in _FILES_OF_FOLDERS:
            if _is_file(place / name):
                return place / name
    downloaded = None if known is None else downloaded_file(known)
    if downloaded is not None:
        return downloaded
    raise CheckpointError(_not_found(wanted, known, places))


def downloaded_file(known: KnownCheckpoint) -> Path | None:
    """Return the path of a known file in the cache of huggingface_hub; None: it is not there."""
    if known.repository is None:
        return None
    # Imported only where it is needed: listing and loading bundled weights is instant.
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(known.repository, known.repository_path)
    return Path(found) if isinstance(found, str) else None


def download_folder() -> Path:
    """Return the cache of huggingface_hub: $HF_HUB_CACHE, or a folder within $HF_HOME."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def sha256_of(path: Path) -> str:
    """
    Return the SHA-256 of a file, 64 hexadecimal digits.

    :raises OSError: the file cannot be read.
    """
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


def _environment_folder() -> Path | None:
    value = os.environ.get(FOLDER_VARIABLE)
    return expanded(value) if value else None


def _places_of(file_name: str) -> list[Path]:
    folders = [_environment_folder(), BUNDLED_FOLDER]
    return [folder / file_name for folder in folders if folder is not None]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        # A folder that may not be entered, a name that is too long: not the same as absent.
        raise CheckpointError(f'cannot look at {path}: {error.strerror}') from error


def _not_found(wanted: str, known: KnownCheckpoint | None, places: list[Path]) -> str:
    folder = next((place for place in places if place.is_dir()), None)
    if folder is not None:
        return f'{wanted!r} is no checkpoint file: {folder} is a folder'
    text = f'no checkpoint {wanted!r}: looked for {", ".join(map(str, places))}'
    if known is None:
        return f'{text}; {_choice()}'
    if known.repository is None:
        return f'{text}; it comes with the package, whose installation is incomplete'
    return (
        f'{text}, and {known.repository} in {download_folder()}; download it with: '
        f'sam_tracker-checkpoint download {known.name}'
    )


def _choice() -> str:
    return f'the known names are {", ".join(KNOWN_CHECKPOINTS)}'
