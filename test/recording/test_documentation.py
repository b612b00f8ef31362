# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""docs/recording.md says what the recorder does."""

from dataclasses import fields
from pathlib import Path
import re

import numpy as np
import pytest

from sam_tracker.recording.frame import RecordedFrame, RecordedTrack
from sam_tracker.recording.recording import LEAST_FREE, Recording

DOCUMENT = (Path(__file__).resolve().parents[2] / 'docs' / 'recording.md').read_text()


def test_every_parameter_stands_there_with_its_default():
    parameters = pytest.importorskip('sam_tracker.ros.parameters.recorder').RecorderParameters
    section = DOCUMENT.partition('## Parameters')[2]
    documented = dict(re.findall(r'^\| `(\w+)` \| `(.+?)` \|', section, re.M))
    assert documented == {each.name: repr(each.default) for each in fields(parameters)}


def test_every_file_and_every_key_stands_there(tmp_path):
    recording = Recording(tmp_path)
    track = RecordedTrack(1, mask=np.ones((2, 2), np.uint8), box=(0.0, 0.0, 2.0, 2.0))
    frame = RecordedFrame(0, 'camera', 16, 16, [track])
    recording.add(frame, np.zeros((16, 16, 3), np.uint8))
    for path in recording.finish():
        assert f'`{path.name}`' in DOCUMENT
    for key in re.findall(r'"(\w+)":', (tmp_path / 'tracks.jsonl').read_text()):
        assert f'`{key}`' in DOCUMENT or key in {'size', 'counts'}
    assert f'{LEAST_FREE >> 20} MiB' in DOCUMENT


def test_the_example_reads_a_recording(tmp_path, monkeypatch):
    pytest.importorskip('pycocotools')
    recording = Recording(tmp_path / 'run_1')
    track = RecordedTrack(1, mask=np.ones((2, 2), np.uint8), box=(0.0, 0.0, 2.0, 2.0))
    frame = RecordedFrame(0, 'camera', 16, 16, [track])
    recording.add(frame, np.zeros((16, 16, 3), np.uint8))
    recording.finish()
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r'```python\n(.*?)```', DOCUMENT, re.S)
    names: dict = {}
    exec(example, names)
    assert names['pixels'].sum() == 4
    assert names['pixels'].shape == (16, 16)
