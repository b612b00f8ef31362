# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings are read from other storage and labels written to it, as if it were a folder."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import json
import threading

import pytest
import yaml

from sam_tracker.labelling import staging
from sam_tracker.labelling.fleet import finish, in_this_process, label_all
from sam_tracker.labelling.job import Job, label_recording
from sam_tracker.labelling.label_command import main
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.labelling.staging import scratch_folder, staged
from sam_tracker.labelling.storage import Mirror, downloaded

fsspec = pytest.importorskip('fsspec')

LABELS = 'recordings/clip/labels.jsonl'


@pytest.fixture
def memory():
    """An empty storage of this process."""
    system = fsspec.filesystem('memory')
    clear(system)
    yield system
    clear(system)


def clear(system):
    for path in system.find('/'):
        system.rm_file(path)


def contents(system):
    return {path: system.cat_file(path) for path in system.find('/')}


@pytest.fixture
def prompts(clip, tmp_path):
    x, y, right, bottom = (float(value) for value in clip.boxes[8, 0])
    said = [{'frame': 8, 'box': [x, y, right - x, bottom - y]}]
    path = tmp_path / 'prompts.yaml'
    path.write_text(yaml.safe_dump({'objects': [{'label': 'thing', 'prompts': said}]}))
    return path


@pytest.fixture
def stored(memory, folder, prompts):
    """The clip and its prompts on the storage."""
    for path in folder.iterdir():
        memory.pipe_file(f'/bucket/clip/{path.name}', path.read_bytes())
    memory.pipe_file('/bucket/prompts/clip.yaml', prompts.read_bytes())
    return memory


def test_labels_on_other_storage_are_those_of_a_folder(stored, folder, prompts, tmp_path, capsys):
    formats = '--formats', 'coco', 'davis', 'yolo'
    here = tmp_path / 'here'
    assert main([str(folder), '-o', str(here), '--prompts', str(prompts), *formats]) == 0
    scratch = tmp_path / 'scratch'
    wish = ['memory://bucket/clip', '-o', 'memory://out/labels', '--scratch', str(scratch)]
    assert main([*wish, '--prompts', 'memory://bucket/prompts', *formats]) == 0
    written = {
        path.removeprefix('/out/labels/'): data
        for path, data in contents(stored).items()
        if path.startswith('/out/')
    }
    local = {
        path.relative_to(here).as_posix(): path.read_bytes()
        for path in here.rglob('*')
        if path.is_file()
    }
    # Only what names the recording differs; a lock and the index of a copy mean nothing elsewhere.
    named = {'manifest.json', 'recordings/clip/project.json'}
    here_alone = {'recordings/clip/lock', 'recordings/clip/work/recording.index'}
    assert written.keys() == local.keys() - here_alone
    for name in written.keys() - named:
        assert written[name] == local[name], name
    assert json.loads(written['manifest.json'])['clip']['source'] == 'memory://bucket/clip'
    assert list(scratch.iterdir()) == []
    # The project goes on with its prompts; another recording does not take its place.
    assert main([*wish, *formats]) == 0
    assert stored.cat_file(f'/out/labels/{LABELS}') == local[LABELS]
    capsys.readouterr()
    stored.pipe_file('/other/clip/0.png', (folder / '0.png').read_bytes())
    assert main(['memory://other/clip', *wish[1:]]) == 1
    assert "labels of 'memory://bucket/clip'" in capsys.readouterr().err


def test_what_another_machine_wrote_meanwhile_is_kept(stored, prompts, tmp_path):
    out = tmp_path / 'out'
    jobs = [
        Job(
            source=tmp_path / name,
            source_url='memory://bucket/clip',
            name=name,
            folder=out,
            folder_url='memory://out',
            prompts=prompts,
            scratch=tmp_path / 'scratch',
        )
        for name in ('monday', 'tuesday')
    ]

    def attempts():
        yield from in_this_process(jobs[:1], lambda _: lambda *_: None)
        manifest = json.loads(stored.cat_file('/out/manifest.json'))
        stored.pipe_file('/out/manifest.json', json.dumps({**manifest, 'other': {}}).encode())
        yield from in_this_process(jobs[1:], lambda _: lambda *_: None)

    mirror = Mirror('memory://out', out)
    assert not label_all(attempts(), mirror)
    manifest = json.loads(stored.cat_file('/out/manifest.json'))
    assert manifest.keys() == {'monday', 'other', 'tuesday'}

    def reports(name):
        if name == 'tuesday':
            classes = yaml.safe_load(stored.cat_file('/out/yolo/data.yaml'))
            assert classes['names'] == {0: 'thing'}
            classes['names'][1] = 'of another'
            stored.pipe_file('/out/yolo/data.yaml', yaml.safe_dump(classes).encode())
        return lambda *_: None

    assert not finish(jobs, ['yolo'], False, reports, mirror)
    classes = yaml.safe_load(stored.cat_file('/out/yolo/data.yaml'))
    assert classes['names'] == {0: 'thing', 1: 'of another'}


