# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""URLs of recordings: their names, and their removal of secrets before they are stored."""

from __future__ import annotations

from pathlib import Path
import posixpath

WITH_QUERY = ('http', 'https')
"""Schemes whose URLs may end with a query; elsewhere ``?`` and ``#`` belong to the path."""
WITH_USER = (*WITH_QUERY, 'ftp', 'hdfs', 'sftp', 'smb', 'ssh', 'webdav', 'webhdfs')
"""Schemes whose URLs may have a user and a password; elsewhere ``@`` may name a container."""


def is_url(text: str) -> bool:
    """Return whether a text names a file on other storage."""
    return '://' in text


def public_url(url: str) -> str:
    """
    Return a URL without user, password, query and fragment.

    These are secrets (RFC 3986, section 7.5), or change with each signature. They are removed from
    each part of a chained URL such as ``zip://clip.mp4::https://host/clips.zip``.
    """
    return '::'.join(_public(link) for link in url.split('::'))


def _public(link: str) -> str:
    scheme, separator, rest = link.partition('://')
    if scheme.lower() in WITH_QUERY:
        rest = rest.partition('#')[0].partition('?')[0]
    if scheme.lower() in WITH_USER:
        host, slash, path = rest.partition('/')
        rest = host.rpartition('@')[2] + slash + path
    return scheme + separator + rest


def path_of(url: str) -> Path:
    """
    Return an absolute path of scheme, host or bucket, and path, for comparison.

    Of a chained URL the storage comes first that holds the others.
    """
    links = [link.partition('://') for link in reversed(public_url(url).split('::'))]
    parts = [f'{scheme}/{rest}' for scheme, separator, rest in links if separator]
    return Path(posixpath.normpath(f'/{"/".join(parts)}'))


def name_of(url: str) -> str:
    """Return the name of the file or folder that a URL names."""
    return path_of(url).name


def without_secrets(text: str, url: str) -> str:
    """Return a text, such as of an error, without what ``public_url`` removes from a URL."""
    text = text.replace(url, public_url(url))
    for link in url.split('::'):
        scheme, _, rest = link.partition('://')
        address, _, query = rest.partition('?')
        if query and scheme.lower() in WITH_QUERY:
            text = text.replace(f'?{query}', '')
        user, at, _ = address.partition('/')[0].rpartition('@')
        if at and scheme.lower() in WITH_USER:
            text = text.replace(user + at, '')
    return text
