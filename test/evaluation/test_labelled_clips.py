# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from sam_tracker.evaluation.readers.labelled_clips import labelled_clips, object_names
from sam_tracker.evaluation.sequence import DatasetError

from ..video_file import grey_images, write_video


def write_clips(folder, labels, frames=6):
    for clip in labels:
        write_video(folder / clip, grey_images(frames, step=20))
    (folder / 'labels.json').write_text(json.dumps(labels))


BOX = [4, 5, 20, 25]


def test_each_object_starts_at_its_first_label(tmp_path):
    labels = {'a.avi': {'cup': {'0': BOX, '3': BOX}, 'hand': {'2': [1, 1, 9, 9], '5': BOX}}}
    write_clips(tmp_path, labels)
    dataset, absent = labelled_clips(tmp_path)
    assert absent == []
    sequence = dataset.open_sequence('a.avi')
    cup, hand = sequence.targets
    assert (cup.first_frame, hand.first_frame) == (0, 2)
    assert hand.prompt.box.tolist() == [1, 1, 9, 9]
    assert cup.judged_frames.tolist() == [0, 3]
    assert object_names(tmp_path, 'a.avi') == ['cup', 'hand']
    assert sequence.frame_period == 40_000_000


def test_a_clip_is_read_up_to_its_last_label(tmp_path):
    write_clips(tmp_path, {'a.avi': {'cup': {'0': BOX, '3': BOX}}})
    sequence = labelled_clips(tmp_path)[0].open_sequence('a.avi')
    assert len(list(sequence.frames())) == sequence.frame_count == 4


def test_an_absent_clip_is_told_by_name_and_the_others_are_read(tmp_path):
    write_clips(tmp_path, {'a.avi': {'cup': {'0': BOX}}, 'b.avi': {'cup': {'0': BOX}}})
    (tmp_path / 'a.avi').unlink()
    dataset, absent = labelled_clips(tmp_path)
    assert (list(dataset.sequence_names), absent) == (['b.avi'], ['a.avi'])


def test_a_clip_that_ends_before_its_last_label_is_broken(tmp_path):
    write_clips(tmp_path, {'a.avi': {'cup': {'0': BOX, '9': BOX}}})
    sequence = labelled_clips(tmp_path)[0].open_sequence('a.avi')
    with pytest.raises(DatasetError, match=r'a.avi ends after 6 frames; the last label .* 9'):
        list(sequence.frames())


def test_a_clip_that_is_no_video_is_broken(tmp_path):
    write_clips(tmp_path, {'a.avi': {'cup': {'0': BOX}}})
    (tmp_path / 'a.avi').write_bytes(b'not a video')
    with pytest.raises(DatasetError, match=r'a\.avi'):
        labelled_clips(tmp_path)[0].open_sequence('a.avi')


@pytest.mark.parametrize(
    ('labels', 'complaint'),
    [
        ('{', 'labels.json is not JSON'),
        ('[]', r'labels.json: \[\] is no object'),
        ('{"a.avi": {}}', r'labels.json, a.avi: {} is no object'),
        ('{"a.avi": {"cup": {"-1": [1, 2, 3, 4]}}}', "a.avi, cup: '-1' is no frame number"),
        ('{"a.avi": {"cup": {"7": [9, 2, 3, 4]}}}', r'cup, frame 7: \[9, 2, 3, 4\] is no box'),
        ('{"a.avi": {"cup": {"7": [1, 2, "3", 4]}}}', 'cup, frame 7: .* is no box'),
    ],
)
def test_labels_that_are_none_are_refused_by_their_place(tmp_path, labels, complaint):
    (tmp_path / 'labels.json').write_text(labels)
    with pytest.raises(DatasetError, match=complaint):
        labelled_clips(tmp_path)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r'cannot read .*labels\.json: No such file'):
        labelled_clips(tmp_path)
