# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint of another machine gives values of the tracker, and runs nothing."""

import pickle

import pytest

from sam_tracker.labelling.checkpoint import CheckpointFileError, read_checkpoint


def calling(module, name, *arguments):
    """Return a pickle that calls something, as pickles of protocol 4 name it."""

    def text(value):
        data = value.encode()
        return pickle.SHORT_BINUNICODE + bytes([len(data)]) + data

    return b''.join(
        [
            *(pickle.PROTO, b'\x04'),
            *(text(module), text(name), pickle.STACK_GLOBAL),
            *(pickle.MARK, *map(text, arguments), pickle.TUPLE),
            *(pickle.REDUCE, pickle.STOP),
        ]
    )


@pytest.mark.parametrize(
    'module,name',
    [
        ('os', 'mkdir'),
        # Through what a module of ours imports.
        ('sam_tracker.labelling.checkpoint', 'os.mkdir'),
        ('sam_tracker.labelling.checkpoint', 'Path.mkdir'),
        ('sam_tracker.tracking.tracker', 'torch.os.mkdir'),
        ('numpy', 'os.mkdir'),
        ('numpy.lib._datasource', 'os.mkdir'),
    ],
)
def test_a_checkpoint_cannot_call_what_is_no_value(module, name, tmp_path):
    path, made = tmp_path / 'sweep.checkpoint', tmp_path / 'made'
    path.write_bytes(calling(module, name, str(made)))
    with pytest.raises(CheckpointFileError, match=f'{name} is no value'):
        read_checkpoint(path)
    assert not made.exists()


@pytest.mark.parametrize(
    'module,name',
    [
        # A class of another package, and a class of ours that opens files.
        ('sam_tracker.labelling.checkpoint', 'Path'),
        ('sam_tracker.labelling.project_lock', 'ProjectLock'),
        # Not imported either: a module may be a program.
        ('sam_tracker.nothing', 'Nothing'),
    ],
)
def test_classes_that_no_checkpoint_has_are_refused(module, name, tmp_path):
    path = tmp_path / 'sweep.checkpoint'
    path.write_bytes(calling(module, name, str(tmp_path)))
    with pytest.raises(CheckpointFileError, match=f'{name} is no value'):
        read_checkpoint(path)
