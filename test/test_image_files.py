# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from sam_tracker.image_files import ImageFileError, read_image, read_mask

from .tiff_writing import tiff


def test_a_mask_is_read_from_any_image_file(tmp_path):
    image = np.zeros((20, 30, 3), np.uint8)
    image[5:10, 6:12] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / 'mask.png'), image)
    mask = read_mask(tmp_path / 'mask.png')
    assert mask.shape == (20, 30)
    assert np.count_nonzero(mask) == 30


def test_masks_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ImageFileError, match=r"'.*none\.png' does not exist"):
        read_mask(tmp_path / 'none.png')
    (tmp_path / 'text.png').write_text('no image')
    with pytest.raises(ImageFileError, match=r"'.*text\.png' is not a readable image"):
        read_mask(tmp_path / 'text.png')
    cv2.imwrite(str(tmp_path / 'black.png'), np.zeros((5, 5), np.uint8))
    with pytest.raises(ImageFileError, match=r"'.*black\.png' is all black"):
        read_mask(tmp_path / 'black.png')


def test_an_image_is_read_in_colour(tmp_path):
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 2] = 200
    cv2.imwrite(str(tmp_path / 'red.png'), image)
    assert np.array_equal(read_image(tmp_path / 'red.png'), image)


def test_images_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ImageFileError, match=r"the image '.*none\.png' does not exist"):
        read_image(tmp_path / 'none.png')
    (tmp_path / 'text.png').write_text('no image')
    with pytest.raises(ImageFileError, match=r"the image '.*text\.png' is not a readable image"):
        read_image(tmp_path / 'text.png')


def test_a_name_under_which_nothing_can_be_found_is_answered_in_one_line(tmp_path):
    (tmp_path / 'loop.png').symlink_to(tmp_path / 'loop.png')
    with pytest.raises(ImageFileError, match=r"loop\.png' cannot be read: Too many levels"):
        read_image(tmp_path / 'loop.png')
    with pytest.raises(ImageFileError, match=r"' cannot be read: File name too long"):
        read_mask(tmp_path / ('a' * 300))
    with pytest.raises(ImageFileError, match=' is no file'):
        read_image(tmp_path)


@pytest.mark.parametrize('value', [1, 300, 512, 65535])
def test_a_mask_of_any_depth_and_darkness_is_read_whole(tmp_path, value):
    mask = np.zeros((20, 30), np.uint16 if value > 255 else np.uint8)
    mask[5:9, 6:20] = value
    path = tmp_path / 'mask.png'
    assert cv2.imwrite(str(path), mask)
    np.testing.assert_array_equal(read_mask(path), np.where(mask, 255, 0))


def test_a_dark_colour_is_a_mask_and_so_is_what_alpha_shows(tmp_path):
    path = tmp_path / 'mask.png'
    colours = np.zeros((20, 30, 3), np.uint8)
    colours[5:9, 6:20] = (0, 0, 1)
    cv2.imwrite(str(path), colours)
    assert np.count_nonzero(read_mask(path)) == 4 * 14
    white = np.full((20, 30, 4), 255, np.uint8)
    white[..., 3] = 0
    white[5:9, 6:20, 3] = 128
    cv2.imwrite(str(path), white)
    assert np.count_nonzero(read_mask(path)) == 4 * 14


def test_an_image_of_ten_bits_keeps_its_contrast(tmp_path):
    path = tmp_path / 'thermal.png'
    cv2.imwrite(str(path), np.tile(np.linspace(0, 1023, 64).astype(np.uint16), (48, 1)))
    picture = read_image(path)
    assert picture.shape == (48, 64, 3)
    assert np.ptp(picture) > 250


@pytest.mark.parametrize('kind', ['int8', 'int16', 'int32', 'uint32', 'float32', 'float64'])
def test_measurements_are_no_picture_and_refused_by_their_type(tmp_path, kind):
    path = tmp_path / 'celsius.tiff'
    path.write_bytes(tiff(np.linspace(20, 35, 64 * 48).reshape(48, 64).astype(kind)))
    with pytest.raises(ImageFileError, match=f"celsius.tiff' has pixels of {kind}; uint8 and"):
        read_image(path)


@pytest.mark.parametrize('read', [read_image, read_mask])
def test_a_name_that_is_not_utf_8_is_a_name(tmp_path, read):
    path = tmp_path / 'caf\udce9.png'  # Latin-1, as Python reads it from a folder
    try:
        path.write_bytes(cv2.imencode('.png', np.full((4, 5), 200, np.uint8))[1].tobytes())
    except OSError:
        pytest.skip('this file system takes names of UTF-8 only')
    assert read(path).shape[:2] == (4, 5)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_mask_with_a_value_that_is_not_finite_is_refused(tmp_path, value):
    mask = np.ones((4, 5), np.float32)
    mask[2, 3] = value
    cv2.imwrite(str(tmp_path / 'mask.tiff'), mask)
    with pytest.raises(ImageFileError, match=r"mask\.tiff' has values that are not finite"):
        read_mask(tmp_path / 'mask.tiff')
