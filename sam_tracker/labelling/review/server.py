# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The web server of a review, for this machine only."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading
from urllib.parse import urlsplit

from sam_tracker.labelling.recording import LabellingError
from sam_tracker.labelling.review.session import ReviewSession, request_of
from sam_tracker.web.pages import page_files

LOOPBACK_NAMES = ('localhost', '127.0.0.1')
MOST_POSTED = 65536
"""Bytes of a request."""

HEADERS = {
    'Content-Security-Policy': "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'",
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
}


class ReviewServer(ThreadingHTTPServer):
    """
    Serves the page of one session on 127.0.0.1.

    There is no password. So the name in the address bar must be one of this machine's own, and
    requests that change something must come from our page, so that no website can make them
    through the browser.
    """

    daemon_threads = True

    def __init__(self, session: ReviewSession, formats: list[str], port: int = 0) -> None:
        """
        Listen; ``serve_forever`` answers.

        :param formats: that the page can write.
        :param port: 0: one that is free.
        :raises OSError: the port is taken.
        """
        super().__init__(('127.0.0.1', port), _Handler)
        self.session = session
        self.formats = formats
        self.files = page_files()
        self.lock = threading.Lock()
        """Held by whoever uses the session."""

    @property
    def address(self) -> str:
        """The address of the page."""
        return f'http://127.0.0.1:{self.server_address[1]}/'


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    timeout = 30.0

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not self._trusted():
            self._answer(403, b'this page is served under localhost and 127.0.0.1\n')
        elif path == '/state':
            self._call(lambda: json.dumps(self.server.session.state()).encode())
        elif path.startswith('/image/') and path[7:].isdecimal():
            self._call(lambda: self.server.session.picture(int(path[7:])), 'image/jpeg')
        else:
            name = 'review.html' if path == '/' else path.removeprefix('/static/')
            file = self.server.files.get(name)
            if file is None:
                self._answer(404, b'there is no such page\n')
                return
            self._answer(200, file.content, f'{file.content_type}; charset=utf-8')

    def do_POST(self) -> None:
        host = self.headers.get('Host', '')
        origin = urlsplit(self.headers.get('Origin', '')).netloc
        length = self.headers.get('Content-Length', '')
        if not self._trusted() or origin != host:
            self._answer(403, b'the request comes from another page\n')
            return
        if not length.isdecimal() or int(length) > MOST_POSTED:
            self._answer(413, f'a request has at most {MOST_POSTED} bytes\n'.encode())
            return
        body, session = self.rfile.read(int(length)), self.server.session
        actions = {
            '/correct': lambda: session.correct(request_of(body)),
            '/decide': lambda: session.decide(request_of(body)),
            '/export': lambda: session.export(self.server.formats),
        }
        action = actions.get(urlsplit(self.path).path)
        if action is None:
            self._answer(404, b'there is no such request\n')
            return

        def changed() -> bytes:
            action()
            return json.dumps(session.state()).encode()

        self._call(changed)

    def _trusted(self) -> bool:
        host = urlsplit(f'//{self.headers.get("Host", "")}').hostname
        return host in LOOPBACK_NAMES

    def _call(self, action: Callable[[], bytes], kind: str = 'application/json') -> None:
        try:
            with self.server.lock:
                content = action()
        except LabellingError as error:
            self._answer(400, f'{error}\n'.encode())
            return
        except (OSError, RuntimeError) as error:
            # Such as a full disk, or a GPU without memory.
            self._answer(500, f'{error}\n'.encode())
            return
        self._answer(200, content, kind)

    def _answer(self, status: int, content: bytes, kind: str = 'text/plain') -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write nothing: every image is a request."""
