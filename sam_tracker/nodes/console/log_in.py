# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The log-in of the console: a form with a password, and a cookie with the session."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from aiohttp import web

from sam_tracker.nodes.console.connections import SILENT_SECONDS

if TYPE_CHECKING:
    from sam_tracker.nodes.console.access import Access
    from sam_tracker.web.pages import PageFile

COOKIE = 'sam_tracker_session'
FORM = 'application/x-www-form-urlencoded'
WRONG_PASSWORD_PAUSE = 0.5
"""Seconds."""
MOST_LOG_INS = 8
"""Log-ins of one address under way; further ones are refused, so that guessing stays slow."""


class LogIn:
    """Answers requests to log in and out."""

    def __init__(self, access: Access, form: PageFile, secure: bool) -> None:
        """
        Begin without log-ins.

        :param access: holds the password and the sessions.
        :param form: the page with the form.
        :param secure: whether browsers send the cookie over TLS only.
        """
        self._access = access
        self._form = form
        self._secure = secure
        self._under_way: Counter[str] = Counter()

    def form(self) -> web.Response:
        """Return the form, as the answer to a request without a session."""
        form = self._form
        return web.Response(body=form.content, content_type=form.content_type, status=401)

    async def on_log_in(self, request: web.Request) -> web.StreamResponse:
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
        if self._under_way[address] >= MOST_LOG_INS:
            raise web.HTTPTooManyRequests(text='too many log-ins at once: try again\n')
        self._under_way[address] += 1
        try:
            password = form.get('password', '')
            session = self._access.log_in(password) if isinstance(password, str) else None
            if session is None:
                await asyncio.sleep(WRONG_PASSWORD_PAUSE)
                return self.form()
        finally:
            self._under_way[address] -= 1
            if not self._under_way[address]:
                del self._under_way[address]
        response = web.HTTPSeeOther('/')
        response.set_cookie(
            COOKIE, session, httponly=True, samesite='Strict', secure=self._secure, path='/'
        )
        return response

    async def on_log_out(self, request: web.Request) -> web.StreamResponse:
        self._access.log_out(request.cookies.get(COOKIE))
        response = web.HTTPSeeOther('/')
        response.del_cookie(COOKIE, path='/')
        return response
