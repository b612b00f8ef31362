# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Downloads from a real HTTP server on this machine that is slow, cut off, changed or wrong."""

from collections import deque
from contextlib import contextmanager
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import FileIO
from pathlib import Path
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

from hypothesis import given, settings, strategies
import pytest

from sam_tracker.networks.weights import catalogue as checkpoint_catalogue
from sam_tracker.networks.weights import checkpoint_command
from sam_tracker.networks.weights.catalogue import CheckpointError, KnownCheckpoint
from sam_tracker.networks.weights.checkpoint_command import main
from sam_tracker.networks.weights.download import Source, download
from sam_tracker.networks.weights.partial_download import PartialFile, opened_part

REPOSITORY = Path(__file__).parents[3]
BODY = random.Random(0).randbytes(300_000)
OTHER_BODY = random.Random(1).randbytes(len(BODY))


def sha256(body):
    return hashlib.sha256(body).hexdigest()


class FileServer(ThreadingHTTPServer):
    """Serves one file, as badly as it is told to; notes the headers of every request."""

    daemon_threads = True

    def __init__(self, body=BODY):
        super().__init__(('127.0.0.1', 0), FileHandler)
        self.body = body
        self.etag = '"one"'
        self.last_modified = None
        self.ranges = True
        self.heeds_if_range = True
        self.tells_length = True
        self.statuses = deque()
        """Refusals, in order, before the file is served."""
        self.cuts = deque()
        """After how many bytes the next answers end; None for whole ones."""
        self.silence = 0.0
        """Seconds without a byte in the middle of an answer."""
        self.drip = 0.0
        """Seconds between blocks of 4 KiB."""
        self.requests = []
        self.paths = []
        self.served = 0

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_port}/weights.pt'


