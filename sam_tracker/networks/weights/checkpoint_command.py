# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command that lists, downloads, verifies and shows checkpoints; nothing else downloads."""

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

from sam_tracker.command_line import OneLineParser, complain, file_error
from sam_tracker.core.texts import printable
from sam_tracker.networks.weights.catalogue import (
    FOLDER_VARIABLE,
    KNOWN_CHECKPOINTS,
    CheckpointError,
    KnownCheckpoint,
    download_folder,
    downloaded_file,
    find_checkpoint,
    known_by_sha256,
    sha256_of,
)
from sam_tracker.networks.weights.download import download

_PROGRAM = 'sam_tracker-checkpoint'


def main(args: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 after one line on stderr that says what went wrong."""
    options = _parser().parse_args(args)
    try:
        return options.run(options)
    except CheckpointError as error:
        return complain(_PROGRAM, str(error))
    except OSError as error:
        return complain(_PROGRAM, file_error(error, 'output'))
    except KeyboardInterrupt:
        return complain(_PROGRAM, 'interrupted; the same command continues', status=130)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=_PROGRAM,
        description='List, download, verify and show checkpoints.',
        epilog=f'Downloads go to the cache of huggingface_hub (HF_HOME), from HF_ENDPOINT if it '
        f'is set. Files in the folder that {FOLDER_VARIABLE} names are found first.',
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)

    command = commands.add_parser('list', help='known checkpoints and where they are')
    command.set_defaults(run=_list)

    command = commands.add_parser('download', help='download checkpoints, or the rest of them')
    command.add_argument('names', metavar='NAME', nargs='+', help=', '.join(_downloadable()))
    command.set_defaults(run=_download)

    command = commands.add_parser('verify', help='compare files with the published ones')
    command.add_argument('files', metavar='FILE', nargs='+', help='a path or a name')
    command.set_defaults(run=_verify)

    command = commands.add_parser('show', help='describe the content of a file')
    command.add_argument('file', metavar='FILE', help='a path or a name')
    command.set_defaults(run=_show)
    return parser


def _list(options: argparse.Namespace) -> int:
    del options
    for known in KNOWN_CHECKPOINTS.values():
        try:
            place = str(find_checkpoint(known.name))
        except CheckpointError:
            place = '-'
        if known.repository is None:
            size = 'bundled'
        else:
            size = '-' if known.size is None else f'{known.size / 1e6:.0f} MB'
        _say(f'{known.name:<10} {size:>8}  {place}')
    _say(f'downloads go to {download_folder()}')
    return 0


def _download(options: argparse.Namespace) -> int:
    for known in [_downloadable_named(name) for name in options.names]:
        path = _present(known)
        done = 'already here' if path else 'downloaded'
        path = path or download(known)
        _say(f'{path}: {done}, {_verdict(_checked_sum(path))}')
    return 0


def _present(known: KnownCheckpoint) -> Path | None:
    """Return the file if it is here; None also for a wrong one in the cache, to be replaced."""
    try:
        path = find_checkpoint(known.name)
    except CheckpointError:
        return None
    sha256 = _checked_sum(path)
    if path == downloaded_file(known) and known.sha256 not in {None, sha256}:
        return None
    _require_published(known, path, sha256)
    return path


def _verify(options: argparse.Namespace) -> int:
    status = 0
    for file in options.files:
        try:
            path = find_checkpoint(file)
            _say(f'{path}: {_verified(path)}')
        except CheckpointError as error:  # noqa: PERF203  (the other files are verified too)
            status = complain(_PROGRAM, str(error))
    return status


def _verified(path: Path) -> str:
    sha256 = _checked_sum(path)
    for known in KNOWN_CHECKPOINTS.values():
        if known.file_name == path.name:
            _require_published(known, path, sha256)
    published = known_by_sha256(sha256)
    if published is not None:
        return f'{published.name}, {_verdict(sha256)}'
    # torch takes seconds to import and is needed only here.
    from sam_tracker.networks.registry import recognise
    from sam_tracker.networks.weights.loading import misfit
    from sam_tracker.networks.weights.state_dict_file import read_checkpoint

    state_dict = read_checkpoint(path).state_dict
    problem = misfit(state_dict)
    if problem:
        raise CheckpointError(f'{path}: {problem}')
    return f'fits {recognise(state_dict)}, {_verdict(sha256)}'


def _show(options: argparse.Namespace) -> int:
    path = find_checkpoint(options.file)
    sha256 = _checked_sum(path)
    from sam_tracker.networks.registry import recognise
    from sam_tracker.networks.weights.loading import misfit
    from sam_tracker.networks.weights.state_dict_file import read_checkpoint

    checkpoint = read_checkpoint(path)
    state_dict = checkpoint.state_dict
    values = sum(tensor.numel() for tensor in state_dict.values())
    _say(f'file     {path}, {path.stat().st_size} bytes')
    _say(f'sum      {_verdict(sha256)}')
    _say(f'read     as {checkpoint.reading}')
    _say(f'network  {recognise(state_dict) or "unknown"}')
    _say(f'content  {values:,} values in {len(state_dict)} tensors')
    _say(f'fits     {misfit(state_dict) or "yes"}')
    return 0


def _downloadable() -> list[str]:
    return [known.name for known in KNOWN_CHECKPOINTS.values() if known.repository]


def _downloadable_named(name: str) -> KnownCheckpoint:
    known = KNOWN_CHECKPOINTS.get(name)
    if known is None:
        choice = ', '.join(_downloadable())
        raise CheckpointError(f'unknown checkpoint {name!r}; choose from {choice}')
    if known.repository is None:
        raise CheckpointError(f'{name} comes with the package, there is nothing to download')
    return known


def _checked_sum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise CheckpointError(f'cannot read {path}: {error.strerror}') from error


def _require_published(known: KnownCheckpoint, path: Path, sha256: str) -> None:
    if known.sha256 not in {None, sha256}:
        raise CheckpointError(
            f'{path}: not the published {known.name}: {path.stat().st_size} bytes with SHA-256 '
            f'{sha256} instead of {known.size} with {known.sha256}; move it away to download it'
        )


def _verdict(sha256: str) -> str:
    known = known_by_sha256(sha256)
    if known is None:
        return f'SHA-256 {sha256}, unverified: no such file is known to be published'
    return f'SHA-256 {sha256} as published for {known.name}'


def _say(line: str) -> None:
    sys.stdout.write(f'{printable(line)}\n')