def test_a_run_goes_on_from_what_another_machine_wrote_back(
    stored, prompts, tmp_path, monkeypatch
):
    monkeypatch.setattr(staging, 'WRITE_PERIOD', 0.0)
    monkeypatch.setattr(staging, 'MOST_WRITING', 1e9)
    job = Job(
        source=tmp_path / 'clip',
        source_url='memory://bucket/clip',
        name='clip',
        folder=tmp_path / 'nowhere',
        folder_url='memory://out',
        prompts=prompts,
        scratch=tmp_path / 'scratch',
    )
    midway = {}

    def report(what, done, total):
        if what == 'labelling' and done == 8 and not midway:
            # As far as a machine was that is cut off now.
            midway.update(contents(stored))

    def label():
        with staged(job, report) as (local, told):
            return label_recording(local, told)

    assert label().frames == 15
    expected = stored.cat_file(f'/out/{LABELS}')
    assert f'/out/{LABELS}' not in midway
    clear(stored)
    for path, data in midway.items():
        stored.pipe_file(path, data)
    # The seven frames after the prompt are there already.
    assert label().frames == 8
    assert stored.cat_file(f'/out/{LABELS}') == expected


def test_a_recording_is_read_over_http(video, clip, tmp_path, capsys):
    handler = partial(QuietHandler, directory=str(video.parent))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f'http://127.0.0.1:{server.server_port}'
        copy = downloaded(f'{address}/clip.mp4', tmp_path / 'copy')
        assert copy.read_bytes() == video.read_bytes()
        with pytest.raises(LabellingError, match=r'nothing\.mp4'):
            downloaded(f'{address}/nothing.mp4', tmp_path / 'copy')
        signed = address.replace('//', '//me:secret@')
        copy = downloaded(f'{signed}/clip.mp4?token=secret/1', tmp_path / 'signed')
        assert copy.name == 'clip.mp4' and copy.read_bytes() == video.read_bytes()
        out = tmp_path / 'out'
        wish = ['-o', str(out), '--everything', '--scratch', str(tmp_path / 'scratch')]
        assert main([f'{signed}/nothing.mp4?token=secret/1', *wish]) == 1
        error, manifest = capsys.readouterr().err, (out / 'manifest.json').read_text()
        assert json.loads(manifest)['nothing']['source'] == f'{address}/nothing.mp4'
        assert 'secret' not in error and 'secret' not in manifest
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_key_may_hold_what_ends_the_path_of_other_urls(memory, tmp_path):
    memory.pipe_file('/bucket/take #2?.mp4', b'film')
    copy = downloaded('memory://bucket/take #2?.mp4', tmp_path)
    assert copy == tmp_path / 'take #2?.mp4' and copy.read_bytes() == b'film'


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_mirror_writes_back_what_changed_and_removes_what_is_gone(memory, tmp_path):
    for name in ('a', 'b', 'deep/c'):
        memory.pipe_file(f'/out/{name}', name.encode())
    mirror = Mirror('memory://out', tmp_path)
    mirror.pull()
    assert (tmp_path / 'deep/c').read_bytes() == b'deep/c'
    (tmp_path / 'a').write_bytes(b'changed')
    (tmp_path / 'b').unlink()
    (tmp_path / 'deep/new').write_bytes(b'new')
    (tmp_path / 'deep/lock').write_bytes(b'')
    # Nothing is written that is not changed: another machine may have changed it.
    memory.pipe_file('/out/deep/c', b'of another')
    mirror.push()
    assert contents(memory) == {
        '/out/a': b'changed',
        '/out/deep/c': b'of another',
        '/out/deep/new': b'new',
    }


@pytest.mark.parametrize(
    'url,words',
    [
        ('memory://no/clip.mp4', 'does not exist'),
        ('nonsense://a/clip.mp4', 'nonsense'),
    ],
)
def test_storage_that_cannot_be_used_is_named(url, words, memory, tmp_path, capsys):
    wish = ['-o', str(tmp_path / 'out'), '--everything', '--scratch', str(tmp_path / 'scratch')]
    assert main([url, *wish]) == 1
    error = capsys.readouterr().err
    assert url in error and words in error and error.count('\n') == 1


def test_copies_that_a_killed_run_left_are_removed(tmp_path, monkeypatch):
    left = tmp_path / f'{staging.PREFIX}left'
    left.mkdir()
    (left / 'lock').touch()
    (left / 'clip.mp4').write_bytes(b'large')
    with scratch_folder(tmp_path) as first:
        # It was just made.
        assert left.exists()
        monkeypatch.setattr(staging, 'ABANDONED_AFTER', -1.0)
        with scratch_folder(tmp_path) as second:
            assert not left.exists()
            assert first.exists() and second.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('name', ['recording-monday', f'{staging.PREFIX}monday'])
def test_folders_of_a_user_in_the_scratch_folder_stay(name, tmp_path, monkeypatch):
    monkeypatch.setattr(staging, 'ABANDONED_AFTER', -1.0)
    kept = tmp_path / name / 'drive.mcap'
    kept.parent.mkdir()
    kept.write_bytes(b'precious')
    with scratch_folder(tmp_path):
        assert kept.exists()
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
