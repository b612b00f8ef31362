# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Texts for logs and terminals."""

from unicodedata import category

JOINERS = frozenset('\u200c\u200d')
"""
Invisible characters within words of Persian or Hindi, and within emoji: zero width non-joiner and
joiner.
"""


def error_text(error: BaseException) -> str:
    """Return the text of an error in one line, or the name of its type where it has no text."""
    return ' '.join(str(error).split()) or type(error).__name__


def printable(text: str) -> str:
    """Escape control characters, which a terminal would act on."""
    return ''.join(
        each
        if each.isprintable() or category(each) == 'Zs' or each in JOINERS
        else ascii(each)[1:-1]
        for each in text
    )
