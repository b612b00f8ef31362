# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Texts of errors."""


def error_text(error: BaseException) -> str:
    """Return the text of an error in one line, or the name of its type where it has no text."""
    return ' '.join(str(error).split()) or type(error).__name__
