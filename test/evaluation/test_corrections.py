# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Where a correcting click goes, and what is counted of it."""

import json

import numpy as np
import pytest

from sam_tracker.core.prompt import NEGATIVE, POSITIVE
from sam_tracker.evaluation.__main__ import main
from sam_tracker.evaluation.commands.corrections import corrections_table
from sam_tracker.evaluation.corrections import Correction, correcting_click, corrections
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.video.generated import generate_clip

SQUARE = np.zeros((60, 80), bool)
SQUARE[20:40, 20:40] = True


@pytest.mark.parametrize('label', [NEGATIVE, POSITIVE])
def test_a_click_goes_into_the_middle_of_the_larger_error(label):
    mask = SQUARE.copy()
    if label == POSITIVE:
        mask[:, 30:] = False
    else:
        mask[20:40, 40:60] = True
    click = correcting_click(mask, SQUARE)
    assert click.labels.tolist() == [label]
    (x, y), middle = click.points[0], 35 if label == POSITIVE else 50
    assert abs(x - middle) <= 5 and abs(y - 30) <= 6
    wrong = (mask != SQUARE)[int(y), int(x)]
    assert wrong


def test_an_error_that_nobody_would_click_is_left():
    mask = SQUARE.copy()
    mask[:, 38:] = False
    assert correcting_click(mask, SQUARE) is None


def test_a_table_counts_what_got_better_and_worse_and_was_refused():
    base = {
        'first_prompt': 'box',
        'label': POSITIVE,
        'frame': 0,
        'refused': False,
        'vanished': False,
    }
    nothing = {'later_before': np.nan, 'later_after': np.nan}
    found = [
        Correction(**base, before=0.5, after=0.8, **nothing),
        Correction(**base, before=0.7, after=0.6, later_before=0.4, later_after=0.6),
        Correction(**{**base, 'refused': True}, before=0.6, after=0.6, **nothing),
    ]
    _, row = corrections_table(found).splitlines()
    assert row.startswith('box, positive click on frame 0')
    assert row.split()[6:] == (
        ['3', '0.600', '0.667', '1', '1', '1', '0', '0.400', '0.600', '1', '0']
    )  # fmt: skip


@pytest.mark.slow
def test_a_click_on_a_generated_clip_makes_no_mask_vanish():
    network = load_network('nano')
    settings = TrackerSettings.for_network(network.suited_settings)
    found = []
    for seed in range(10_000, 10_003):
        clip = generate_clip(seed, 2, 192, 'medium', held_out=True, scenario='plain')
        found += corrections(network, settings, clip.frames, clip.masks == 1)
    on_prompted = [each for each in found if each.frame == 0]
    assert len(on_prompted) >= 3
    assert not any(each.vanished for each in found)
    assert np.mean([each.after - each.before for each in on_prompted]) > -0.05


@pytest.mark.slow
def test_the_command_prints_a_table_and_writes_every_correction(
    random_checkpoint, tmp_path, capsys
):
    command = ['corrections', '--checkpoint', random_checkpoint, '--output', str(tmp_path)]
    assert main([*command, '--clips', '1', '--later', '1', '--size', '64']) == 0
    shown, _ = capsys.readouterr()
    assert shown.splitlines()[0].startswith('samurai: 1 clips')
    written = json.loads((tmp_path / 'figures.json').read_text())
    for each in written['samurai']:
        assert 0 <= each['before'] <= 1 and each['label'] in (POSITIVE, NEGATIVE)
