# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters: declared once, refused by value, written down equally everywhere."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from sam_tracker.ros.parameters.declaration import (
    Change,
    ParameterError,
    declaration,
    declared,
    refusal,
    with_values,
)
from sam_tracker.ros.parameters.documents import parameter_file, parameter_table
from sam_tracker.ros.parameters.tracker import TrackerParameters

ROOT = Path(__file__).resolve().parents[3]


def test_the_parameter_file_is_what_the_declarations_say():
    assert (ROOT / 'config' / 'tracker.yaml').read_text() == parameter_file()


def test_the_parameter_file_read_back_gives_the_defaults():
    read = yaml.safe_load(parameter_file())['/**']['ros__parameters']
    assert with_values(TrackerParameters(), read) == TrackerParameters()
    assert list(read) == [each.name for each in fields(TrackerParameters)]


def test_the_table_has_a_row_for_every_parameter():
    rows = parameter_table().splitlines()[2:]
    names = [row.split('`')[1] for row in rows]
    assert names == [each.name for each in fields(TrackerParameters)]


@pytest.mark.parametrize('each', fields(TrackerParameters), ids=lambda each: each.name)
def test_every_parameter_is_explained_and_its_default_is_allowed(each):
    assert declaration(each).description.endswith('.')
    with_values(TrackerParameters(), {each.name: each.default})


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('device', 3, 'device must be text, not 3'),
        (
            'precision',
            'float99',
            "precision must be one of auto, float32, bfloat16, float16, not 'float99'",
        ),
        ('lost_after', -1.0, 'lost_after must be from 0 to 3600, not -1'),
        ('lost_after', float('nan'), 'lost_after must be from 0 to 3600, not nan'),
        ('catch_up_frames', 0, 'catch_up_frames must be from 1 to 1000, not 0'),
        ('catch_up_frames', 2.5, 'catch_up_frames must be a whole number, not 2.5'),
        ('exclusive', 1, 'exclusive must be true or false, not 1'),
    ],
)
def test_a_value_that_cannot_be_is_named(name, value, message):
    with pytest.raises(ParameterError) as caught:
        with_values(TrackerParameters(), {name: value})
    assert str(caught.value) == message


def test_a_whole_number_serves_as_a_floating_point_one():
    value = with_values(TrackerParameters(), {'lost_after': 3}).lost_after
    assert value == 3.0
    assert type(value) is float


def test_a_parameter_that_is_read_while_configuring_is_refused_later_with_the_way_out():
    assert refusal(TrackerParameters, ['service_timeout'], configured=True) == ''
    assert refusal(TrackerParameters, ['device'], configured=False) == ''
    assert 'cleanup' in refusal(TrackerParameters, ['service_timeout', 'device'], configured=True)
    assert 'starts' in refusal(TrackerParameters, ['autostart'], configured=False)
    assert refusal(TrackerParameters, ['use_sim_time'], configured=True) == ''


def test_declared_keeps_what_it_is_given():
    made = declared(2.0, 'Something.', change=Change.LIVE, minimum=1.0, maximum=3.0, unit='s')
    assert made.default == 2.0
    assert declaration(made).unit == 's'
