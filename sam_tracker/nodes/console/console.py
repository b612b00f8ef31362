# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The operator's console: a page in the browser to point at objects and to follow them.

It finds all trackers of the graph and serves one page, by default on http://127.0.0.1:8080.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
import contextlib
import sys
import threading

from sam_tracker.nodes.console.access import Access, is_loopback, password_of
from sam_tracker.nodes.console.console_node import NAME, ConsoleNode
from sam_tracker.nodes.console.desk import Desk
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.process.error_log import ErrorLog
from sam_tracker.ros.process.run_node import run_node

try:
    from sam_tracker.nodes.console.web_server import WebServer, certificates_of
except ModuleNotFoundError as error:
    if error.name != 'aiohttp':
        raise
    MISSING = str(error)
else:
    MISSING = ''

START_TIMEOUT = 30.0
END_TIMEOUT = 5.0
"""Seconds."""


class Console(ConsoleNode):
    """The node with its web server, which runs on a thread of its own."""

    def __init__(self, **options: object) -> None:
        """
        Start to serve.

        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid, the address cannot be listened on, or
            aiohttp is not installed.
        """
        # First of all: rclpy destroys a node whose constructor failed.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._running: asyncio.Task[None] | None = None
        super().__init__(**options)
        if MISSING:
            raise ParameterError(
                'the console needs aiohttp: apt install python3-aiohttp, or pip install '
                "'aiohttp>=3.8.1,<4'"
            )
        settings = self.settings
        access = Access(password_of(settings.password_file, settings.address))
        try:
            certificates = certificates_of(settings.certificate, settings.certificate_key)
        except ValueError as error:
            raise ParameterError(str(error)) from error
        errors = ErrorLog(self.get_logger())
        self._desk = Desk(self, errors)
        self._server = WebServer(self._desk, access, certificates, errors)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name='pages', daemon=True)
        self._thread.start()
        start = self._start()
        try:
            self.port = asyncio.run_coroutine_threadsafe(start, self._loop).result(START_TIMEOUT)
        except OSError as error:
            raise ParameterError(
                f'cannot serve on address {settings.address!r}, port {settings.port}: '
                f'{error.strerror or error}'
            ) from error
        self.get_logger().info(self._welcome(access, encrypted=certificates is not None))

    def destroy_node(self) -> None:
        if self._loop is not None and self._thread is not None:
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(END_TIMEOUT)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(END_TIMEOUT)
            self._loop = None
        super().destroy_node()

    async def _start(self) -> int:
        """Serve, and return the port."""
        port = await self._server.start(self.settings.address, self.settings.port)
        self._running = asyncio.ensure_future(self._desk.run())
        return port

    async def _close(self) -> None:
        if self._running is not None:
            self._running.cancel()
        await self._server.stop()
        if self._running is not None:
            # The recorder is asked to end before the loop does.
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    def _welcome(self, access: Access, *, encrypted: bool) -> str:
        """Return one line with the address of the page and who may open it."""
        address = self.settings.address
        host = f'[{address}]' if ':' in address else address
        who = 'everybody on this machine' if is_loopback(address) else 'everybody in the network'
        if access.needs_password:
            who += ' with the password'
        if not (is_loopback(address) or encrypted):
            who += ', which is sent unencrypted'
        does = 'look' if self.settings.read_only else 'look and command'
        scheme = 'https' if encrypted else 'http'
        return f'serving {scheme}://{host}:{self.port}: {who} may {does}'


def main(args: Sequence[str] | None = None) -> int:
    """Serve until asked to stop."""
    return run_node(NAME, Console, args)


if __name__ == '__main__':
    sys.exit(main())
