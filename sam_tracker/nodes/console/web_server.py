# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The web server of the console: pages, log-in, websockets, and access checks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
import logging
import ssl
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

from sam_tracker.nodes.console.command_parser import MOST_BYTES, CommandError, request_of
from sam_tracker.nodes.console.viewer import MOST_COMMANDS, Viewer, ViewerEndedError
from sam_tracker.web.pages import page_files

if TYPE_CHECKING:
    from sam_tracker.nodes.console.access import Access
    from sam_tracker.nodes.console.desk import Desk
    from sam_tracker.ros.process.error_log import ErrorLog

COOKIE = 'sam_tracker_session'
MOST_CONNECTIONS = 400
"""Open at once; further ones are closed as soon as they are accepted."""
SILENT_SECONDS = 10.0
"""After which a connection without a request is closed, so that nobody can hold all of them."""
MOST_POSTED = 4096
"""Bytes of a posted form."""
HEARTBEAT = 15.0
"""Seconds between pings of a websocket; a page that does not answer is closed."""
HANDSHAKE_SECONDS = 5.0
"""After which a connection whose TLS handshake is not complete is closed."""
CLOSE_SECONDS = 1.0
"""For a page to confirm that its websocket is closed."""
WRONG_PASSWORD_PAUSE = 0.5
"""Seconds."""
FORM = 'application/x-www-form-urlencoded'
MOST_LOG_INS = 8
"""Log-ins of one address under way; further ones are refused, so that guessing stays slow."""

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
        self._log_ins: Counter[str] = Counter()
        self._runner: web.AppRunner | None = None
        self._server: asyncio.AbstractServer | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._silent: dict[Any, asyncio.TimerHandle] = {}
        """Connections without a request yet, with the timer that closes each."""

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
        app.router.add_post('/login', self._on_log_in)
        app.router.add_post('/logout', self._on_log_out)
        # aiohttp logs a traceback of every malformed request: anybody could fill the log. What is
        # a defect of ours is reported by the guard.
        silent = logging.Logger('sam_tracker.console')
        silent.addHandler(logging.NullHandler())
        self._runner = web.AppRunner(
            app, access_log=None, logger=silent, handle_signals=False, keepalive_timeout=30.0
        )
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol,
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

    # --- connections ---

    def _protocol(self) -> asyncio.BaseProtocol:
        assert self._runner is not None
        assert self._runner.server is not None
        if len(self._runner.server.connections) + self._handshakes() >= MOST_CONNECTIONS:
            return _Refusal()
        protocol: Any = self._runner.server()
        self._silent[protocol] = asyncio.get_running_loop().call_later(
            SILENT_SECONDS, self._end_silent, protocol
        )
        return protocol

    def _handshakes(self) -> int:
        """Return how many connections may be in the TLS handshake: aiohttp does not know them."""
        if self._certificates is None:
            return 0
        earliest = asyncio.get_running_loop().time() + SILENT_SECONDS - HANDSHAKE_SECONDS
        return sum(
            protocol.transport is None and timer.when() > earliest
            for protocol, timer in self._silent.items()
        )

    def _end_silent(self, protocol: Any) -> None:  # noqa: ANN401 -- aiohttp's
        del self._silent[protocol]
        if protocol.transport is not None:
            protocol.transport.abort()

    # --- who may ---

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if (timer := self._silent.pop(request.protocol, None)) is not None:
            timer.cancel()
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
            return self._log_in_form()
        return await handler(request)

    def _log_in_form(self) -> web.Response:
        form = self._files['login.html']
        return web.Response(body=form.content, content_type=form.content_type, status=401)

    async def _on_log_in(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != FORM:
            raise web.HTTPBadRequest(
                text=f'a log-in is a form of {FORM}, not {request.content_type!r}\n'
            )
        try:
            form = await asyncio.wait_for(request.post(), SILENT_SECONDS)
        except asyncio.TimeoutError:
            raise web.HTTPRequestTimeout(text='the form is not complete\n') from None
        except (ValueError, LookupError):
            raise web.HTTPBadRequest(text='no form\n') from None
        # Counted from here on: a form that never ends must not keep others out.
        address = request.remote or ''
        if self._log_ins[address] >= MOST_LOG_INS:
            raise web.HTTPTooManyRequests(text='too many log-ins at once: try again\n')
        self._log_ins[address] += 1
        try:
            password = form.get('password', '')
            session = self._access.log_in(password) if isinstance(password, str) else None
            if session is None:
                await asyncio.sleep(WRONG_PASSWORD_PAUSE)
                return self._log_in_form()
        finally:
            self._log_ins[address] -= 1
            if not self._log_ins[address]:
                del self._log_ins[address]
        response = web.HTTPSeeOther('/')
        response.set_cookie(
            COOKIE,
            session,
            httponly=True,
            samesite='Strict',
            secure=self._certificates is not None,
            path='/',
        )
        return response

    async def _on_log_out(self, request: web.Request) -> web.StreamResponse:
        self._access.log_out(request.cookies.get(COOKIE))
        response = web.HTTPSeeOther('/')
        response.del_cookie(COOKIE, path='/')
        return response

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


class _Refusal(asyncio.Protocol):
    """Ends a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


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
