# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters are declared once, refused by value, and documented as they are declared."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from sam_tracker.ros.parameters.declaration import (
    ParameterError,
    declarations,
    value_of,
    with_values,
)
from sam_tracker.ros.parameters.documents import NODES, parameter_file, parameter_table
from sam_tracker.ros.parameters.image_monitor import ImageMonitorParameters
from sam_tracker.ros.parameters.recorder import RecorderParameters
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.ros.parameters.video import VideoParameters

ROOT = Path(__file__).resolve().parents[3]
DECLARED = declarations(TrackerParameters)
KINDS = [
    *(node.parameters for node in NODES.values()),
    RecorderParameters,
    VideoParameters,
    ImageMonitorParameters,
]


def flat(tree: dict[str, object], prefix: str = '') -> dict[str, object]:
    """Return nested groups of a parameter file as full names, as rcl reads them."""
    found = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= flat(value, f'{prefix}{name}.')
        else:
            found[prefix + name] = value
    return found


@pytest.mark.parametrize('node', NODES)
def test_the_parameter_file_is_what_the_declarations_say(node):
    assert (ROOT / 'config' / f'{node}.yaml').read_text() == parameter_file(node)


@pytest.mark.parametrize('node', NODES)
def test_the_parameter_file_read_back_gives_the_defaults(node):
    kind = NODES[node].parameters
    read = flat(yaml.safe_load(parameter_file(node))['/**']['ros__parameters'])
    assert with_values(kind(), read) == kind()
    assert list(read) == list(declarations(kind))


def test_the_table_has_a_row_for_every_parameter():
    rows = parameter_table().splitlines()[2:]
    assert [row.split('`')[1] for row in rows] == list(DECLARED)


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)
def test_every_parameter_is_explained_and_its_default_is_allowed(kind):
    for name, declaration in declarations(kind).items():
        assert declaration.description.endswith('.'), name
        assert declaration.kind in {bool, int, float, str}, name
        with_values(kind(), {name: declaration.ros_default})


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('device', 3, 'device must be a string, not 3'),
        (
            'precision',
            'float99',
            "precision must be one of auto, float32, bfloat16, float16, not 'float99'",
        ),
        ('lost_after', -1.0, 'lost_after must be from 0 to 3600, not -1'),
        ('lost_after', float('nan'), 'lost_after must be from 0 to 3600, not nan'),
        ('catch_up_frames', 0, 'catch_up_frames must be from 1 to 1000, not 0'),
        ('catch_up_frames', 2.5, 'catch_up_frames must be an integer, not 2.5'),
        ('resolve_overlaps', 1, 'resolve_overlaps must be true or false, not 1'),
        ('image_size', 100, 'image_size must be from 128 to 1024 in steps of 32, not 100'),
        ('image_size', 130, 'image_size must be from 128 to 1024 in steps of 32, not 130'),
        ('image_size', 'small', "image_size must be an integer or auto, not 'small'"),
        ('motion.weight', -0.5, 'motion.weight must be from 0 to 1, not -0.5'),
        ('motion.weight', None, 'motion.weight must be a number or auto, not None'),
        ('lost_after', 'auto', "lost_after must be a number, not 'auto'"),
        ('checkpoint', 'x' * 4097, 'checkpoint has 4097 characters, at most 4096 are allowed'),
        ('image_size', 'x' * 4097, 'image_size has 4097 characters, at most 4096 are allowed'),
    ],
)
def test_a_value_that_is_not_allowed_is_named(name, value, message):
    with pytest.raises(ParameterError) as caught:
        with_values(TrackerParameters(), {name: value})
    assert str(caught.value) == message


def test_an_integer_is_accepted_for_a_number():
    value = with_values(TrackerParameters(), {'lost_after': 3}).lost_after
    assert value == 3.0
    assert type(value) is float


def test_a_dotted_name_reaches_the_field_of_its_group_and_no_other():
    changed = with_values(TrackerParameters(), {'motion.weight': 0.5, 'everything.crop_layers': 2})
    assert value_of(changed, 'motion.weight') == changed.motion.weight == 0.5
    before = TrackerParameters()
    assert changed == replace(
        before,
        motion=replace(before.motion, weight=0.5),
        everything=replace(before.everything, crop_layers=2),
    )


def test_auto_leaves_the_choice_to_the_node():
    given = with_values(TrackerParameters(), {'motion.weight': 0.5, 'cpu_threads': 3})
    automatic = with_values(given, {'motion.weight': 'auto', 'cpu_threads': 'auto'})
    assert (automatic.motion.weight, automatic.cpu_threads) == (None, None)
    assert DECLARED['motion.weight'].ros_default == 'auto'
