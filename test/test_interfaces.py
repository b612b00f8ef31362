# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The messages and services: documented field by field, importable, and carried by DDS types."""

import array
from pathlib import Path
import subprocess
import sys

import pytest
from rclpy.serialization import deserialize_message, serialize_message

from sam_tracker.msg import ImageBox, ImagePoint, Mask, Prompt, Track, TrackArray
from sam_tracker.srv import SegmentImage

ROOT = Path(__file__).resolve().parents[1]
INTERFACES = sorted(
    path for kind in ('action', 'msg', 'srv') for path in ROOT.glob(f'{kind}/*.{kind}')
)


@pytest.mark.parametrize('path', INTERFACES, ids=lambda path: path.name)
def test_every_field_and_constant_has_a_comment_above_it(path):
    lines = path.read_text().splitlines()
    undocumented = [
        line
        for above, line in zip(['', *lines], lines, strict=False)
        if line and not line.startswith(('#', '---')) and not above.startswith('#')
    ]
    assert undocumented == []


@pytest.mark.parametrize('path', INTERFACES, ids=lambda path: path.name)
def test_every_interface_is_built_and_says_what_it_is(path):
    assert path.read_text().startswith('# ')
    assert f'"{path.relative_to(ROOT)}"' in (ROOT / 'CMakeLists.txt').read_text()


def test_all_interfaces_can_be_imported_from_another_directory(tmp_path):
    messages = ', '.join(path.stem for path in INTERFACES if path.suffix == '.msg')
    services = ', '.join(path.stem for path in INTERFACES if path.suffix == '.srv')
    actions = ', '.join(path.stem for path in INTERFACES if path.suffix == '.action')
    program = (
        f'from sam_tracker.action import {actions}\n'
        f'from sam_tracker.msg import {messages}\n'
        f'from sam_tracker.srv import {services}\n'
    )
    subprocess.run([sys.executable, '-c', program], cwd=tmp_path, check=True)


def test_a_track_array_survives_serialisation_with_its_mask_bytes():
    mask = Mask(data=array.array('B', [0, 255, 255, 0, 255, 255]))
    mask.region.x_offset, mask.region.y_offset = 7, 9
    mask.region.width, mask.region.height = 3, 2
    track = Track(object_id=65535, label='mug', state=Track.STATE_TRACKED, mask=mask)
    track.box = ImageBox(x_min=7.0, y_min=9.0, x_max=10.0, y_max=11.0)
    sent = TrackArray(image_width=640, image_height=480, tracks=[track])
    sent.header.stamp.sec = 12
    sent.header.frame_id = 'camera_optical_frame'

    assert deserialize_message(serialize_message(sent), TrackArray) == sent


@pytest.mark.parametrize('field', ['points', 'point_labels'])
def test_a_prompt_with_more_points_than_its_bound_is_not_sent(field, capfd):
    values = {'points': [ImagePoint(x=1.5, y=2.5)] * 257, 'point_labels': [1] * 257}
    prompt = Prompt(**{field: values[field][:256]})
    assert deserialize_message(serialize_message(prompt), Prompt) == prompt

    setattr(prompt, field, values[field])
    with pytest.raises(RuntimeError):
        serialize_message(prompt)
    assert 'array size exceeds upper bound' in capfd.readouterr().err


def test_a_segmentation_request_asks_for_masks_unless_it_says_otherwise():
    assert SegmentImage.Request().include_masks


def test_states_are_distinct_and_zero_is_no_valid_state():
    states = [Track.STATE_TRACKED, Track.STATE_OCCLUDED, Track.STATE_LOST]
    assert len({Track.STATE_UNKNOWN, *states}) == 4
    assert Track().state == Track.STATE_UNKNOWN == 0
