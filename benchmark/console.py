# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What the console costs, and whether slow viewers cost the others anything.

A camera of 640x480 at 15 Hz, a tracker with one object, and a console, each a process. First one
page is open, then many: one of them never reads, one takes 30 kB/s. Printed for each case: the
processor time of the console, of one core; its memory; the rates of the tracker and of the pages.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import tempfile
import time

from aiohttp import ClientSession, WSMsgType
import numpy as np

from sam_tracker import programs

RATE = 15.0
SLOW_LINK = 30_000
"""Bytes per second."""
BOX = [298, 12, 595, 240]


@contextmanager
def node(name: str, log: Path, **parameters: object) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, '-m', getattr(programs, name).args[0], '--ros-args']
    for key, value in parameters.items():
        command += ['-p', f'{key}:={value}']
    with log.open('wb') as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def resident_megabytes(process: subprocess.Popen[bytes]) -> float:
    pages = int(Path(f'/proc/{process.pid}/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


class Viewer:
    """An open page that counts its pictures."""

    def __init__(self, session: ClientSession, url: str, link: float | None = None) -> None:
        """:param link: bytes per second; None: as fast as they come."""
        self._session, self._url, self._link = session, url, link
        self.pictures = 0
        self.bytes = 0
        self.state: dict = {}

    async def run(self) -> None:
        headers = {'Origin': self._url}
        async with self._session.ws_connect(f'{self._url}/live', headers=headers) as socket:
            self.socket = socket
            await socket.send_json({'command': 'watch', 'number': 0, 'tracker': '/sam_tracker'})
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    told = json.loads(message.data)
                    self.state = told if told['kind'] == 'state' else self.state
                    continue
                if self._link is not None:
                    await asyncio.sleep(len(message.data) / self._link)
                self.pictures += 1
                self.bytes += len(message.data)
                await socket.send_json({'command': 'shown', 'number': 0})


async def never_reading(session: ClientSession, url: str) -> None:
    async with session.ws_connect(f'{url}/live', headers={'Origin': url}) as socket:
        await socket.send_json({'command': 'watch', 'number': 0, 'tracker': '/sam_tracker'})
        await asyncio.Event().wait()


async def measured(
    console: subprocess.Popen[bytes], url: str, count: int, seconds: float, *, tracked: bool
) -> str:
    """Open pages, prompt once if an object is to be tracked, and return a line of the table."""
    async with ClientSession() as session:
        viewers = [Viewer(session, url) for _ in range(count if count == 1 else count - 2)]
        if count > 1:
            viewers.append(Viewer(session, url, SLOW_LINK))
        tasks = [asyncio.ensure_future(each.run()) for each in viewers]
        if count > 1:
            tasks.append(asyncio.ensure_future(never_reading(session, url)))
        while not all(each.pictures for each in viewers):
            await asyncio.sleep(0.1)
        prompt = {'tracker': '/sam_tracker', 'box': BOX, 'object_id': 0, 'label': ''}
        if tracked:
            await viewers[0].socket.send_json({'command': 'add_prompt', 'number': 1, **prompt})
        await asyncio.sleep(5.0)
        start, used = time.monotonic(), processor_seconds(console)
        before = [(each.pictures, each.bytes) for each in viewers]
        await asyncio.sleep(seconds)
        wall = time.monotonic() - start
        used = processor_seconds(console) - used
        rates = [(v.pictures - p) / wall for v, (p, _) in zip(viewers, before, strict=True)]
        traffic = sum(v.bytes - b for v, (_, b) in zip(viewers, before, strict=True)) / wall
        (values,) = (each['values'] for each in viewers[0].state['trackers'])
        fast = rates if count == 1 else rates[:-1]
        line = (
            f'{count:>5} {100 * used / wall:>9.1f} {1000 * used / wall / np.median(fast):>11.1f} '
            f'{resident_megabytes(console):>9.0f} {values["processed rate (Hz)"]:>11} '
            f'{np.median(fast):>9.1f} {min(fast):>8.1f} '
            f'{rates[-1] if count > 1 else float("nan"):>9.1f} {traffic / 1e6:>7.2f}'
        )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--viewers', type=int, nargs='+', default=[1, 20])
    parser.add_argument('--seconds', type=float, default=20.0, help='of each measurement')
    parser.add_argument(
        '--without-object',
        action='store_true',
        help='track nothing: the tracker keeps the rate of the camera on any machine',
    )
    options = parser.parse_args()
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    folder = Path(tempfile.mkdtemp(prefix='sam_tracker_console_'))
    with (
        node('video_node', folder / 'video', width=640, height=480, rate=RATE),
        node('tracker_node', folder / 'tracker'),
        node('console', folder / 'console', port=0) as console,
    ):
        while not (found := re.search(r'serving (\S+):', (folder / 'console').read_text())):
            time.sleep(0.1)
        print(
            'pages  % of core  ms/picture  RSS (MB)  tracker Hz  median Hz  min Hz  slow link   '
            'MB/s'
        )
        for count in options.viewers:
            tracked = not options.without_object
            work = measured(console, found[1], count, options.seconds, tracked=tracked)
            print(asyncio.run(work), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
