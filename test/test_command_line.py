# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What commands print and take."""

import argparse

import pytest

from sam_tracker.command_line import add_prompt_options, box_corners, table
from sam_tracker.core.texts import printable


def test_words_begin_at_the_left_and_numbers_end_at_the_right():
    assert table(['id', 'label', 'x'], [['1', 'mug', '10.5'], ['12', '-', '3']], left=(1,)) == (
        'id  label     x\n 1  mug    10.5\n12  -         3'
    )


def test_a_cell_cannot_move_the_cursor_or_forge_a_line():
    (_, row) = table(['label'], [['\x1b[2Jmug\nobject 9\x07']]).split('\n')
    assert row == r'\x1b[2Jmug\nobject 9\x07'


def test_letters_of_any_script_are_printed_as_they_are():
    assert (
        printable('Тёплая 赤い\u3000コップ ☕\xa0größer') == 'Тёплая 赤い\u3000コップ ☕\xa0größer'
    )


def test_an_empty_box_is_refused_by_its_size(capsys):
    parser = argparse.ArgumentParser('say')
    add_prompt_options(parser, 'the image')
    assert box_corners(parser, parser.parse_args([])) is None
    options = parser.parse_args(['--box', '1', '2', '3', '4.5'])
    assert box_corners(parser, options) == (1, 2, 4, 6.5)
    with pytest.raises(SystemExit):
        box_corners(parser, parser.parse_args(['--box', '1', '2', '0', '4']))
    assert 'must be positive, not [0.0, 4.0]' in capsys.readouterr().err
