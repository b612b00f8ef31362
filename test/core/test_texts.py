# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Texts for logs and terminals."""

import pytest

from sam_tracker.core.texts import error_text, printable


def test_the_text_of_an_error_is_one_line():
    assert error_text(ValueError('  two\n lines ')) == 'two lines'


def test_an_error_without_a_text_is_named_by_its_type():
    assert error_text(KeyboardInterrupt()) == 'KeyboardInterrupt'


@pytest.mark.parametrize(
    'text',
    [
        *('می\u200cرود', 'क्\u200dष', '\u06001', 'ก\u200bข', 'א\u200f'),
        *('\U0001f468\u200d\U0001f527', 'e\u0301', '❤\ufe0f'),
        '\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f',
        '\U0001fae9',  # of Unicode 16, which Python 3.13 does not know
    ],
)
def test_words_and_emoji_of_several_characters_stay_whole(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    'character', ['\x1b', '\x9b', '\n', '\u202e', '\u2066', '\u2028', '\udcff']
)
def test_what_moves_the_cursor_or_the_letters_is_escaped(character):
    assert printable(f'a{character}b') == f'a{ascii(character)[1:-1]}b'