class FileHandler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append(dict(self.headers))
        server.paths.append(self.path)
        if self.path == '/elsewhere':
            self.send_response(302)
            self.send_header('Location', server.url)
            self.end_headers()
            return
        if server.statuses:
            self.send_error(server.statuses.popleft())
            return
        start = self.start_of_answer()
        if start > 0 and start >= len(server.body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            size = len(server.body)
            self.send_header('Content-Range', f'bytes {start}-{size - 1}/{size}')
        if server.tells_length:
            self.send_header('Content-Length', str(len(server.body) - start))
        if server.etag:
            self.send_header('ETag', server.etag)
        if server.last_modified:
            self.send_header('Last-Modified', server.last_modified)
        self.end_headers()
        cut = server.cuts.popleft() if server.cuts else None
        self.send_blocks(server.body[start:][:cut])

    def start_of_answer(self):
        server, asked = self.server, self.headers['Range']
        condition = self.headers['If-Range']
        unchanged = condition in {None, server.etag, server.last_modified}
        if not (server.ranges and asked and (unchanged or not server.heeds_if_range)):
            return 0
        return int(re.fullmatch(r'bytes=(\d+)-', asked)[1])

    def send_blocks(self, content):
        try:
            for start in range(0, len(content), 4096):
                block = content[start : start + 4096]
                self.wfile.write(block)
                self.server.served += len(block)
                time.sleep(self.server.drip)
                if start == 0 and self.server.silence:
                    time.sleep(self.server.silence)
        except ConnectionError:
            pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv('no_proxy', '127.0.0.1')


@contextmanager
def running():
    server = FileServer()
    serve = {'poll_interval': 0.01}
    threading.Thread(target=server.serve_forever, kwargs=serve, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server():
    with running() as started:
        yield started


@pytest.fixture
def destination(tmp_path):
    return tmp_path / 'cache' / 'weights.pt'


def source(server, **others):
    known = {'size': len(BODY), 'sha256': sha256(BODY)}
    quick = {'timeout': 5.0, 'pause': 0.001, 'attempts': 3}
    return Source(server.url, **(known | quick | others))


def part_of(destination):
    return destination.with_name('weights.pt.part')


def files_beside(destination):
    return sorted(path.name for path in destination.parent.iterdir())


def kept_beginning(server, destination, count=100_000, **others):
    """Leave the first bytes of the server's file behind, as an interrupted download does."""
    server.cuts.append(count)
    with pytest.raises(CheckpointError):
        download(source(server, attempts=1, **others), destination)
    server.requests.clear()
    assert part_of(destination).stat().st_size == count


def test_a_file_arrives_whole_and_alone(server, destination):
    assert download(source(server), destination) == sha256(BODY)
    assert destination.read_bytes() == BODY
    assert files_beside(destination) == ['weights.pt']
    assert len(server.requests) == 1


def test_progress_tells_bytes_present_and_of_the_whole(server, destination):
    told = []
    download(source(server), destination, lambda *progress: told.append(progress))
    assert told[0] == (0, len(BODY))
    assert told[-1] == (len(BODY), len(BODY))
    assert told == sorted(told)


def test_a_file_of_unknown_size_and_sum_arrives(server, destination):
    server.tells_length = False
    assert download(source(server, size=None, sha256=None), destination) == sha256(BODY)
    assert destination.read_bytes() == BODY


def test_a_cut_connection_is_continued_where_it_ended(server, destination):
    server.cuts.extend([100_000, 50_000])
    download(source(server), destination)
    assert destination.read_bytes() == BODY
    assert [request.get('Range') for request in server.requests] == [
        None,
        'bytes=100000-',
        'bytes=150000-',
    ]
    assert {request['If-Range'] for request in server.requests[1:]} == {'"one"'}
    assert server.served == len(BODY)


def test_a_later_call_continues_where_an_earlier_one_gave_up(server, destination):
    kept_beginning(server, destination)
    assert not destination.exists()
    told = []
    download(source(server), destination, lambda *progress: told.append(progress))
    assert destination.read_bytes() == BODY
    assert server.requests[0]['Range'] == 'bytes=100000-'
    assert told[0] == (100_000, len(BODY))
    assert files_beside(destination) == ['weights.pt']


def test_giving_up_names_the_address_and_what_is_kept(server, destination):
    server.cuts.extend([100_000, 0, 0])
    with pytest.raises(CheckpointError) as failure:
        download(source(server), destination)
    assert server.url in str(failure.value)
    assert 'gave up after 3 attempts; 100000 bytes are kept' in str(failure.value)
    assert len(server.requests) == 3


def test_attempts_that_gain_much_are_not_counted(server, destination):
    server.body = random.Random(2).randbytes(4 << 20)
    server.cuts.extend([(1 << 20) + 1] * 3)
    expected = {'size': len(server.body), 'sha256': sha256(server.body)}
    download(source(server, attempts=1, **expected), destination)
    assert destination.read_bytes() == server.body
    assert len(server.requests) == 4


def test_a_server_without_ranges_is_asked_for_the_whole_again(server, destination):
    server.ranges = False
    kept_beginning(server, destination)
    download(source(server), destination)
    assert destination.read_bytes() == BODY


def test_a_server_that_always_stops_half_way_is_not_asked_for_ever(server, destination):
    server.ranges = False
    server.body = random.Random(2).randbytes(3 << 20)
    server.cuts.extend([2 << 20] * 100)
    with pytest.raises(CheckpointError, match='gave up after 3 attempts'):
        download(source(server, size=len(server.body), sha256=None), destination)
    assert len(server.requests) == 4


def test_a_file_changed_meanwhile_is_fetched_anew(server, destination):
    kept_beginning(server, destination, sha256=None)
    server.body, server.etag = OTHER_BODY, '"two"'
    download(source(server, sha256=None), destination)
    assert destination.read_bytes() == OTHER_BODY


def test_the_rest_of_a_changed_file_is_never_appended(server, destination):
    server.heeds_if_range = False
    kept_beginning(server, destination, sha256=None)
    server.body, server.etag = OTHER_BODY, '"two"'
    download(source(server, sha256=None), destination)
    assert destination.read_bytes() == OTHER_BODY


def test_pieces_that_do_not_make_the_published_file_are_fetched_anew(server, destination):
    kept_beginning(server, destination)
    with part_of(destination).open('r+b') as part:
        part.write(b'damaged on disk')
    assert download(source(server), destination) == sha256(BODY)
    assert destination.read_bytes() == BODY
    assert [request.get('Range') for request in server.requests] == ['bytes=100000-', None]


def test_pieces_of_different_files_joined_in_one_call_are_fetched_anew(server, destination):
    """As behind a cache that answers from an older file, under the same entity tag."""

    def mend(present, size):
        if present == 100_000:
            server.body = BODY

    server.body = OTHER_BODY
    server.cuts.append(100_000)
    assert download(source(server), destination, mend) == sha256(BODY)
    assert [request.get('Range') for request in server.requests] == [None, 'bytes=100000-', None]
    assert destination.read_bytes() == BODY


@pytest.mark.parametrize('etag', [None, 'W/"weak"'])
def test_without_a_strong_entity_tag_the_date_validates(server, destination, etag):
    server.etag, server.last_modified = etag, 'Sat, 28 Sep 2024 12:00:00 GMT'
    kept_beginning(server, destination)
    download(source(server), destination)
    assert server.requests[0]['If-Range'] == 'Sat, 28 Sep 2024 12:00:00 GMT'
    assert server.requests[0]['Range'] == 'bytes=100000-'
    assert destination.read_bytes() == BODY


def test_without_a_validator_nothing_is_kept_or_continued(server, destination):
    server.etag = None
    server.cuts.append(100_000)
    with pytest.raises(CheckpointError, match=r'gave up after 1 attempts$'):
        download(source(server, attempts=1), destination)
    assert files_beside(destination) == []
    download(source(server), destination)
    assert 'Range' not in server.requests[-1]
    assert destination.read_bytes() == BODY


def test_what_came_from_one_address_is_not_continued_from_another(server, destination):
    kept_beginning(server, destination)
    with running() as other:
        other.body = OTHER_BODY
        download(source(other, sha256=None), destination)
        assert 'Range' not in other.requests[0]
    assert destination.read_bytes() == OTHER_BODY


def test_bytes_of_unknown_origin_are_not_continued(server, destination):
    kept_beginning(server, destination)
    destination.with_name('weights.pt.part.json').write_text('{"url": "http')
    download(source(server), destination)
    assert 'Range' not in server.requests[0]
    assert destination.read_bytes() == BODY


def test_a_redirection_is_followed_when_continuing_too(server, destination):
    elsewhere = server.url.replace('/weights.pt', '/elsewhere')
    server.cuts.append(100_000)
    download(Source(elsewhere, len(BODY), sha256(BODY), pause=0.001), destination)
    assert server.paths == ['/elsewhere', '/weights.pt'] * 2
    assert server.requests[-1]['Range'] == 'bytes=100000-'
    assert destination.read_bytes() == BODY


def test_a_whole_part_is_checked_without_asking_again(server, destination):
    """As when a process is killed between the last byte and the final name."""
    kept_beginning(server, destination)
    with part_of(destination).open('ab') as part:
        part.write(BODY[100_000:])
    download(source(server), destination)
    assert destination.read_bytes() == BODY
    assert server.requests == []


def test_a_part_longer_than_the_file_is_fetched_anew(server, destination):
    kept_beginning(server, destination)
    with part_of(destination).open('ab') as part:
        part.write(BODY)
    download(source(server), destination)
    assert destination.read_bytes() == BODY


@pytest.mark.parametrize('status', [401, 403, 404, 410, 451])
def test_a_refusal_is_final_and_names_status_and_address(server, destination, status):
    server.statuses.append(status)
    with pytest.raises(CheckpointError) as failure:
        download(source(server), destination)
    assert str(failure.value).startswith(f'{server.url}: {status} ')
    assert len(server.requests) == 1
    assert files_beside(destination) == []


@pytest.mark.parametrize('status', [429, 500, 502, 503, 504])
def test_a_passing_refusal_is_met_with_patience(server, destination, status):
    server.statuses.extend([status] * 2)
    download(source(server), destination)
    assert destination.read_bytes() == BODY
    assert len(server.requests) == 3


def test_patience_with_refusals_ends(server, destination):
    server.statuses.extend([500] * 100)
    with pytest.raises(CheckpointError, match=r'500 .*gave up after 3 attempts'):
        download(source(server), destination)
    assert len(server.requests) == 3
    assert files_beside(destination) == []


def test_pauses_grow_between_attempts(server, destination, caplog):
    server.statuses.extend([503] * 4)
    download(source(server, attempts=5), destination)
    pauses = [re.search(r'again in (\S+) s', message)[1] for message in caplog.messages]
    assert pauses == ['0.001', '0.002', '0.004', '0.008']


def test_another_size_than_published_is_refused_before_the_body(server, destination):
    server.drip = 0.05
    began = time.monotonic()
    with pytest.raises(CheckpointError) as failure:
        download(source(server, size=12345), destination)
    assert 'offers 300000 bytes where the published file has 12345' in str(failure.value)
    assert time.monotonic() - began < 1.0
    assert files_beside(destination) == []


def test_more_bytes_than_published_are_refused(server, destination):
    server.tells_length = False
    with pytest.raises(CheckpointError, match='sends more than the 1000 bytes'):
        download(source(server, size=1000), destination)
    assert files_beside(destination) == []


def test_another_sum_than_published_is_refused_and_thrown_away(server, destination):
    server.body = OTHER_BODY
    with pytest.raises(CheckpointError) as failure:
        download(source(server), destination)
    assert sha256(OTHER_BODY) in str(failure.value)
    assert sha256(BODY) in str(failure.value)
    assert len(server.requests) == 1
    assert files_beside(destination) == []


def test_an_empty_file_is_no_file(server, destination):
    server.body = b''
    with pytest.raises(CheckpointError, match='gave up'):
        download(source(server, size=None, sha256=None), destination)
    assert files_beside(destination) == []


def test_a_slow_server_is_waited_for(server, destination):
    server.drip = 0.002
    download(source(server, timeout=0.5), destination)
    assert destination.read_bytes() == BODY


def test_a_silent_server_is_not_waited_for_for_ever(server, destination):
    server.silence = 3.0
    began = time.monotonic()
    with pytest.raises(CheckpointError, match=r'timed out; gave up after 2 attempts'):
        download(source(server, timeout=0.2, attempts=2), destination)
    assert time.monotonic() - began < 2.0


def test_a_server_that_is_not_there_is_named(destination):
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port = probe.getsockname()[1]
    url = f'http://127.0.0.1:{port}/weights.pt'
    with pytest.raises(CheckpointError, match='Connection refused') as failure:
        download(Source(url, attempts=2, pause=0.001), destination)
    assert str(failure.value).startswith(f'{url}: ')


@pytest.mark.parametrize(
    'url',
    [
        '',
        'weights.pt',
        '/etc/passwd',
        'file:///etc/passwd',
        'ftp://a/b',
        'http://',
        'http://[::1/b',
        'http://a:port/b',
        'http://a:0/b',
        'http://a/with space',
        'http://a/\n',
        'http://a/ü',
    ],
)
def test_what_is_no_address_is_named(destination, url):
    with pytest.raises(CheckpointError) as failure:
        download(Source(url, attempts=1), destination)
    assert 'not an http or https address' in str(failure.value)
    assert str(failure.value).endswith(repr(url))


@settings(max_examples=30, deadline=None)
@given(
    cuts=strategies.lists(strategies.integers(0, 6000), max_size=6),
    ranges=strategies.booleans(),
    refusals=strategies.lists(strategies.sampled_from([500, 503]), max_size=2),
)
def test_however_it_is_cut_the_whole_file_arrives(tmp_path_factory, cuts, ranges, refusals):
    destination = tmp_path_factory.mktemp('cut') / 'weights.pt'
    with running() as server:
        server.body = BODY[:6000]
        server.ranges = ranges
        server.cuts.extend(cuts)
        server.statuses.extend(refusals)
        expected = {'size': 6000, 'sha256': sha256(server.body), 'attempts': 20, 'pause': 0.0}
        download(source(server, **expected), destination)
        assert destination.read_bytes() == server.body
        assert files_beside(destination) == ['weights.pt']
        if ranges:
            assert server.served == 6000


def test_the_old_file_stays_until_the_new_one_is_whole(server, destination):
    destination.parent.mkdir()
    destination.write_bytes(b'old')
    server.drip = 0.001
    seen = set()
    done = threading.Event()

    def watch():
        while not done.is_set():
            seen.add(destination.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        download(source(server), destination)
    finally:
        done.set()
        watcher.join()
    assert seen - {BODY} == {b'old'}
    assert destination.read_bytes() == BODY


DOWNLOAD = """
from pathlib import Path
import sys
from sam_tracker.networks.weights.download import download, Source
download(Source(sys.argv[1], int(sys.argv[2])), Path(sys.argv[3]))
"""


def start_download(server, destination):
    command = [sys.executable, '-c', DOWNLOAD, server.url, str(len(BODY)), str(destination)]
    return subprocess.Popen(command, cwd=REPOSITORY)


def wait_for_part(destination, count):
    part, deadline = part_of(destination), time.monotonic() + 30
    while not (part.exists() and part.stat().st_size >= count):
        assert time.monotonic() < deadline, 'the download does not get on'
        assert not destination.exists()
        time.sleep(0.002)


def test_killed_at_any_moment_it_leaves_no_half_file_and_continues(server, destination):
    server.drip = 0.01
    for count in (4096, 100_000):
        process = start_download(server, destination)
        wait_for_part(destination, count)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not destination.exists()
        assert BODY.startswith(part_of(destination).read_bytes())
    kept = part_of(destination).stat().st_size
    server.drip = 0.0
    assert download(source(server), destination) == sha256(BODY)
    assert server.requests[-1]['Range'] == f'bytes={kept}-'
    assert files_beside(destination) == ['weights.pt']


def test_two_processes_do_not_write_one_file(server, destination):
    server.drip = 0.01
    process = start_download(server, destination)
    try:
        wait_for_part(destination, 4096)
        with pytest.raises(CheckpointError, match='another process is downloading to'):
            download(source(server), destination)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
    assert destination.read_bytes() == BODY


def test_a_part_renamed_before_it_is_locked_is_left_alone(destination, monkeypatch):
    """Another process finishes between our opening the part and our locking it."""
    destination.parent.mkdir()
    part = part_of(destination)
    part.write_bytes(BODY)
    from sam_tracker.networks.weights import partial_download as checkpoint_part

    real = checkpoint_part.fcntl.flock
    finish = [lambda: part.replace(destination)]

    def flock(*args):
        if finish:
            finish.pop()()
        real(*args)

    monkeypatch.setattr(checkpoint_part.fcntl, 'flock', flock)
    with opened_part(destination) as partial:
        assert partial.length == 0
    assert destination.read_bytes() == BODY


def test_a_block_that_is_written_in_parts_is_written_whole(tmp_path):
    class Hesitant(FileIO):
        def write(self, content):
            return super().write(content[:1000])

    path = tmp_path / 'weights.pt.part'
    with Hesitant(path, 'w+') as handle:
        partial = PartialFile(path, handle)
        partial.append(BODY)
        assert partial.length == len(BODY)
    assert path.read_bytes() == BODY


def test_a_disk_without_room_is_named_before_the_body(server, destination, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: SimpleNamespace(free=1000))
    with pytest.raises(CheckpointError) as failure:
        download(source(server), destination)
    assert str(failure.value) == (f'{destination.parent}: 300000 bytes are needed, 1000 are free')
    assert files_beside(destination) == []


LIMITED = """
import resource, sys
from sam_tracker.networks.weights import catalogue as checkpoint_catalogue, checkpoint_command
known = checkpoint_catalogue.KnownCheckpoint('tiny', 'weights.pt', sys.argv[1], int(sys.argv[2]))
checkpoint_command.KNOWN_CHECKPOINTS = {'tiny': known}
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(checkpoint_command.main(['download', 'tiny']))
"""


def test_a_write_that_fails_is_one_line_that_names_the_path(server, destination, monkeypatch):
    """The operating system refuses to let the file grow, as it does when a disk is full."""
    monkeypatch.setenv('SAM_TRACKER_CHECKPOINTS', str(destination.parent))
    result = subprocess.run(
        [sys.executable, '-c', LIMITED, server.url, str(len(BODY))],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    expected = f'cannot write {part_of(destination)}: File too large'
    assert result.stderr == f'sam_tracker-checkpoint: {expected}\n'
    assert BODY.startswith(part_of(destination).read_bytes())
    download(source(server), destination)
    assert destination.read_bytes() == BODY


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(CheckpointError, match=f'cannot write {tmp_path}/file'):
        download(source(server), tmp_path / 'file' / 'weights.pt')
    assert server.requests == []


@pytest.fixture
def published(server, destination, monkeypatch):
    """Publish the server's file as the one downloadable checkpoint, called tiny."""
    known = KnownCheckpoint('tiny', 'weights.pt', server.url, len(BODY), sha256(BODY))
    for module in (checkpoint_catalogue, checkpoint_command):
        monkeypatch.setattr(module, 'KNOWN_CHECKPOINTS', {'tiny': known})
    monkeypatch.setenv('SAM_TRACKER_CHECKPOINTS', str(destination.parent))
    return known


def test_the_command_downloads_and_verifies(published, destination, capsys):
    assert main(['download', 'tiny']) == 0
    out, err = capsys.readouterr()
    verdict = f'SHA-256 {sha256(BODY)} as published for tiny'
    assert out == f'{destination}: downloaded, {verdict}\n'
    assert err == ''
    assert main(['verify', 'tiny']) == 0
    assert capsys.readouterr().out == f'{destination}: tiny, {verdict}\n'


def test_the_command_downloads_once(published, server, destination, capsys):
    assert main(['download', 'tiny']) == 0
    assert main(['download', 'tiny']) == 0
    assert 'already here' in capsys.readouterr().out
    assert len(server.requests) == 1


def test_the_command_does_not_replace_a_file_of_the_same_name(published, destination, capsys):
    destination.parent.mkdir()
    destination.write_bytes(b'my own weights')
    assert main(['download', 'tiny']) == 1
    assert 'not the published tiny: 14 bytes' in capsys.readouterr().err
    assert destination.read_bytes() == b'my own weights'


def test_the_command_says_when_there_is_nothing_to_verify_by(
    published, server, destination, monkeypatch, capsys
):
    known = KnownCheckpoint('tiny', 'weights.pt', server.url)
    for module in (checkpoint_catalogue, checkpoint_command):
        monkeypatch.setattr(module, 'KNOWN_CHECKPOINTS', {'tiny': known})
    assert main(['download', 'tiny']) == 0
    assert f'SHA-256 {sha256(BODY)}, unverified' in capsys.readouterr().out


def test_the_command_fetches_from_another_address_and_checks_all_the_same(
    published, destination, capsys
):
    with running() as other:
        other.body = OTHER_BODY
        assert main(['download', 'tiny', '--url', other.url]) == 1
        assert f'{other.url}: sent a file with SHA-256' in capsys.readouterr().err
        assert not destination.exists()
        other.body = BODY
        assert main(['download', 'tiny', '--url', other.url]) == 0
    assert destination.read_bytes() == BODY


def test_the_command_reports_a_refusal_in_one_line(published, server, capsys):
    server.statuses.append(404)
    assert main(['download', 'tiny']) == 1
    assert capsys.readouterr().err == (f'sam_tracker-checkpoint: {server.url}: 404 Not Found\n')


def test_an_interrupted_command_says_how_to_go_on(published, monkeypatch, capsys):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint_command, 'download', interrupt)
    assert main(['download', 'tiny']) == 130
    assert 'the same command continues' in capsys.readouterr().err
