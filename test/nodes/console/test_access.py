# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Who is let in: passwords, sessions, hosts and origins."""

import pytest

from sam_tracker.nodes.console.access import SESSION_SECONDS, Access, is_loopback, password_of
from sam_tracker.ros.parameters.declaration import ParameterError

PASSWORD = 'correct horse'


@pytest.fixture
def access() -> Access:
    return Access(PASSWORD)


def test_a_session_is_given_for_the_password_alone(access):
    assert access.log_in('correct hors') is None
    assert access.log_in('') is None
    assert access.log_in('\ud800') is None
    assert access.allows(access.log_in(PASSWORD))


def test_a_session_ends(access):
    session = access.log_in(PASSWORD, now=1000.0)
    assert access.allows(session, now=1000.0 + SESSION_SECONDS - 1)
    assert not access.allows(session, now=1000.0 + SESSION_SECONDS)


def test_a_session_that_was_logged_out_cannot_be_replayed_and_others_stay(access):
    session, other = access.log_in(PASSWORD), access.log_in(PASSWORD)
    access.log_out(session)
    assert not access.allows(session)
    assert access.allows(other)


def test_ended_sessions_are_not_kept_for_ever(access):
    for start in range(0, 50 * SESSION_SECONDS, SESSION_SECONDS):
        access.log_out(access.log_in(PASSWORD, now=start), now=start)
    assert len(access._ended) <= 1


def test_a_session_is_of_no_use_if_changed_or_of_another_process(access):
    session = access.log_in(PASSWORD)
    end, number, signature = session.split('.')
    changed = '0' if signature[0] != '0' else '1'
    for forged in (
        f'{int(end) + 1}.{number}.{signature}',
        f'{end}.{number}.{changed}{signature[1:]}',
        f'{end}.{number}.',
        '..',
        'é.é.é',
        '',
        None,
        Access(PASSWORD).log_in(PASSWORD),
    ):
        assert not access.allows(forged), forged
        access.log_out(forged)
    assert access.allows(session)


def test_without_a_password_only_names_of_this_machine_are_answered():
    access = Access(None)
    for host in ('localhost:8080', '127.0.0.1:8080', '[::1]:8080', 'localhost'):
        assert access.trusts_host(host), host
    for host in ('evil.example', 'localhost.evil.example', '192.168.1.2:8080', '', '['):
        assert not access.trusts_host(host), host


@pytest.mark.parametrize(
    'origin',
    ['', 'null', 'http://evil.example', 'http://robot:8081', 'http://robot', 'http://[', 'robot'],
)
def test_a_request_from_another_page_is_not_trusted(access, origin):
    assert not access.trusts_origin(origin, 'robot:8080')
    assert access.trusts_origin('http://robot:8080', 'robot:8080')
    assert not access.trusts_origin('', '')


def test_addresses_of_this_machine_are_known():
    assert all(map(is_loopback, ('127.0.0.1', '127.1.2.3', '::1', 'localhost')))
    assert not any(map(is_loopback, ('0.0.0.0', '::', '192.168.0.1', 'robot', '')))


def test_the_password_is_the_first_line_of_its_file(tmp_path):
    file = tmp_path / 'password'
    file.write_text(f'  {PASSWORD}\nnot this\n')
    assert password_of(str(file), '0.0.0.0') == PASSWORD
    assert password_of('', '127.0.0.1') is None


def test_a_missing_unusable_or_short_password_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"'0\.0\.0\.0' can be reached"):
        password_of('', '0.0.0.0')
    with pytest.raises(ParameterError, match='No such file'):
        password_of(str(tmp_path / 'none'), '127.0.0.1')
    short, binary = tmp_path / 'short', tmp_path / 'binary'
    short.write_text('1234567\n')
    binary.write_bytes(b'\xff' * 20)
    with pytest.raises(ParameterError, match='7 characters'):
        password_of(str(short), '127.0.0.1')
    with pytest.raises(ParameterError, match='UTF-8'):
        password_of(str(binary), '127.0.0.1')
