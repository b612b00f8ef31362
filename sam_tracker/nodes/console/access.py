# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Access control of the page: password, signed sessions, and the origin of requests."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from pathlib import Path
import secrets
import time
from urllib.parse import urlsplit

from sam_tracker.core.paths import expanded
from sam_tracker.ros.parameters.declaration import ParameterError

SESSION_SECONDS = 12 * 3600
"""Seconds after which a session ends."""
SHORTEST_PASSWORD = 8
LOOPBACK_NAMES = frozenset({'localhost', '127.0.0.1', '::1'})


class Access:
    """
    Decides whether a request may pass.

    Without a password everybody on this machine may: then the name in the address bar must be one
    of this machine's own, or a website whose name was pointed at 127.0.0.1 could use the visitor's
    browser (DNS rebinding).

    A session is a random number and its end, signed with a key that lives as long as the process.
    """

    def __init__(self, password: str | None) -> None:
        """:param password: None: no log-in."""
        self._password = None if password is None else _digest(password)
        self._key = secrets.token_bytes(32)
        self._ended: dict[str, int] = {}
        """Sessions that were logged out, by number, with the end they would have had."""

    @property
    def needs_password(self) -> bool:
        return self._password is not None

    def log_in(self, password: str, now: float | None = None) -> str | None:
        """
        Return a new session, or None if the password is wrong.

        :param now: seconds since 1970; None: the time.
        """
        if self._password is None or not hmac.compare_digest(_digest(password), self._password):
            return None
        end = int(time.time() if now is None else now) + SESSION_SECONDS
        text = f'{end}.{secrets.token_hex(16)}'
        return f'{text}.{self._signature(text)}'

    def allows(self, session: str | None, now: float | None = None) -> bool:
        """Return whether a session is ours, has not ended, and was not logged out."""
        if self._password is None:
            return True
        number, end = self._opened(session)
        return end > (time.time() if now is None else now) and number not in self._ended

    def log_out(self, session: str | None, now: float | None = None) -> None:
        """End a session; a copy of its cookie is of no use afterwards."""
        now = time.time() if now is None else now
        number, end = self._opened(session)
        self._ended = {each: until for each, until in self._ended.items() if until > now}
        if end > now:
            self._ended[number] = end

    def trusts_host(self, host: str) -> bool:
        """:param host: the header, name and port."""
        return self.needs_password or _host_name(host) in LOOPBACK_NAMES

    @staticmethod
    def trusts_origin(origin: str, host: str) -> bool:
        """
        Return whether a request comes from a page that this server has sent.

        :param origin: the header; empty: there was none, and browsers always send it.
        :param host: the header, name and port.
        """
        try:
            return bool(host) and urlsplit(origin).netloc == host
        except ValueError:
            return False

    def _opened(self, session: str | None) -> tuple[str, int]:
        """Return number and end of a session; its end is 0 unless the signature is ours."""
        text, _, signature = (session or '').rpartition('.')
        if not (text.isascii() and signature.isascii()):
            return '', 0
        if not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return '', 0
        end, _, number = text.partition('.')
        return number, int(end)

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def password_of(file: str, address: str) -> str | None:
    """
    Return the password, or None where none is needed.

    :param file: path of its file; empty: no password.
    :param address: that is served on.
    :raises ParameterError: the file cannot be read, the password is too short, or the address can
        be reached by others and there is no password.
    """
    if not file:
        if not is_loopback(address):
            raise ParameterError(
                f'address {address!r} can be reached from other machines: password_file must name '
                'a file with a password'
            )
        return None
    path: Path = expanded(file)
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else 'it is not UTF-8'
        raise ParameterError(f'password_file {file!r} cannot be read: {reason}') from error
    password = text.partition('\n')[0].strip()
    if len(password) < SHORTEST_PASSWORD:
        raise ParameterError(
            f'the first line of password_file {file!r} has {len(password)} characters; a password '
            f'needs at least {SHORTEST_PASSWORD}'
        )
    return password


def is_loopback(address: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == 'localhost'


def _digest(password: str) -> bytes:
    # Equal lengths, so that the time of a comparison reveals nothing about the password.
    return hashlib.sha256(password.encode(errors='surrogatepass')).digest()


def _host_name(host: str) -> str:
    try:
        return urlsplit(f'//{host}').hostname or ''
    except ValueError:
        return ''
