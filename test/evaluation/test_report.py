# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from sam_tracker.evaluation.metrics.spread import mean_estimate
from sam_tracker.evaluation.report import (
    difference_table,
    differences,
    overview_table,
    scores_table,
    table,
    write_json,
)
from sam_tracker.evaluation.summary import TITLES, Summary


def summary(region):
    """Three clips whose J and AUC are given; nothing else is known of them."""
    per_clip = {'region': np.array(region), 'auc': np.array(region)}
    figures = {key: mean_estimate(per_clip.get(key, np.full(3, np.nan))) for key in TITLES}
    return Summary(figures, per_clip, ('a', 'b', 'c'), 0, 0, 30.0)


@pytest.fixture
def summaries():
    return {'sam2': summary([0.2, 0.5, 0.8]), 'samurai': summary([0.3, 0.6, 0.9])}


def test_columns_stand_under_their_heads():
    assert table(['', 'J'], [['a', '0.5'], ['long', '10']]) == '        J\na     0.5\nlong   10'


def test_benchmarks_are_quoted_in_per_cent():
    lines = scores_table({'sam2': {'AUC': 0.68543, 'P20': float('nan')}}).splitlines()
    assert lines[0].split() == ['AUC', 'P20']
    assert lines[1].split() == ['sam2', '68.54', '-']


def test_differences_are_taken_clip_by_clip(summaries):
    difference = differences(summaries, 'samurai', 'sam2')['region']
    assert (difference.low, difference.high) == pytest.approx((0.1, 0.1))
    row = difference_table(summaries, 'sam2').splitlines()[1]
    assert row.split() == ['samurai', '-', 'sam2', *2 * ['0.100', '[0.100,', '0.100]']]


def test_a_tracker_that_was_not_run_on_a_set_leaves_its_place_empty(summaries):
    lines = overview_table({'one': summaries, 'other': {'sam2': summaries['sam2']}}, 'region')
    assert [line.split() for line in lines.splitlines()] == [
        ['J', 'sam2', 'samurai'],
        ['one', '0.500', '0.600'],
        ['other', '0.500'],
    ]


def test_what_is_not_finite_is_null_in_json(tmp_path):
    path = tmp_path / 'new' / 'figures.json'
    write_json(path, {'a': [1.5, float('nan')], 'b': (float('inf'), None)})
    assert json.loads(path.read_text()) == {'a': [1.5, None], 'b': [None, None]}
