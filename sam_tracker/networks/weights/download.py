# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Fetches one large file over HTTP so that its final name only ever holds the whole, checked file.

Range requests follow RFC 9110, sections 13.1.5 (If-Range) and 14.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
import logging
from pathlib import Path
import re
import shutil
import ssl
import time
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from sam_tracker.networks.weights.catalogue import CheckpointError, part_path, sha256_of
from sam_tracker.networks.weights.partial_download import Origin, PartialFile, opened_part

_BLOCK_SIZE = 1 << 18
_WORTHWHILE = 1 << 20
_LONGEST_PAUSE = 30.0
# Refusals that the same request may not meet again; every other one is final.
_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE_NOT_SATISFIABLE = 416

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Where a file is fetched from, how patiently, and what is known of it."""

    url: str
    size: int | None = None
    """Bytes of the whole file; None where no figure is published."""
    sha256: str | None = None
    """64 hexadecimal digits; None where no figure is published."""
    timeout: float = 30.0
    """Seconds that the server may stay silent."""
    attempts: int = 5
    """How often in a row an attempt may end early with less than a mebibyte gained."""
    pause: float = 1.0
    """Seconds after the first of these attempts; doubled after each further one, up to 30."""


def download(
    source: Source, destination: Path, progress: Callable[[int, int | None], None] | None = None
) -> str:
    """
    Fetch a file, or what is missing of it, and return its SHA-256 as 64 hexadecimal digits.

    What has arrived lies in ``NAME.part`` beside the destination, where a later call continues.
    The destination is written in one step, once the file is whole and checked. ``progress`` is
    told the bytes present and the bytes of the whole, None while unknown.

    Raises ``CheckpointError``, one line naming the address with the status, or with the figures
    that differ, or the path that cannot be written. What has arrived stays, unless it is wrong.
    """
    _require_http(source.url)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with opened_part(destination) as partial:
            sha256 = _fill_and_check(source, partial, progress or _ignore)
            partial.become(destination)
            return sha256
    except OSError as error:
        # The network's errors do not come here: these are the file system's.
        path = error.filename or part_path(destination)
        raise CheckpointError(f'cannot write {path}: {_reason(error)}') from error


class _AttemptError(Exception):
    """An attempt ended early for a reason that may pass."""


def _require_http(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {'http', 'https'} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # urllib drops line ends silently, and everything else beyond ASCII must be escaped.
    if not (usable and url.isascii() and url.isprintable() and ' ' not in url):
        raise CheckpointError(f'not an http or https address: {url!r}')


def _fill_and_check(
    source: Source, partial: PartialFile, progress: Callable[[int, int | None], None]
) -> str:
    for again in (True, False):
        _fill(source, partial, progress)
        sha256 = sha256_of(partial.path)
        if source.sha256 in {None, sha256}:
            return sha256
        joined = partial.joined
        partial.discard()
        if not (joined and again):
            break
        _log.warning('%s: the pieces do not make the published file; starting anew', source.url)
    raise CheckpointError(
        f'{source.url}: sent a file with SHA-256 {sha256}, not the published {source.sha256}'
    )


def _fill(
    source: Source, partial: PartialFile, progress: Callable[[int, int | None], None]
) -> None:
    """Make attempts until the file is whole or too many brought nothing."""
    _drop_what_cannot_be_continued(source, partial)
    furthest = partial.length
    vain = 0
    while not partial.is_whole():
        try:
            _attempt(source, partial, progress)
            return
        except _AttemptError as error:  # noqa: PERF203  (retrying is what the loop is for)
            # Counted against the furthest point ever reached: a server that ignores ranges and
            # always stops half-way must not be asked for ever.
            if partial.length >= furthest + _WORTHWHILE:
                furthest = partial.length
                vain = 0
            else:
                vain += 1
            _drop_what_cannot_be_continued(source, partial)
            if vain >= source.attempts:
                raise CheckpointError(
                    f'{source.url}: {error}; {_given_up(vain, partial)}'
                ) from error
            pause = min(source.pause * 2 ** max(vain - 1, 0), _LONGEST_PAUSE)
            _log.warning('%s: %s; trying again in %g s', source.url, error, pause)
            time.sleep(pause)


def _drop_what_cannot_be_continued(source: Source, partial: PartialFile) -> None:
    origin = partial.origin
    if (
        origin is None
        or origin.url != source.url
        or origin.validator is None
        or source.size not in {None, origin.size}
    ):
        partial.discard()


def _attempt(
    source: Source, partial: PartialFile, progress: Callable[[int, int | None], None]
) -> None:
    """Fetch what is missing; returns when the file is whole."""
    with _answer(source, partial) as response:
        size = _begin_or_continue(source, partial, response)
        if size is not None:
            _require_space(partial.path.parent, size - partial.length)
        progress(partial.length, size)
        while block := _received(response):
            if size is not None and partial.length + len(block) > size:
                partial.discard()
                raise CheckpointError(f'{source.url}: sends more than the {size} bytes expected')
            partial.append(block)
            progress(partial.length, size)
    if partial.length == 0 or partial.length < (size or 0):
        raise _AttemptError(f'the connection ended after {partial.length} of {size} bytes')


def _answer(source: Source, partial: PartialFile) -> HTTPResponse:
    headers = {'User-Agent': 'sam_tracker', 'Accept-Encoding': 'identity'}
    if partial.length and partial.origin and partial.origin.validator:
        headers['Range'] = f'bytes={partial.length}-'
        headers['If-Range'] = partial.origin.validator
    try:
        return urlopen(Request(source.url, headers=headers), timeout=source.timeout)
    except HTTPError as error:
        error.close()
        status = f'{error.code} {error.reason}'
        if error.code == _RANGE_NOT_SATISFIABLE:
            partial.discard()
        elif error.code not in _PASSING_STATUSES:
            raise CheckpointError(f'{source.url}: {status}') from error
        raise _AttemptError(status) from error
    except URLError as error:
        reason = _reason(error.reason)
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise CheckpointError(f'{source.url}: {reason}') from error
        raise _AttemptError(reason) from error
    except (HTTPException, OSError) as error:
        raise _AttemptError(_reason(error)) from error


def _begin_or_continue(source: Source, partial: PartialFile, response: HTTPResponse) -> int | None:
    """Bring the partial file to where the answer starts; returns the bytes of the whole file."""
    validator = _validator(response)
    if response.status == 206:
        origin = partial.origin
        if (
            origin is None
            or _content_range(response)
            not in {(partial.length, origin.size), (partial.length, None)}
            or validator not in {None, origin.validator}
        ):
            partial.discard()
            raise _AttemptError('206 with another range than the one asked for')
        partial.joined = True
        return origin.size
    if response.status != 200:
        raise CheckpointError(f'{source.url}: {response.status} {response.reason}')
    # No ranges here, or the file is no longer the one that was begun.
    size = response.length
    if source.size is not None and size not in {None, source.size}:
        raise CheckpointError(
            f'{source.url}: offers {size} bytes where the published file has {source.size}'
        )
    size = source.size if size is None else size
    partial.begin(Origin(source.url, validator, size))
    return size


def _validator(response: HTTPResponse) -> str | None:
    etag = response.headers['ETag']
    # RFC 9110, 13.1.5: a weak entity tag must not be sent in If-Range.
    return etag if etag and not etag.startswith('W/') else response.headers['Last-Modified']


def _content_range(response: HTTPResponse) -> tuple[int, int | None] | None:
    """Return the first byte of the range and the size of the whole file (None for ``*``)."""
    text = response.headers['Content-Range'] or ''
    match = re.fullmatch(r'bytes (\d+)-\d+/(\d+|\*)', text.strip())
    if match is None:
        return None
    return int(match[1]), None if match[2] == '*' else int(match[2])


def _received(response: HTTPResponse) -> bytes:
    try:
        return response.read1(_BLOCK_SIZE)
    except (HTTPException, OSError) as error:
        raise _AttemptError(_reason(error)) from error


def _require_space(folder: Path, missing: int) -> None:
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise CheckpointError(f'{folder}: {missing} bytes are needed, {free} are free')


def _given_up(attempts: int, partial: PartialFile) -> str:
    text = f'gave up after {attempts} attempts'
    if partial.length:
        text += f'; {partial.length} bytes are kept, the same command continues there'
    return text


def _reason(error: BaseException | str) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return ' '.join(str(error).split()) or type(error).__name__


def _ignore(present: int, size: int | None) -> None:
    del present, size
