# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Text in any script can be read on an image, whichever OpenCV draws it."""

from hypothesis import example, given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker import lettering

DRAWERS = [pytest.param(True, id='OpenCV'), pytest.param(False, id='Pillow')]


@pytest.fixture(params=DRAWERS)
def drawer(request, monkeypatch) -> None:
    """Texts are drawn by what OpenCV can, and as with an OpenCV that draws ASCII alone."""
    if request.param and not lettering.DRAWS_ALL_SCRIPTS:
        pytest.skip('this OpenCV draws ASCII alone')
    monkeypatch.setattr(lettering, 'DRAWS_ALL_SCRIPTS', request.param)


def drawn(text: str, scale: float = 1.0) -> np.ndarray:
    width, height, depth = lettering.text_size(text, scale)
    image = np.zeros((height + depth + 8, width + 8, 3), np.uint8)
    lettering.write_text(image, text, (4, height + 4), scale, (10, 200, 90))
    return image


@pytest.mark.parametrize(
    ('one', 'other'), [('Müll', 'Mähl'), ('Чашка', 'Чайка'), ('ΚΥΠ', 'ΚΑΠ'), ('杯子', '盒子')]
)
def test_words_of_every_script_are_told_apart(drawer, one, other):
    assert not np.array_equal(drawn(one), drawn(other))


def test_a_text_has_the_colour_and_lies_within_the_size_that_was_said(drawer):
    image = drawn('Größe 7')
    assert (image.reshape(-1, 3) == (10, 200, 90)).all(axis=1).any()
    ink = np.nonzero(image.any(axis=2))
    assert ink[1].min() >= 2
    assert ink[1].max() <= image.shape[1] - 3
    assert ink[0].min() >= 2
    assert ink[0].max() <= image.shape[0] - 3


def test_characters_of_no_font_are_told_apart_by_their_numbers(monkeypatch):
    monkeypatch.setattr(lettering, 'DRAWS_ALL_SCRIPTS', False)
    assert not np.array_equal(drawn('\ue123'), drawn('\ue124'))


@given(
    text=st.text(max_size=12),
    origin=st.tuples(st.integers(-400, 400), st.integers(-400, 400)),
    scale=st.floats(0.1, 3.0),
)
@example(text='\x1e\x80', origin=(0, 20), scale=1.0)  # Pillow 13 cannot lay it out
def test_no_text_and_no_place_is_too_odd(text, origin, scale):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lettering, 'DRAWS_ALL_SCRIPTS', False)
        image = np.zeros((40, 60, 3), np.uint8)
        lettering.write_text(image, text, origin, scale, (255, 255, 255))
