# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Consoles in processes of their own, and pages without a browser: websockets of aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
import json
from pathlib import Path
import re

import pytest

pytest.importorskip('aiohttp', reason='aiohttp, which the console needs, is not installed')

from aiohttp import ClientSession, ClientTimeout, ClientWebSocketResponse, CookieJar, WSMsgType

from ...conftest import Program, wait_until
from ...packet_reading import read_packet

LONG = 60.0
"""Seconds that anything may take on a machine that has much else to do."""
CONSOLE = 'sam_tracker.nodes.console.console'


class RunningConsole:
    """A console and where its page is."""

    def __init__(self, program: Program, recordings: Path | None = None) -> None:
        """:param recordings: folder that the console was given for them."""
        self.program = program
        self.recordings = recordings
        wait_until(
            lambda: 'serving http' in program.output or program.process.poll() is not None,
            'the start of the console',
            patience=LONG,
        )
        assert 'serving http' in program.output, program.output
        self.url = re.search(r'serving (https?://\S+:\d+):', program.output)[1]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(':')[2])


@pytest.fixture(scope='module')
def console(graph, tmp_path_factory) -> RunningConsole:
    """A console without a password, for all tests of a module."""
    # To YAML, which parses values of parameters, a colon and a hash mean something.
    folder = tmp_path_factory.mktemp('recordings') / 'run: 1 #2'
    return RunningConsole(graph.start(CONSOLE, port=0, recordings_folder=f"'{folder}'"), folder)


@pytest.fixture
def start_console(graph) -> Iterator[Callable[..., RunningConsole]]:
    """Starts consoles that end with the test."""
    started: list[RunningConsole] = []

    def start(**parameters: object) -> RunningConsole:
        program = graph.start(CONSOLE, **{'port': 0, **parameters})
        started.append(RunningConsole(program))
        return started[-1]

    yield start
    for each in started:
        each.program.process.kill()
        each.program.process.wait()


class Page:
    """What a page does, without a browser."""

    def __init__(self, socket: ClientWebSocketResponse, draws: bool = True) -> None:
        self._socket = socket
        self._draws = draws
        self._number = 0

    async def send(self, command: str, **fields: object) -> int:
        self._number += 1
        fields = {'command': command, 'number': self._number, **fields}
        await self._socket.send_str(json.dumps(fields))
        return self._number

    async def next(self):
        """Return the next message: a dict, or the three parts of a frame."""
        message = await asyncio.wait_for(self._socket.receive(), LONG)
        if message.type is WSMsgType.BINARY:
            if self._draws:
                await self.send('shown')
            return read_packet(message.data)
        assert message.type is WSMsgType.TEXT, message
        return json.loads(message.data)

    async def until(self, condition: Callable[[object], object]):
        """Return the next message that meets a condition."""

        async def wait():
            while True:
                message = await self.next()
                if condition(message):
                    return message

        return await asyncio.wait_for(wait(), LONG)

    async def state(self, condition: Callable[[dict], object] = lambda _: True) -> dict:
        return await self.until(
            lambda each: isinstance(each, dict) and each['kind'] == 'state' and condition(each)
        )

    async def frame(self, condition: Callable[[dict], object] = lambda _: True):
        """Return header, masks and picture of the next frame whose header meets a condition."""
        return await self.until(lambda each: isinstance(each, tuple) and condition(each[0]))

    async def ask(self, command: str, **fields: object) -> dict:
        number = await self.send(command, **fields)
        return await self.until(
            lambda each: (
                isinstance(each, dict) and each['kind'] == 'answer' and each['number'] == number
            )
        )

    async def watch(self, tracker: str = '/sam_tracker'):
        """Watch a tracker, once it is found, and return the first frame with tracks."""
        await self.state(lambda state: tracker in [each['name'] for each in state['trackers']])
        await self.send('watch', tracker=tracker)
        return await self.frame(lambda header: header['tracked'])


def browse(work: Callable[[ClientSession], object]) -> object:
    """Run a coroutine function with a browser's session, which keeps cookies."""

    async def run():
        # Browsers keep cookies of addresses, too.
        jar = CookieJar(unsafe=True)
        async with ClientSession(cookie_jar=jar, timeout=ClientTimeout(LONG)) as session:
            return await work(session)

    return asyncio.run(run())


def visit(url: str, work: Callable[[Page], object]) -> object:
    """Run a coroutine function with a page of a console."""

    async def run(session):
        async with connected(session, url) as socket:
            return await work(Page(socket))

    return browse(run)


def connected(session: ClientSession, url: str, **options: object):
    """Return the context of a websocket to a console."""
    headers = {'Origin': url, **options.pop('headers', {})}
    return session.ws_connect(f'{url}/live', headers=headers, max_msg_size=0, **options)
