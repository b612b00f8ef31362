# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings started from the page: a recorder process and its files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
import contextlib
from datetime import datetime
from pathlib import Path
import re
import signal
import sys
import time
from typing import Any

from sam_tracker.core.paths import expanded

RECORDER = 'sam_tracker.nodes.recorder_node'
COMPRESSED = '/compressed'
FOLDER_NAME = re.compile(r'\d{8}_\d{6}_\d{6}')
"""Of recordings that a console has made; nothing else in the folder is listed or served."""
MOST_LISTED = 20
"""Recordings that the page lists, the newest ones."""
COMPLETE_TIMEOUT = 60.0
"""Seconds for the recorder to complete its files."""


class RecordingRefusedError(Exception):
    """A recording that is not started or stopped; the text says why."""


class Recordings:
    """One recording at a time, each in a folder of its own; belongs to the event loop."""

    def __init__(self, folder: str, on_end: Callable[[str], None]) -> None:
        """
        Store the arguments; the folder is made with the first recording.

        :param folder: for all recordings.
        :param on_end: called with the last line of a recorder that ended with an error.
        """
        self._folder = expanded(folder).absolute()
        self._on_end = on_end
        self._process: asyncio.subprocess.Process | None = None
        self._starting = False
        self._current: dict[str, Any] | None = None
        self._complete: list[dict[str, Any]] = []

    async def start(self, tracker: str, image_topic: str) -> str:
        """
        Start to record and return the name of the recording.

        :param tracker: whose tracks are recorded.
        :param image_topic: full name.
        :raises RecordingRefusedError: one is running, or the folder cannot be made.
        """
        if self._process is not None or self._starting:
            raise RecordingRefusedError('a recording is running already')
        if not image_topic:
            raise RecordingRefusedError(f'{tracker} has not said yet which images it uses')
        name = f'{datetime.now().astimezone():%Y%m%d_%H%M%S_%f}'
        self._starting = True
        try:
            (self._folder / name).mkdir(parents=True)
            transport = 'compressed' if image_topic.endswith(COMPRESSED) else 'raw'
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, '-m', RECORDER, '--ros-args'),
                *('-r', '__node:=console_recorder', '-r', '__ns:=/'),
                *('-r', f'image:={image_topic.removesuffix(COMPRESSED)}'),
                *('-r', f'tracks:={tracker}/tracks'),
                *('-p', f'image_transport:={transport}'),
                *('-p', f'output_folder:={_quoted(str(self._folder / name))}'),
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # Ctrl-C in a terminal is meant for the console, which ends the recorder itself.
                start_new_session=True,
            )
        except OSError as error:
            raise RecordingRefusedError(
                f'{str(self._folder / name)!r} cannot be made: {error.strerror}'
            ) from error
        finally:
            self._starting = False
        self._current = {'name': name, 'tracker': tracker, 'started': time.monotonic()}
        self._watch = asyncio.ensure_future(self._await_end(self._process))
        return name

    async def stop(self) -> str:
        """
        Complete the recording and return its name.

        :raises RecordingRefusedError: none is running, or the recorder ended with an error.
        """
        process, current = self._process, self._current
        if process is None or current is None:
            raise RecordingRefusedError('no recording is running')
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(asyncio.shield(self._watch), COMPLETE_TIMEOUT)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise RecordingRefusedError(
                f'recording {current["name"]} is not complete: the recorder did not end within '
                f'{COMPLETE_TIMEOUT:.0f} s'
            ) from None
        if process.returncode:
            raise RecordingRefusedError(
                f'recording {current["name"]} is not complete: the recorder ended with exit code '
                f'{process.returncode}'
            )
        await self.refresh()
        return str(current['name'])

    async def close(self) -> None:
        with contextlib.suppress(RecordingRefusedError):
            await self.stop()

    async def refresh(self) -> None:
        """List complete recordings in a thread, so that a slow disk blocks nothing."""
        self._complete = await asyncio.to_thread(self._listed, self._running_name())

    def _running_name(self) -> str:
        return self._current['name'] if self._current is not None else ''

    def state(self) -> dict[str, Any]:
        """Return the running recording and those complete at the last ``refresh``."""
        current = self._current
        running = None
        if current is not None:
            running = {
                'name': current['name'],
                'tracker': current['tracker'],
                'seconds': round(time.monotonic() - current['started'], 1),
            }
        return {'running': running, 'complete': self._complete}

    async def file(self, recording: str, name: str) -> Path | None:
        """
        Return a file of a complete recording, or None.

        Names are compared with those that are listed, so that none leads out of the folder.
        """
        for listed in await asyncio.to_thread(self._listed, self._running_name()):
            if listed['name'] == recording and name in {each['name'] for each in listed['files']}:
                return self._folder / recording / name
        return None

    def _listed(self, running: str) -> list[dict[str, Any]]:
        try:
            folders = sorted(
                (
                    each
                    for each in self._folder.iterdir()
                    if FOLDER_NAME.fullmatch(each.name) and _is_ours(each, each.is_dir())
                ),
                key=lambda each: each.name,
                reverse=True,
            )
        except OSError:
            return []
        return [
            {'name': folder.name, 'files': _files(folder)}
            for folder in folders[:MOST_LISTED]
            if folder.name != running
        ]

    async def _await_end(self, process: asyncio.subprocess.Process) -> None:
        _, errors = await process.communicate()
        self._process = self._current = None
        if process.returncode:
            lines = errors.decode(errors='replace').strip().splitlines()
            self._on_end(lines[-1] if lines else f'exit code {process.returncode}')


def _quoted(text: str) -> str:
    """Return a text as YAML, to which a colon and a hash mean something."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _files(folder: Path) -> list[dict[str, Any]]:
    with contextlib.suppress(OSError):
        return [
            {'name': each.name, 'bytes': each.stat().st_size}
            for each in sorted(folder.iterdir())
            if _is_ours(each, each.is_file())
        ]
    return []


def _is_ours(path: Path, right_kind: bool) -> bool:
    """Return whether a recorder may have written it: no link, and not hidden."""
    return right_kind and not path.is_symlink() and not path.name.startswith('.')
