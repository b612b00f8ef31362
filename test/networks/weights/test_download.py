# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command downloads from a server on this machine that answers like the Hugging Face hub."""

from collections import deque
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import os
from pathlib import Path
import random
import re
import subprocess
import sys
import threading

import pytest

REPOSITORY = Path(__file__).parents[3]
ADDRESS = '/facebook/sam2.1-hiera-tiny/resolve/main/sam2.1_hiera_tiny.pt'
# huggingface_hub writes, and can continue, every 10 MiB.
BODY = random.Random(0).randbytes(24_000_000)
SUM = hashlib.sha256(BODY).hexdigest()
# The real command, with the figures of a file that is small enough for a test.
PROGRAM = f"""
import sys
from sam_tracker.networks.weights import catalogue
catalogue.KNOWN_CHECKPOINTS = {{'tiny': catalogue.KnownCheckpoint(
    'tiny', 'sam2.1_hiera_tiny.pt', 'facebook/sam2.1-hiera-tiny', {len(BODY)}, '{SUM}')}}
from sam_tracker.networks.weights.checkpoint_command import main
sys.exit(main())
"""


class Hub(ThreadingHTTPServer):
    """Serves one file of one repository, as badly as it is told to."""

    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), HubHandler)
        self.body = BODY
        self.cuts = deque()
        """After how many bytes the next answers end."""
        self.status = 200
        self.location = None
        """Where every request is redirected to."""
        self.requests = []
        """Method and first byte of each."""


class HubHandler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        start = self.answer()
        if start is not None:
            cut = self.server.cuts.popleft() if self.server.cuts else None
            self.wfile.write(self.server.body[start:][:cut])

    def answer(self):
        server = self.server
        first = re.fullmatch(r'bytes=(\d+)-', self.headers['Range'] or '')
        start = int(first[1]) if first else 0
        server.requests.append((self.command, start))
        assert 'Authorization' not in self.headers
        if server.status != 200 or self.path != ADDRESS:
            self.send_error(server.status if server.status != 200 else 404)
            return None
        if server.location:
            self.send_response(302)
            self.send_header('Location', server.location)
            self.send_header('Content-Length', '0')
            self.end_headers()
            return None
        size = len(server.body)
        self.send_response(206 if start else 200)
        self.send_header('X-Repo-Commit', 'c' * 40)
        self.send_header('ETag', f'"{hashlib.sha256(server.body).hexdigest()}"')
        self.send_header('Content-Length', str(size - start))
        if start:
            self.send_header('Content-Range', f'bytes {start}-{size - 1}/{size}')
        self.end_headers()
        return start


@pytest.fixture
def hub():
    server = Hub()
    serve = {'poll_interval': 0.01}
    threading.Thread(target=server.serve_forever, kwargs=serve, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(hub, tmp_path):
    """Run the command; returns its exit code and the lines of its two streams."""

    def run(*args, **environment):
        result = subprocess.run(
            [sys.executable, '-c', PROGRAM, *args],
            cwd=REPOSITORY,
            env={
                **{name: value for name, value in os.environ.items() if 'HF_' not in name},
                'no_proxy': '127.0.0.1',
                'HF_HOME': str(tmp_path),
                'HF_ENDPOINT': f'http://127.0.0.1:{hub.server_port}',
                'SAM_TRACKER_CHECKPOINTS': str(tmp_path / 'own'),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return result.returncode, result.stdout.splitlines(), result.stderr.splitlines()

    return run


@pytest.fixture
def failing(run):
    """Run a download that fails; returns what its one line says after the address."""

    def failing(**environment):
        code, out, err = run('download', 'tiny', **environment)
        assert (code, out) == (1, [])
        # Progress is shown in carriage returns and no lines; the last line is ours.
        line = err[-1]
        assert 'Traceback' not in ' '.join(err)
        assert line.startswith('sam_tracker-checkpoint: http://') and ADDRESS in line, err
        return line.partition(f'{ADDRESS}: ')[2]

    return failing


def pointer(tmp_path):
    (path,) = tmp_path.glob('hub/models--*/snapshots/*/sam2.1_hiera_tiny.pt')
    return path


def test_a_file_is_downloaded_from_the_mirror_once_and_found(hub, run, tmp_path):
    code, out, _ = run('download', 'tiny')
    path = pointer(tmp_path)
    assert (code, out) == (0, [f'{path}: downloaded, SHA-256 {SUM} as published for tiny'])
    assert path.read_bytes() == BODY
    asked = len(hub.requests)
    assert run('download', 'tiny') == (
        0,
        [f'{path}: already here, SHA-256 {SUM} as published for tiny'],
        [],
    )
    assert run('list')[1][0].split()[-1] == str(path)
    # Nothing was asked, so it works as well without a network.
    assert len(hub.requests) == asked
    assert run('download', 'tiny', HF_HUB_OFFLINE='1')[0] == 0


def test_a_download_that_was_cut_off_is_continued(hub, run, tmp_path):
    hub.cuts.append(22_000_000)
    if run('download', 'tiny')[0] != 0:
        assert run('download', 'tiny')[0] == 0
    assert pointer(tmp_path).read_bytes() == BODY
    method, start = hub.requests[-1]
    assert method == 'GET' and start >= 10_000_000


def test_another_file_than_the_published_one_is_refused_and_not_kept(hub, failing, tmp_path):
    hub.body = BODY[:-1] + bytes([BODY[-1] ^ 1])
    found = hashlib.sha256(hub.body).hexdigest()
    assert failing() == f'sent 24000000 bytes with SHA-256 {found}, not the published {SUM}'
    kept = [path.stat().st_size for path in tmp_path.rglob('*') if path.is_file()]
    assert max(kept, default=0) < 1000  # the cache's own notes, not the 24 MB


@pytest.mark.parametrize('damage', ['content', 'link'])
def test_a_damaged_cache_is_mended(run, tmp_path, damage):
    assert run('download', 'tiny')[0] == 0
    blob = pointer(tmp_path).resolve()
    if damage == 'content':
        blob.write_bytes(b'damaged')
    else:
        blob.unlink()
    code, (line,), _ = run('download', 'tiny')
    assert (code, 'downloaded, ' in line) == (0, True)
    assert pointer(tmp_path).read_bytes() == BODY


def test_another_file_of_that_name_in_the_own_folder_is_not_replaced(hub, run, tmp_path):
    own = tmp_path / 'own' / 'sam2.1_hiera_tiny.pt'
    own.parent.mkdir()
    own.write_bytes(b'mine')
    code, out, (line,) = run('download', 'tiny')
    assert (code, out) == (1, [])
    assert f'{own}: not the published tiny' in line
    assert own.read_bytes() == b'mine' and not hub.requests


@pytest.mark.parametrize('status', [401, 404, 503])
def test_a_refusal_is_named_in_one_line(hub, failing, status):
    hub.status = status
    assert str(status) in failing()


@pytest.mark.parametrize(
    'location', ['ftp://127.0.0.1/weights.pt', 'http://[bad/', ADDRESS], ids=['ftp', 'bad', 'loop']
)
def test_a_redirection_that_leads_nowhere_is_one_line(hub, failing, location):
    hub.location = location
    assert failing()


def test_no_connection_is_named_in_one_line(failing):
    assert 'offline' in failing(HF_HUB_OFFLINE='1').lower()
    assert failing(HF_ENDPOINT='http://127.0.0.1:1')


def test_a_cache_that_cannot_be_written_is_named(failing, tmp_path):
    (tmp_path / 'hub').write_text('a file')
    assert f'{tmp_path}/hub' in failing()
