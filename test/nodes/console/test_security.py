# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Unauthorised and malformed requests to a console are refused, and it keeps running."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
import os
import resource
import socket
import sys

from aiohttp import ClientError, ClientSession, CookieJar, WSServerHandshakeError
import pytest

from sam_tracker.nodes.console.connections import MOST_CONNECTIONS
from sam_tracker.nodes.console.log_in import MOST_LOG_INS
from sam_tracker.nodes.console.viewer import SESSION_ENDED

from ...conftest import Program
from .conftest import CONSOLE, LONG, Page, RunningConsole, browse, connected

PASSWORD = 'correct horse'
PATHS = (
    '/',
    '/live',
    '/login',
    '/static/console.js',
    '/static/../access.py',
    '/static/%2e%2e%2faccess.py',
    '/static/..%5c..%5cnodes',
    '//etc/passwd',
    '/%00',
    '/recordings/',
    '/' + 'x' * 4000,
)


@pytest.fixture(scope='module')
def locked(graph, tmp_path_factory):
    """A console with a password."""
    file = tmp_path_factory.mktemp('secret') / 'password'
    file.write_text(PASSWORD + '\n')
    console = RunningConsole(graph.start(CONSOLE, port=0, password_file=file))
    yield console
    assert console.program.process.poll() is None, console.program.output
    assert 'Traceback' not in console.program.output


async def log_in(session: ClientSession, url: str, password: str = PASSWORD, **headers: str):
    headers = {'Origin': url, **headers}
    return await session.post(
        f'{url}/login', data={'password': password}, headers=headers, allow_redirects=False
    )


async def handshake(session: ClientSession, url: str, **headers: str) -> int:
    """Return the status with which a websocket is refused; 101: it is not."""
    try:
        async with connected(session, url, headers=headers):
            return 101
    except WSServerHandshakeError as error:
        return error.status


