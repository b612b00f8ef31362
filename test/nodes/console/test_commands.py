# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What pages may ask for, and what is refused before it reaches a tracker."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.nodes.console.command_parser import CommandError, request_of
from sam_tracker.nodes.console.commands import AddPrompt, FindCandidates, RemoveObject, Shown

PROMPT = {
    'command': 'add_prompt',
    'number': 7,
    'tracker': '/sam_tracker',
    'stamp': [12, 5],
    'object_id': 3,
    'label': 'mug',
    'points': [[1.5, 2]],
    'point_labels': [0],
    'box': [1, 2, 3, 4],
}


def parsed(**changes):
    return request_of(json.dumps({**PROMPT, **changes}))


def test_a_prompt_is_read_with_its_stamp_to_the_nanosecond():
    request = parsed(stamp=[1_700_000_000, 123_456_789])
    assert request.number == 7
    assert isinstance(request.command, AddPrompt)
    pointing = request.command.pointing
    assert pointing.stamp == 1_700_000_000_123_456_789
    assert (pointing.points, pointing.point_labels) == (((1.5, 2.0),), (0,))
    assert pointing.box == (1.0, 2.0, 3.0, 4.0)
    assert (request.command.object_id, request.command.label) == (3, 'mug')


def test_a_mask_is_read_where_it_was_drawn():
    mask = {'x': 4, 'y': 5, 'width': 3, 'height': 2, 'runs': [1, 3, 2]}
    drawn = parsed(mask=mask).command.pointing.mask
    assert (drawn.region.x, drawn.region.y) == (4, 5)
    np.testing.assert_array_equal(drawn.crop, [[0, 255, 255], [255, 0, 0]])


def test_other_commands_are_read():
    shown = request_of('{"command": "shown", "number": 0}')
    assert isinstance(shown.command, Shown)
    found = parsed(command='find_candidates', text=' red mug ').command
    assert isinstance(found, FindCandidates) and found.text == 'red mug'
    assert parsed(command='remove', object_id=65535).command == RemoveObject('/sam_tracker', 65535)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'command': 'shutdown'}, "unknown command 'shutdown'"),
        ({'command': ['add_prompt']}, 'unknown command'),
        ({'number': True}, 'number must be an integer'),
        ({'number': -1}, 'number must be an integer'),
        ({'object_id': 65536}, '65536'),
        ({'object_id': 1.0}, '1.0'),
        ({'label': 'x' * 300}, '300 bytes'),
        ({'label': '\ud800'}, 'no valid Unicode'),
        ({'tracker': None}, 'tracker must be a text'),
        ({'stamp': [1]}, 'stamp'),
        ({'stamp': [-1, 0]}, 'stamp'),
        ({'stamp': [1, 10**9]}, 'stamp'),
        ({'stamp': [2**40, 0]}, 'stamp'),
        ({'points': [[1]]}, 'a point must be 2 numbers'),
        ({'points': [[1, '2']]}, 'a point must be 2 numbers'),
        ({'points': [[1, 10**400]]}, 'a point must be 2 numbers'),
        ({'points': [[0, 0]] * 257}, '257 points'),
        ({'point_labels': [2]}, 'point_labels must be 0 or 1'),
        ({'box': [1, 2, 3]}, 'box must be 4 numbers'),
        ({'mask': {'x': 0, 'y': 0, 'width': 2, 'height': 2, 'runs': [3]}}, '3 pixels'),
        ({'mask': {'x': 0, 'y': 0, 'width': 2, 'height': 2, 'runs': [1.5]}}, 'integers'),
        ({'mask': {'x': 0, 'y': 0, 'width': 65536, 'height': 65536, 'runs': [2**32]}}, 'large'),
        ({'mask': 'all'}, 'mask must be an object'),
        ({'command': 'rename', 'label': ' '}, 'label is empty'),
        ({'command': 'rename', 'object_id': 0}, 'object_id must be an integer from 1'),
        ({'command': 'set_parameter', 'name': 'x', 'value': [1]}, 'value must be a number'),
        ({'command': 'set_parameter', 'name': 'x', 'value': 2**63}, 'value must be an integer'),
        ({'command': 'set_parameter', 'value': 1}, 'name must be a text'),
        ({'command': 'set_paused', 'paused': 'yes'}, 'paused must be true or false'),
    ],
)
def test_a_wrong_value_is_named(changes, said):
    with pytest.raises(CommandError, match=said):
        parsed(**changes)


def test_a_refusal_has_the_number_of_its_request():
    with pytest.raises(CommandError) as refused:
        parsed(box=[1, 2, 3])
    assert refused.value.number == 7
    with pytest.raises(CommandError) as refused:
        parsed(number='7')
    assert refused.value.number == 0


@pytest.mark.parametrize(
    'text', ['', 'null', '[]', '{"command"', '{"x": NaN}', '[' * 100_000, '1' * 10_000]
)
def test_text_that_is_no_command_is_refused(text):
    with pytest.raises(CommandError):
        request_of(text)


VALUES = st.recursive(
    st.sampled_from([None, True, -1, 0, 1, 2**70, 0.5, 1e300, float('nan'), 'x', '\ud800']),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(['x', 'y', 'width', 'height', 'runs']), inner)
    ),
    max_leaves=8,
)


# A loaded machine is no defect.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*PROMPT, 'mask', 'paused', 'text']), VALUES))
def test_whatever_a_page_sends_is_a_command_or_refused(changes):
    try:
        parsed(**changes)
    except CommandError as error:
        assert str(error)
