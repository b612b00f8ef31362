# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Limits on the connections of a web server, against clients that hold them without a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web

MOST_CONNECTIONS = 400
"""Open at once; further ones are closed as soon as they are accepted."""
SILENT_SECONDS = 10.0
"""After which a connection without a request is closed, so that nobody can hold all of them."""
HANDSHAKE_SECONDS = 5.0
"""After which a connection whose TLS handshake is not complete is closed."""


class Connections:
    """Makes the protocols of accepted connections; see ``loop.create_server``."""

    def __init__(self, server: web.Server, encrypted: bool) -> None:
        """
        Count the connections of a server.

        :param encrypted: whether connections begin with a TLS handshake.
        """
        self._server = server
        self._encrypted = encrypted
        self._silent: dict[Any, asyncio.TimerHandle] = {}
        """Connections without a request yet, with the timer that closes each."""

    def accept(self) -> asyncio.BaseProtocol:
        """Return the protocol of a new connection."""
        if len(self._server.connections) + self._handshakes() >= MOST_CONNECTIONS:
            return _Refusal()
        protocol: Any = self._server()
        self._silent[protocol] = asyncio.get_running_loop().call_later(
            SILENT_SECONDS, self._end_silent, protocol
        )
        return protocol

    def note_request(self, protocol: asyncio.BaseProtocol) -> None:
        """Let a connection stay open, since a request has arrived."""
        if (timer := self._silent.pop(protocol, None)) is not None:
            timer.cancel()

    def _handshakes(self) -> int:
        """Return how many connections may be in the TLS handshake: aiohttp does not know them."""
        if not self._encrypted:
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


class _Refusal(asyncio.Protocol):
    """Ends a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