def test_without_a_session_there_is_the_log_in_and_nothing_else(locked):
    async def work(session):
        for path in PATHS:
            for method in ('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'TRACE', 'JUNK'):
                headers = {'Origin': locked.url}
                if (path, method) == ('/login', 'POST'):
                    continue
                async with session.request(
                    method, locked.url + path, headers=headers, allow_redirects=False
                ) as response:
                    body = await response.text()
                    # 400 and 403: the request was not even read so far.
                    assert response.status in {400, 401, 403}, (method, path, response.status)
                    assert 'Set-Cookie' not in response.headers
                    assert 'connection.js' not in body
        assert await handshake(session, locked.url) == 401

    browse(work)


def test_the_right_password_opens_page_and_websocket_and_wrong_ones_do_not(locked):
    async def work(session):
        for wrong in ('', 'correct hors', PASSWORD + ' ', 'x' * 3000):
            response = await log_in(session, locked.url, wrong)
            assert response.status == 401
            assert not response.cookies
        response = await log_in(session, locked.url)
        assert response.status == 303
        (cookie,) = response.cookies.values()
        assert cookie['httponly'] and cookie['samesite'] == 'Strict'
        async with session.get(locked.url) as page:
            assert page.status == 200
            assert 'console.js' in await page.text()
            assert "default-src 'self'" in page.headers['Content-Security-Policy']
            assert page.headers['X-Frame-Options'] == 'DENY'
        async with connected(session, locked.url) as opened:
            await Page(opened).state()

    browse(work)


def test_a_cookie_is_of_no_use_after_the_log_out_nor_if_made_up(locked):
    async def work(session):
        response = await log_in(session, locked.url)
        (cookie,) = response.cookies.values()
        stolen = {cookie.key: cookie.value}

        async def status(cookies: dict[str, str]) -> int:
            jar = CookieJar(unsafe=True)
            async with (
                ClientSession(cookies=cookies, cookie_jar=jar) as other,
                other.get(locked.url) as page,
            ):
                return page.status

        assert await status(stolen) == 200
        out = {'Origin': locked.url}
        await session.post(f'{locked.url}/logout', headers=out, allow_redirects=False)
        assert await status(stolen) == 401
        end, number, _ = cookie.value.split('.')
        assert await status({cookie.key: f'{end}.{number}.{"0" * 64}'}) == 401
        assert await status({cookie.key: 'x' * 5000}) in {400, 401}

    browse(work)


def test_more_log_ins_at_once_than_allowed_are_refused(locked):
    async def work(session):
        async def status(_: int) -> int:
            return (await log_in(session, locked.url, 'wrong password')).status

        async def refused() -> set[int]:
            while True:
                found = set(await asyncio.gather(*map(status, range(5 * MOST_LOG_INS))))
                assert found <= {401, 429}
                if 429 in found:
                    return found

        assert 401 in await asyncio.wait_for(refused(), LONG)
        assert (await log_in(session, locked.url)).status == 303

    browse(work)


def test_log_ins_that_never_end_keep_nobody_out(locked):
    request = (
        f'POST /login HTTP/1.1\r\nHost: 127.0.0.1:{locked.port}\r\nOrigin: {locked.url}\r\n'
        'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\npass'
    ).encode()
    with ExitStack() as held:
        for _ in range(2 * MOST_LOG_INS):
            connection = socket.create_connection(('127.0.0.1', locked.port), LONG)
            held.enter_context(connection)
            connection.sendall(request)

        async def work(session):
            assert (await log_in(session, locked.url)).status == 303

        browse(work)


def test_a_log_in_that_is_no_form_is_refused(locked):
    async def work(session):
        headers = {'Origin': locked.url}
        address = f'{locked.url}/login'
        async with session.post(address, json={'password': PASSWORD}, headers=headers) as answer:
            assert answer.status == 400
            assert 'application/json' in await answer.text()

    browse(work)


def test_a_page_is_closed_when_its_session_is_logged_out(locked):
    async def work(session):
        await log_in(session, locked.url)
        async with connected(session, locked.url) as opened:
            await Page(opened).state()
            headers = {'Origin': locked.url}
            await session.post(f'{locked.url}/logout', headers=headers, allow_redirects=False)
            while not opened.closed:
                await asyncio.wait_for(opened.receive(), LONG)
            assert opened.close_code == SESSION_ENDED

    browse(work)


def test_other_pages_of_the_browser_can_neither_log_in_nor_connect(locked):
    async def work(session):
        for origin in ('http://evil.example', 'null', f'{locked.url}0', ''):
            response = await log_in(session, locked.url, Origin=origin)
            assert response.status == 403, origin
        await log_in(session, locked.url)
        for origin in ('http://evil.example', 'null', f'{locked.url}0', ''):
            assert await handshake(session, locked.url, Origin=origin) == 403, origin

    browse(work)


def test_a_name_that_was_pointed_at_this_machine_is_not_served_without_a_password(console):
    async def work(session):
        host = f'evil.example:{console.port}'
        headers = {'Host': host, 'Origin': f'http://{host}'}
        async with session.get(console.url, headers=headers) as page:
            assert page.status == 403
        assert await handshake(session, console.url, **headers) == 403
        assert await handshake(session, console.url, Origin='http://evil.example') == 403
        assert await handshake(session, console.url) == 101

    browse(work)


def test_files_outside_the_pages_are_not_served(console):
    async def work(session):
        for path in PATHS[3:]:
            async with session.get(console.url + path, allow_redirects=False) as response:
                body = await response.read()
                if path == '/static/console.js':
                    assert response.status == 200
                else:
                    assert response.status in {400, 404, 405}, path
                    assert b'Copyright' not in body and b'root:' not in body

    browse(work)


def test_messages_that_are_no_commands_are_answered_and_the_page_goes_on(console):
    async def work(session):
        async with connected(session, console.url) as opened:
            page = Page(opened)
            for text in ('', 'null', '{', '[' * 50_000, '{"command": "shutdown", "number": 1}'):
                await opened.send_str(text)
                answer = await page.until(
                    lambda each: isinstance(each, dict) and each['kind'] == 'answer'
                )
                assert not answer['success'], text
            await opened.send_bytes(b'\x00' * 1000)
            await page.until(
                lambda each: (
                    isinstance(each, dict) and each.get('message') == 'a message must be text'
                )
            )
            await page.state()

    browse(work)


def test_a_message_that_is_too_large_ends_its_own_page_only(console):
    async def work(session):
        async with (
            connected(session, console.url) as other,
            connected(session, console.url) as one,
        ):
            with suppress(ConnectionError):
                await one.send_str('x' * 2_000_000)
            while not one.closed:
                await asyncio.wait_for(one.receive(), LONG)
            await Page(other).state()

    browse(work)


def test_raw_bytes_and_half_requests_are_survived(console):
    for data in (
        b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(200),
        b'GET / HTTP/1.1\r\nHost: localhost\r\n' + b'X: y\r\n' * 5000,
        b'GET ' + b'/' * 100_000,
        b'POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n',
        b'GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n',
    ):
        with (
            suppress(ConnectionError),
            socket.create_connection(('127.0.0.1', console.port), LONG) as connection,
        ):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    async def work(session):
        async with session.get(console.url) as page:
            assert page.status == 200

    browse(work)


def test_a_thousand_connections_do_not_keep_the_operator_out(start_console):
    console = start_console()
    held: list[socket.socket] = []
    # What the test itself needs stays free.
    count = min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    assert count > MOST_CONNECTIONS
    try:
        for _ in range(count):
            with suppress(OSError):
                held.append(socket.create_connection(('127.0.0.1', console.port), LONG))

        async def work(session):
            async def opened() -> bool:
                # A refused connection ends before or after the request was sent.
                with suppress(OSError, ClientError):
                    async with session.get(console.url) as page:
                        return page.status == 200
                return False

            # Connections that say nothing are ended after a while.
            for _ in range(int(LONG)):
                if await opened():
                    return
                await asyncio.sleep(1.0)
            raise AssertionError('the page cannot be opened')

        browse(work)
    finally:
        for each in held:
            each.close()
    assert console.program.process.poll() is None
    assert 'Traceback' not in console.program.output


def test_no_more_pages_are_opened_than_allowed(start_console):
    console = start_console(maximum_viewers=2)

    async def work(session):
        async with connected(session, console.url), connected(session, console.url):
            assert await handshake(session, console.url) == 503
        while await handshake(session, console.url) != 101:
            await asyncio.sleep(0.05)

    browse(work)


def test_a_read_only_console_shows_and_changes_nothing(start_console, tester, camera):
    console = start_console(read_only=True)

    async def work(session):
        async with connected(session, console.url) as opened:
            page = Page(opened)
            await page.watch()
            tracker = '/sam_tracker'
            for command, fields in (
                ('add_prompt', {'box': [40, 30, 90, 80], 'object_id': 0, 'label': ''}),
                ('find_candidates', {'points': [[60, 50]], 'point_labels': [1]}),
                ('remove', {'object_id': 1}),
                ('reset', {}),
                ('set_paused', {'paused': True}),
            ):
                answer = await page.ask(command, tracker=tracker, **fields)
                assert not answer['success'], command
                assert 'read-only' in answer['message'], command

    browse(work)
    assert tester.object_ids() == []


@pytest.mark.parametrize(
    ('parameters', 'said'),
    [
        ({'address': '0.0.0.0'}, "address '0.0.0.0' can be reached from other machines"),
        ({'address': '192.0.2.1', 'password_file': 'PASSWORD'}, 'cannot serve on address'),
        ({'password_file': '/nowhere'}, "'/nowhere' cannot be read"),
        ({'certificate': '/nowhere'}, "certificate '/nowhere'"),
    ],
)
def test_a_console_that_cannot_be_served_says_why_in_one_line(domain, tmp_path, parameters, said):
    (tmp_path / 'password').write_text(PASSWORD)
    command = [sys.executable, '-m', CONSOLE, '--ros-args', '-p', 'port:=0']
    for name, value in parameters.items():
        given = str(tmp_path / 'password') if value == 'PASSWORD' else value
        command += ['-p', f'{name}:={given}']
    program = Program.run(command, dict(os.environ), tmp_path / 'log')
    assert program.wait(LONG) == 1
    assert said in program.output
    assert 'Traceback' not in program.output
    assert len(program.output.strip().splitlines()) == 1
