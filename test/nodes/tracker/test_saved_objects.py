# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Objects survive a restart of the node, by a file."""

import io
import os
import signal
import time
import zipfile

import numpy as np
import pytest

from sam_tracker.core.file_lock import locked
from sam_tracker.nodes.tracker import saved_objects
from sam_tracker.nodes.tracker.saved_objects import (
    SavedObject,
    SavedObjectsError,
    may_be_replaced,
    read_objects,
    write_objects,
)

NODE = 'sam_tracker.nodes.tracker.tracker_node'


def saved(object_id: int = 3, label: str = 'Tasse ☕', size=(13, 7)) -> SavedObject:
    width, height = size
    mask = np.random.default_rng(object_id).random((height, width)) < 0.5
    return SavedObject(object_id, label, size, np.packbits(mask))


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / 'folder' / 'objects.npz'
    write_objects(path, [saved(300), saved(2, '')], 12.25)
    time, objects = read_objects(path)
    assert time == 12.25
    assert [(each.object_id, each.label) for each in objects] == [(2, ''), (300, 'Tasse ☕')]
    for before, after in zip((saved(2, ''), saved(300)), objects, strict=True):
        assert after.mask.shape == (7, 13)
        assert np.array_equal(before.mask, after.mask)
    assert [each.name for each in path.parent.iterdir()] == ['objects.npz']


@pytest.mark.parametrize('content', [b'', b'objects', b'PK\x03\x04 of nothing'])
def test_another_file_is_named(tmp_path, content):
    path = tmp_path / 'objects.npz'
    path.write_bytes(content)
    with pytest.raises(SavedObjectsError, match=r'objects\.npz holds no saved objects'):
        read_objects(path)


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / 'objects.npz'
    write_objects(path, [saved()], 1.0)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SavedObjectsError, match=r'objects\.npz'):
        read_objects(path)


def test_a_damaged_mask_is_named(tmp_path):
    path = tmp_path / 'objects.npz'
    write_objects(path, [saved(size=(300, 200))], 1.0)
    content = bytearray(path.read_bytes())
    start = content.index(b'3.mask.npy') + 200
    content[start : start + 50] = bytes(50)
    path.write_bytes(content)
    with pytest.raises(SavedObjectsError, match=r'objects\.npz holds no saved objects'):
        read_objects(path)


def test_a_mask_of_another_size_is_named(tmp_path):
    path = tmp_path / 'objects.npz'
    write_objects(path, [SavedObject(4, '', (10, 10), np.zeros(2, np.uint8))], 1.0)
    with pytest.raises(SavedObjectsError, match='the mask of object 4 does not fit 10x10 pixels'):
        read_objects(path)


def test_a_pipe_is_named_and_not_waited_for(tmp_path):
    path = tmp_path / 'objects.npz'
    os.mkfifo(path)
    with pytest.raises(SavedObjectsError, match='it is no regular file'):
        read_objects(path)


def test_a_file_that_claims_terabytes_is_named(tmp_path):
    path = tmp_path / 'objects.npz'
    write_objects(path, [saved(5)], 1.0)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    facts = {'descr': '|u1', 'fortran_order': False, 'shape': (10**13,)}
    np.lib.format.write_array_header_1_0(header, facts)
    members['5.mask.npy'] = header.getvalue()
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(SavedObjectsError, match=r'objects\.npz holds no saved objects'):
        read_objects(path)


def test_a_file_that_unpacks_to_too_much_is_refused_before(tmp_path, monkeypatch):
    path = tmp_path / 'objects.npz'
    width, height = 4000, 3000
    write_objects(path, [SavedObject(5, '', (width, height), np.zeros(1_500_000, np.uint8))], 1.0)
    assert path.stat().st_size < 10_000
    assert read_objects(path)[1][0].image_size == (width, height)
    monkeypatch.setattr(saved_objects, 'MOST_BYTES', 1_000_000)
    with pytest.raises(SavedObjectsError, match=r'it unpacks to 15\d* bytes; at most 1000000'):
        read_objects(path)


@pytest.mark.parametrize(
    ('content', 'replaced'),
    [
        *((None, True), (b'', True), (b'PK\3\4', True), (b'notes', False)),
        # As after a loss of power.
        (bytes(4096), True),
        # As every MP4 file begins.
        (b'\0\0\0\x20ftypisom', False),
    ],
)
def test_only_what_may_have_been_saved_objects_is_replaced(tmp_path, content, replaced):
    path = tmp_path / 'objects.npz'
    if content is not None:
        path.write_bytes(content)
    assert may_be_replaced(path) is replaced
    assert not may_be_replaced(tmp_path)


@pytest.fixture
def start(graph, random_checkpoint, new_camera, new_tester, tmp_path):
    """Start a tracker that saves objects, in a namespace with a camera."""
    new_camera(namespace='/saved')

    def run(**parameters: object):
        program = graph.start(
            NODE,
            '-r',
            '__ns:=/saved',
            checkpoint=random_checkpoint,
            device='cpu',
            precision='float32',
            cpu_threads=1,
            # The random network answers all prompts with much the same mask.
            resolve_overlaps='false',
            **{'saved_objects.file': tmp_path / 'objects.npz', **parameters},
        )
        tester = new_tester(namespace='/saved')
        tester.wait_until_active()
        tester.next_tracks()
        return program, tester

    return run


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL])
def test_objects_are_tracked_again_after_a_restart_under_their_ids(graph, start, tmp_path, number):
    period = 0.1 if number == signal.SIGKILL else 0.0
    parameters = {'saved_objects.period': period, 'saved_objects.maximum_age': 600.0}
    program, tester = start(**parameters)
    for label in ('', 'mug', 'box'):
        assert tester.add_box(label=label).success
    tester.call('remove_object', object_id=1)

    def both_are_saved() -> bool:
        path = tmp_path / 'objects.npz'
        return path.exists() and [each.object_id for each in read_objects(path)[1]] == [2, 3]

    if period:
        graph.wait_until(both_are_saved, 'a file with both objects')
    program.process.send_signal(number)
    program.wait()
    assert both_are_saved()

    program, tester = start(**parameters)
    graph.wait_until(lambda: tester.object_ids() == [2, 3], 'both objects again')
    labels = [each.label for each in tester.next_tracks()[0].tracks]
    assert labels == ['mug', 'box']
    # Ids go on where they were.
    assert tester.add_box().track.object_id == 4
    assert program.end(signal.SIGINT) == 0
    assert 'object 2 (mug) is tracked again' in program.output


def test_objects_that_are_too_old_are_not_tracked_again(start, tmp_path):
    write_objects(tmp_path / 'objects.npz', [saved()], 1000.0)
    program, tester = start()
    assert tester.object_ids() == []
    assert program.end(signal.SIGINT) == 0
    assert 'and saved_objects.maximum_age is' in program.output


def test_a_file_that_cannot_be_read_is_logged_and_tracking_starts(start, tmp_path):
    (tmp_path / 'objects.npz').write_bytes(b'nothing')
    program, tester = start()
    assert tester.add_box().success
    assert program.end(signal.SIGINT) == 0
    assert 'no object is restored' in program.output


def test_a_file_that_another_node_has_is_neither_read_nor_written(start, tmp_path):
    path = tmp_path / 'objects.npz'
    lock = locked(tmp_path / 'objects.npz.lock')
    write_objects(path, [saved()], time.time())
    before = path.read_bytes()
    program, tester = start()
    assert tester.object_ids() == []
    assert tester.add_box().success
    assert program.end(signal.SIGINT) == 0
    assert f'another tracker node uses {path}' in program.output
    assert path.read_bytes() == before
    lock.close()
