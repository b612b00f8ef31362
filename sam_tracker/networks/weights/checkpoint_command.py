# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command that lists, downloads, verifies and shows checkpoints; nothing else downloads."""

import argparse
from collections.abc import Sequence
import logging
from pathlib import Path
import sys

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from sam_tracker.command_line import OneLineParser
from sam_tracker.networks.weights.catalogue import (
    FOLDER_VARIABLE,
    KNOWN_CHECKPOINTS,
    CheckpointError,
    KnownCheckpoint,
    download_folder,
    find_checkpoint,
    known_by_sha256,
    sha256_of,
)
from sam_tracker.networks.weights.download import Source, download

_PROGRAM = 'sam_tracker-checkpoint'


def main(args: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 after one line on stderr that says what went wrong."""
    options = _parser().parse_args(args)
    try:
        return options.run(options)
    except CheckpointError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f'{error.filename or "output"}: {error.strerror}')
    except KeyboardInterrupt:
        return _fail('interrupted; the same command continues', status=130)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=_PROGRAM,
        description='SAM 2.1 checkpoints: what there is, and what lies on this machine.',
        epilog=f'Downloads go to {download_folder()}; {FOLDER_VARIABLE} names another folder.',
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)

    command = commands.add_parser('list', help='the known checkpoints and where they lie')
    command.set_defaults(run=_list)

    command = commands.add_parser('download', help='fetch checkpoints, or the rest of them')
    command.add_argument('names', metavar='NAME', nargs='+', help=', '.join(_downloadable()))
    command.add_argument('--url', help='fetch the one NAME from there; it is checked all the same')
    command.set_defaults(run=_download)

    command = commands.add_parser('verify', help='check files against what was published')
    command.add_argument('files', metavar='FILE', nargs='+', help='a path or a name')
    command.set_defaults(run=_verify)

    command = commands.add_parser('show', help='what a file holds')
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
        size = 'bundled' if known.size is None else f'{known.size / 1e6:.0f} MB'
        _say(f'{known.name:<10} {size:>8}  {place}')
    _say(f'downloads go to {download_folder()}')
    return 0


def _download(options: argparse.Namespace) -> int:
    wanted = [_downloadable_named(name) for name in options.names]
    if options.url and len(wanted) != 1:
        raise CheckpointError(f'--url is for one NAME, not for {len(wanted)}')
    for known in wanted:
        destination = download_folder() / known.file_name
        if destination.exists():
            sha256 = _checked_sum(destination)
            _require_published(known, destination, sha256)
            _say(f'{destination}: already here, {_verdict(sha256)}')
            continue
        source = Source(options.url or str(known.url), known.size, known.sha256)
        with (
            _Bar(known.name) as bar,
            logging_redirect_tqdm([logging.getLogger('sam_tracker')]),
        ):
            sha256 = download(source, destination, bar.show)
        _say(f'{destination}: downloaded, {_verdict(sha256)}')
    return 0


def _verify(options: argparse.Namespace) -> int:
    status = 0
    for file in options.files:
        try:
            path = find_checkpoint(file)
            _say(f'{path}: {_verified(path)}')
        except CheckpointError as error:  # noqa: PERF203  (the other files are looked at all the same)
            status = _fail(str(error))
    return status


def _verified(path: Path) -> str:
    sha256 = _checked_sum(path)
    for known in KNOWN_CHECKPOINTS.values():
        if known.file_name == path.name:
            _require_published(known, path, sha256)
    published = known_by_sha256(sha256)
    if published is not None:
        return f'{published.name}, {_verdict(sha256)}'
    # torch takes seconds to import, and only here is it needed.
    from sam_tracker.networks.registry import recognise
    from sam_tracker.networks.weights.loading import misfit
    from sam_tracker.networks.weights.state_dict_file import load_state_dict_file

    state_dict = load_state_dict_file(path)
    problem = misfit(state_dict)
    if problem:
        raise CheckpointError(f'{path}: {problem}')
    return f'fits {recognise(state_dict)}, {_verdict(sha256)}'


def _show(options: argparse.Namespace) -> int:
    path = find_checkpoint(options.file)
    sha256 = _checked_sum(path)
    from sam_tracker.networks.registry import recognise
    from sam_tracker.networks.weights.loading import misfit
    from sam_tracker.networks.weights.state_dict_file import load_state_dict_file

    state_dict = load_state_dict_file(path)
    values = sum(tensor.numel() for tensor in state_dict.values())
    _say(f'file     {path}, {path.stat().st_size} bytes')
    _say(f'sum      {_verdict(sha256)}')
    _say(f'network  {recognise(state_dict) or "unknown"}')
    _say(f'content  {values:,} values in {len(state_dict)} tensors')
    _say(f'fits     {misfit(state_dict) or "yes"}')
    return 0


def _downloadable() -> list[str]:
    return [known.name for known in KNOWN_CHECKPOINTS.values() if known.url]


def _downloadable_named(name: str) -> KnownCheckpoint:
    known = KNOWN_CHECKPOINTS.get(name)
    if known is None:
        choice = ', '.join(_downloadable())
        raise CheckpointError(f'no checkpoint to download is called {name!r}; there are {choice}')
    if known.url is None:
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


class _Bar:
    """A progress bar on a terminal, and nothing elsewhere."""

    def __init__(self, name: str) -> None:
        self._bar = tqdm(desc=name, unit='B', unit_scale=True, disable=None)
        self._present: int | None = None

    def __enter__(self) -> '_Bar':
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def show(self, present: int, size: int | None) -> None:
        if self._present is None or present < self._present:
            # What was there before does not count towards the rate.
            self._bar.reset(size)
            self._bar.initial = self._bar.n = self._bar.last_print_n = present
        self._bar.update(present - self._bar.n)
        self._present = present


def _say(line: str) -> None:
    sys.stdout.write(f'{line}\n')


def _fail(problem: str, status: int = 1) -> int:
    sys.stderr.write(f'{_PROGRAM}: {problem}\n')
    return status
