# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts of a file land on the frames they name; what makes no sense is refused by its value."""

import cv2
import numpy as np
import pytest

from sam_tracker.core.prompt import Prompt
from sam_tracker.labelling.labelled_track import Stage
from sam_tracker.labelling.prompts import ObjectPrompts, Timeline, read_prompts
from sam_tracker.labelling.recording import LabellingError

SECOND = 1_000_000_000
TIMES = [0, SECOND // 2, SECOND, 3 * SECOND]
TIMELINE = Timeline([5, 6, 7, 8], TIMES)


def read(tmp_path, text):
    path = tmp_path / 'prompts.yaml'
    path.write_text(text)
    return read_prompts(path, TIMELINE)


def test_frames_are_named_by_number_time_or_stamp(tmp_path):
    mask = np.zeros((20, 30), np.uint8)
    mask[3:9, 4:8] = 255
    assert cv2.imwrite(str(tmp_path / 'mug.png'), mask)
    prompts = read(
        tmp_path,
        """
        objects:
          - label: mug
            prompts:
              - {frame: 0, box: [1, 2, 10, 5], points: [[3, 4]]}
              - {frame: 0, negative_points: [[9, 9]]}
              - {frame: -1, mask: mug.png}
          - id: 7
            prompts: [{time: 0.6, points: [[3, 4]]}, {stamp: 7, points: [[5, 6]]}]
        """,
    )
    assert prompts.keys() == {1, 7}
    assert prompts[1].label == 'mug' and prompts[1].by_frame.keys() == {0, 3}
    first = prompts[1].by_frame[0].prompt
    assert first.box.tolist() == [1, 2, 11, 7]
    assert first.points.tolist() == [[3, 4], [9, 9]] and first.labels.tolist() == [1, 0]
    assert (prompts[1].by_frame[3].prompt.mask == (mask > 0)).all()
    assert prompts[7].by_frame.keys() == {1, 2}


@pytest.mark.parametrize(
    'text,words',
    [
        ('[', 'cannot be read'),
        ('objects: []', 'no list of objects'),
        ('objects: [{prompts: [{frame: 9, box: [1, 2, 3, 4]}]}]', 'frame 9 is not one of the 4'),
        ('objects: [{prompts: [{time: 9, box: [1, 2, 3, 4]}]}]', 'time 9 s is not within'),
        ('objects: [{prompts: [{stamp: 9, box: [1, 2, 3, 4]}]}]', 'no image has the stamp 9'),
        ('objects: [{prompts: [{box: [1, 2, 3, 4]}]}]', 'one of frame, time and stamp'),
        ('objects: [{prompts: [{frame: 0, time: 0}]}]', 'one of frame, time and stamp'),
        ('objects: [{prompts: [{frame: 0, box: [1, 2, 3]}]}]', r'box must be .* not \[1, 2, 3\]'),
        ('objects: [{prompts: [{frame: 0, box: [1, a, 3, b]}]}]', 'box must be numbers'),
        ('objects: [{prompts: [{frame: 0, box: [1, a, 3, 4]}]}]', 'box must be four numbers'),
        ('objects: [{prompts: [{frame: 0, boxes: [1]}]}]', "unknown field 'boxes'"),
        ('objects: [{prompts: [{frame: 0, mask: no.png}]}]', 'no.png'),
        ('objects: [{prompts: [{frame: 0, points: [[1]]}]}]', 'shape'),
        ('objects: [{id: 0, prompts: [{frame: 0}]}]', 'from 1 to 65535, not 0'),
        ('objects: [{id: a, prompts: [{frame: 0}]}]', "not 'a'"),
        ('objects: [{prompts: []}]', 'no list of prompts'),
        ('objects: [7]', 'a mapping is needed, not 7'),
        ('objects: [{prompts: [{frame: .nan}]}]', 'frame must be a number, not nan'),
        ('objects: [{prompts: [{time: .inf}]}]', 'time must be a number, not inf'),
        (f'objects: [{{prompts: [{{frame: {10**400}}}]}}]', 'frame 1000.* is not one'),
        (f'objects: [{{prompts: [{{frame: 0, box: [0, 0, {10**400}, 1]}}]}}]', 'must be numbers'),
        ('objects: [{prompts: [{frame: 0, points: 5}]}]', 'list of points, not 5'),
        ('objects: [{prompts: [{frame: 0, negative_points: ab}]}]', "list of points, not 'ab'"),
        ('objects: [{prompts: [{frame: 0, mask: 5}]}]', 'name of a file, not 5'),
        ('objects: [{label: [mug], prompts: [{frame: 0}]}]', r"a text, not \['mug'\]"),
        ('objects: [{label: "\\uD800", prompts: [{frame: 0}]}]', r"'\\ud800' is no text"),
        ('objects: [{label: 2020-13-45}]', 'cannot be read: month must be in'),
        ('[' * 5000, 'cannot be read: maximum recursion'),
        (f'objects: [{{prompts: [{{frame: 0x{"f" * 6000}}}]}}]', 'an integer has 24000 bits'),
        (f'objects: [{{label: 0x{"f" * 6000}}}]', 'an integer has 24000 bits'),
        (f'objects: [{{prompts: [{{frame: {"9" * 6000}}}]}}]', 'cannot be read|19932 bits'),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(tmp_path, text, words):
    with pytest.raises(LabellingError, match=words) as caught:
        read(tmp_path, text)
    assert 'prompts.yaml' in str(caught.value)


@pytest.mark.parametrize(
    'objects',
    [
        '*a9',
        '[{label: *a9, prompts: [{frame: 0}]}]',
        '[{prompts: [{frame: 0, points: *a9}]}]',
        '[{prompts: [{frame: 0, box: [*a9, *a9, *a9, *a9]}]}]',
        '[{id: *a9}]',
    ],
)
def test_a_file_that_means_more_than_any_memory_holds_is_refused(objects, tmp_path):
    aliases = [f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 20)}]' for n in range(1, 10)]
    text = '\n'.join(['a0: &a0 [1, 2]', *aliases, f'objects: {objects}'])
    with pytest.raises(LabellingError, match='not ') as caught:
        read(tmp_path, text)
    assert len(str(caught.value)) < 1000


def test_a_label_without_a_value_is_empty_and_a_number_is_a_text(tmp_path):
    prompts = 'prompts: [{frame: 0, points: [[1, 2]]}]'
    found = read(tmp_path, f'objects: [{{label: , {prompts}}}, {{label: 5, {prompts}}}]')
    assert [each.label for each in found.values()] == ['', '5']


def test_prompts_survive_the_project_file():
    mask = np.zeros((20, 30), np.bool_)
    mask[3:9, 4:8] = True
    prompts = ObjectPrompts('mug').added(4, Prompt(mask=mask))
    prompts = prompts.added(9, Prompt(points=[[1, 2.5]], labels=[0], box=[0, 1, 2, 3]))
    prompts = prompts.corrected(5, Prompt(points=[[3, 3]], labels=[1]), mask, visible=True)
    copy = ObjectPrompts.from_json(prompts.json())
    assert copy.label == 'mug' and copy.by_frame[5].stage is Stage.CORRECTED
    for frame, said in prompts.by_frame.items():
        assert copy.by_frame[frame].digest == said.digest
    assert prompts.by_frame[4].digest != prompts.by_frame[9].digest
