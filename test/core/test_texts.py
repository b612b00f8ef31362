# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Texts for logs and terminals."""

from sam_tracker.core.texts import error_text


def test_the_text_of_an_error_is_one_line():
    assert error_text(ValueError('  two\n lines ')) == 'two lines'


def test_an_error_without_a_text_is_named_by_its_type():
    assert error_text(KeyboardInterrupt()) == 'KeyboardInterrupt'
