# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Texts for logs, terminals and images."""

from unicodedata import bidirectional, category

CONTROLS = frozenset({'Cc', 'Cs', 'Zl', 'Zp'})
"""Categories of Unicode: controls, surrogates, and ends of lines and paragraphs."""
DIRECTIONS = frozenset({'LRE', 'RLE', 'LRO', 'RLO', 'PDF', 'LRI', 'RLI', 'FSI', 'PDI'})
"""Bidirectional classes of the characters that change the order of those after them."""


def error_text(error: BaseException) -> str:
    """Return the text of an error in one line, or the name of its type where it has no text."""
    return ' '.join(str(error).split()) or type(error).__name__


def printable(text: str) -> str:
    """
    Escape control characters, which a terminal would act on.

    Words and emoji stay whole: joiners, marks and tags within them, and characters that are newer
    than Python's tables.
    """
    return ''.join(
        ascii(each)[1:-1] if is_control(each) or bidirectional(each) in DIRECTIONS else each
        for each in text
    )


def is_control(character: str) -> bool:
    """Return whether a character has no shape but ends a line, or controls a device."""
    return category(character) in CONTROLS
