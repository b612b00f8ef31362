# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Run lengths are those of pycocotools, character by character."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from sam_tracker.core.run_length import counts, decoded, run_lengths, uncompressed

coco = pytest.importorskip('pycocotools.mask')


def by_pycocotools(mask, origin, width, height):
    image = np.zeros((height, width), np.uint8, order='F')
    x, y = origin
    image[y : y + mask.shape[0], x : x + mask.shape[1]] = mask != 0
    encoded = coco.encode(image)
    return {'size': list(encoded['size']), 'counts': encoded['counts'].decode()}


@st.composite
def masks_in_images(draw):
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    left, top, right, below = (draw(st.integers(0, 9)) for _ in range(4))
    mask = draw(arrays(np.uint8, (rows, columns), elements=st.sampled_from([0, 0, 255, 255, 1])))
    return mask, (left, top), left + columns + right, top + rows + below


@given(masks_in_images())
def test_any_crop_anywhere_is_encoded_as_pycocotools_encodes_the_whole_image(case):
    assert run_lengths(*case) == by_pycocotools(*case)


@pytest.mark.parametrize('size', [(1, 1), (720, 1280), (2160, 3840), (5, 2000), (2000, 5)])
@pytest.mark.parametrize('value', [0, 255])
def test_images_of_one_value_and_of_any_size_are_encoded(size, value):
    case = np.full(size, value, np.uint8), (0, 0), size[1], size[0]
    assert run_lengths(*case) == by_pycocotools(*case)


def test_noise_on_a_camera_image_survives_the_way_there_and_back():
    mask = np.random.default_rng(0).integers(0, 2, (300, 400)).astype(np.uint8)
    encoded = run_lengths(mask, (500, 300), 1280, 720)
    image = coco.decode(encoded)
    assert image.shape == (720, 1280)
    assert (image[300:600, 500:900] == mask).all()
    assert image.sum() == mask.sum()


def test_a_mask_that_leaves_the_image_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r'4x3 pixels at \(8, 0\).* 10x10'):
        run_lengths(np.ones((3, 4), np.uint8), (8, 0), 10, 10)


@given(masks_in_images())
def test_run_lengths_become_the_mask_that_they_were_made_of(case):
    mask, origin, width, height = case
    image = decoded(counts(mask, origin, width, height), width, height)
    expected = np.zeros((height, width), np.uint8)
    x, y = origin
    expected[y : y + mask.shape[0], x : x + mask.shape[1]] = np.where(mask, 255, 0)
    assert np.array_equal(image, expected)


@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_any_run_lengths_are_decoded_as_pycocotools_does_even_with_runs_of_nothing(w, h, data):
    borders = sorted(data.draw(st.lists(st.integers(0, w * h), max_size=9)))
    lengths = np.diff([0, *borders, w * h])
    encoded = coco.frPyObjects({'size': [h, w], 'counts': lengths.tolist()}, h, w)
    assert np.array_equal(decoded(lengths, w, h), coco.decode(encoded) * np.uint8(255))


def test_run_lengths_that_do_not_fill_the_mask_are_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r'2 run lengths add up to 7 pixels; .* 3x2 pixels has 6'):
        decoded(np.array([3, 4]), 3, 2)


@given(masks_in_images())
def test_coco_text_is_decoded_as_pycocotools_decodes_it(case):
    encoded = run_lengths(*case)
    _, _, width, height = case
    mask = uncompressed(encoded['counts'], width, height)
    assert (mask == 255 * coco.decode(encoded)).all()


@pytest.mark.parametrize('text', ['', 'o', '\x1f', '00', 'PPPPPPPPPPPPPPPPP0', '0A0'])
def test_text_that_is_no_mask_of_the_size_is_refused(text):
    with pytest.raises(ValueError, match='run'):
        uncompressed(text, 7, 5)
