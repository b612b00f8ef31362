# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The web server of the console: pages, recordings, websockets, and who may open them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
import logging
import ssl
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType, web

from sam_tracker.nodes.console.command_parser import MOST_BYTES, CommandError, request_of
from sam_tracker.nodes.console.connections import HANDSHAKE_SECONDS, Connections
from sam_tracker.nodes.console.log_in import COOKIE, LogIn
from sam_tracker.nodes.console.viewer import MOST_COMMANDS, Viewer, ViewerEndedError
from sam_tracker.web.pages import page_files

if TYPE_CHECKING:
    from sam_tracker.nodes.console.access import Access
    from sam_tracker.nodes.console.desk import Desk
    from sam_tracker.ros.process.error_log import ErrorLog

MOST_POSTED = 4096
"""Bytes of a posted form."""
HEARTBEAT = 15.0
"""Seconds between pings of a websocket; a page that does not answer is closed."""
CLOSE_SECONDS = 1.0
"""For a page to confirm that its websocket is closed."""

SECURITY_HEADERS = {
    'Content-Security-Policy': "default-src 'self'; img-src 'self' blob: data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    'Cache-Control': 'no-store',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    # Without a referrer browsers call the origin of a form null, and the log-in would be refused.
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer:
    """
    Serves the pages of one desk.

    A request without a session is answered with 401 and the form of the log-in, or refused: 400,
    403. A stranger's connection is closed after the answer.
    """

    def __init__(
        self,
        desk: Desk,
        access: Access,
        certificates: ssl.SSLContext | None,
        errors: ErrorLog,
    ) -> None:
        """
        Read the pages; ``start`` listens.

        :param certificates: None: no TLS.
        :param errors: receives what is no refusal.
        """
        self._desk = desk
        self._access = access
        self._certificates = certificates
        self._errors = errors
        self._files = page_files()
        self._log_in = LogIn(access, self._files['login.html'], certificates is not None)
        self._connections: Connections | None = None
        self._runner: web.AppRunner | None = None
        self._server: asyncio.AbstractServer | None = None
        self._sockets: set[web.WebSocketResponse] = set()

    async def start(self, address: str, port: int) -> int:
        """
        Listen, and return the port.

        :raises OSError: the address cannot be listened on.
        """
        app = web.Application(client_max_size=MOST_POSTED, middlewares=[self._guard])
        app.router.add_get('/', self._on_page)
        app.router.add_get('/static/{name}', self._on_file)
        app.router.add_get('/live', self._on_live)
        app.router.add_get('/recordings/{recording}/{name}', self._on_recording)
        app.router.add_post('/login', self._log_in.on_log_in)
        app.router.add_post('/logout', self._log_in.on_log_out)
        # aiohttp logs a traceback of every malformed request: anybody could fill the log. What is
        # a defect of ours is reported by the guard.
        silent = logging.Logger('sam_tracker.console')
        silent.addHandler(logging.NullHandler())
        self._runner = web.AppRunner(
            app, access_log=None, logger=silent, handle_signals=False, keepalive_timeout=30.0
        )
        await self._runner.setup()
        assert self._runner.server is not None
        self._connections = Connections(self._runner.server, self._certificates is not None)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connections.accept,
            address,
            port,
            ssl=self._certificates,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if self._certificates else None,
            backlog=64,
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        # aiohttp would wait for the pages to leave.
        await asyncio.gather(*(socket.close() for socket in self._sockets))
        if self._runner is not None:
            await self._runner.cleanup()

    # --- access ---

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        assert self._connections is not None
        self._connections.note_request(request.protocol)
        try:
            response = await self._guarded(request, handler)
        except web.HTTPException as error:
            # Returned, not raised: aiohttp would keep the connection of a raised one.
            response = web.Response(
                status=error.status, reason=error.reason, text=error.text, headers=error.headers
            )
            response.force_close()
        except ConnectionError:
            raise  # the page has gone
        except Exception as error:
            self._errors.report('a request failed', error)
            raise web.HTTPInternalServerError(headers=SECURITY_HEADERS) from error
        if not response.prepared:
            response.headers.update(SECURITY_HEADERS)
            if response.status == 401:
                response.force_close()
        return response

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get('Host', '')
        if not self._access.trusts_host(host):
            raise web.HTTPForbidden(text='this console is served under localhost and 127.0.0.1\n')
        needs_origin = request.method != 'GET' or request.path == '/live'
        if needs_origin and not self._access.trusts_origin(
            request.headers.get('Origin', ''), host
        ):
            raise web.HTTPForbidden(text='the request comes from another page\n')
        if request.path == '/login' and request.method == 'POST':
            return await handler(request)
        if not self._access.allows(request.cookies.get(COOKIE)):
            return self._log_in.form()
        return await handler(request)

    # --- pages ---

    async def _on_page(self, _: web.Request) -> web.StreamResponse:
        return self._file('console.html')

    async def _on_file(self, request: web.Request) -> web.StreamResponse:
        return self._file(request.match_info['name'])

    def _file(self, name: str) -> web.Response:
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound(text='no such file\n')
        return web.Response(body=file.content, content_type=file.content_type, charset='utf-8')

    async def _on_recording(self, request: web.Request) -> web.StreamResponse:
        names = request.match_info
        path = await self._desk.recordings.file(names['recording'], names['name'])
        if path is None:
            raise web.HTTPNotFound(text='no such recording\n')
        return web.FileResponse(path, headers={'Content-Disposition': 'attachment'})

    # --- websockets ---

    async def _on_live(self, request: web.Request) -> web.StreamResponse:
        if self._desk.full:
            raise web.HTTPServiceUnavailable(
                text=f'{len(self._desk.viewers)} pages are open, and no more are allowed\n'
            )
        # Pictures are compressed already.
        socket = web.WebSocketResponse(
            timeout=CLOSE_SECONDS, heartbeat=HEARTBEAT, max_msg_size=MOST_BYTES, compress=False
        )
        session = request.cookies.get(COOKIE)
        viewer = Viewer(socket, lambda: self._access.allows(session))
        # Counted before it is open: several may be opening at once.
        self._desk.enter(viewer)
        try:
            await socket.prepare(request)
            self._sockets.add(socket)
            await self._converse(socket, viewer)
        finally:
            self._sockets.discard(socket)
            self._desk.leave(viewer)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, viewer: Viewer) -> None:
        """Send and listen until one of them ends, then close the websocket."""
        tasks = (
            asyncio.ensure_future(viewer.send()),
            asyncio.ensure_future(self._listen(socket, viewer)),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        code, reason = int(WSCloseCode.OK), ''
        for result in results:
            if isinstance(result, ViewerEndedError):
                code, reason = result.code, str(result)
            # Writing to a websocket that has just closed is a RuntimeError.
            elif isinstance(result, Exception) and not (
                isinstance(result, ConnectionError) or socket.closed
            ):
                self._errors.report('a page failed', result)
                code = int(WSCloseCode.INTERNAL_ERROR)
        await socket.close(code=code, message=reason.encode())

    async def _listen(self, socket: web.WebSocketResponse, viewer: Viewer) -> None:
        async for message in socket:
            viewer.check()
            # Messages that have arrived already are read without awaiting, so yield to other
            # tasks.
            await asyncio.sleep(0)
            if message.type is not WSMsgType.TEXT:
                viewer.answer(0, False, 'a message must be text')
                continue
            try:
                request = request_of(message.data)
            except CommandError as error:
                viewer.answer(error.number, False, str(error))
                continue
            if viewer.under_way >= MOST_COMMANDS:
                viewer.answer(
                    request.number, False, f'busy: {MOST_COMMANDS} commands are under way'
                )
                continue
            self._desk.handle(viewer, request)


def certificates_of(certificate: str, key: str) -> ssl.SSLContext | None:
    """
    Return the context of TLS, or None without a certificate.

    :raises ValueError: the files cannot be read or do not belong together; the text names them.
    """
    if not certificate and not key:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise ValueError(
            f'certificate {certificate!r} and certificate_key {key!r} cannot be used: {error}'
        ) from error
    return context
