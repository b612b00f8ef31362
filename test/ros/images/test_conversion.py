# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Every camera encoding, written byte by byte from known colours, is read as these colours."""

import array
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from std_msgs.msg import Header

pytest.importorskip('rclpy')
from sensor_msgs.msg import CompressedImage, Image

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.ros.images.conversion import ImageError, image_message, rgb_image
from sam_tracker.ros.images.encodings import PACKED, TWO_PLANE
from sam_tracker.ros.images.log import logger

# Eight patches whose red, green and blue all differ, so that no exchange of channels goes unseen.
PATCHES = np.array(
    [
        [[200, 60, 20], [20, 180, 70], [30, 60, 210], [240, 230, 40]],
        [[10, 120, 110], [150, 20, 160], [90, 90, 90], [250, 140, 0]],
    ],
    np.uint8,
)


def patches(height, width):
    """Return a picture of 2x4 patches of one colour each, at any size from 2x4."""
    rows = np.arange(height) * 2 // height
    columns = np.arange(width) * 4 // width
    return PATCHES[rows[:, None], columns]


def make_message(encoding, rows, width, *, padding=0, bigendian=None, height=None):
    """Return an Image of rows of bytes, each followed by `padding` bytes of rubbish."""
    rows = [np.ascontiguousarray(row).view(np.uint8).reshape(-1) for row in rows]
    rubbish = np.full(padding, 0xA5, np.uint8)
    message = Image(encoding=encoding, width=width, height=height or len(rows))
    message.step = rows[0].size + padding
    message.is_bigendian = int(sys.byteorder == 'big') if bigendian is None else int(bigendian)
    message.data = array.array('B', b''.join(row.tobytes() + rubbish.tobytes() for row in rows))
    return message


def deep(eight_bits, bigendian=False):
    """Return 16-bit values of nearly that brightness, their two bytes never alike."""
    return (eight_bits.astype(np.uint16) * 257 + 50).astype('>u2' if bigendian else '<u2')


def alpha(picture):
    return np.dstack([picture, np.full(picture.shape[:2], 7, np.uint8)])


def mosaic(picture, pattern):
    """Return what a sensor under the given colour filter (`rggb`) sees of the picture."""
    raw = np.empty(picture.shape[:2], picture.dtype)
    for position, colour in enumerate(pattern):
        y, x = divmod(position, 2)
        raw[y::2, x::2] = picture[y::2, x::2, 'rgb'.index(colour)]
    return raw


def yuv(picture):
    """BT.601 in limited range, written out from the recommendation."""
    red, green, blue = np.moveaxis(picture.astype(float) / 255, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = (16 + 219 * luma, 128 + 112 * (blue - luma) / 0.886, 128 + 112 * (red - luma) / 0.701)
    return tuple(np.rint(plane).astype(np.uint8) for plane in planes)


def half(plane):
    """Every second column, an odd last one included."""
    return plane[:, ::2]


def mono(picture):
    return np.rint(picture @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def grey(picture):
    return np.repeat(mono(picture)[..., None], 3, axis=2)


# Encodings whose pixels stand for themselves: how to write them, and what is to be read.
EXACT = {
    'rgb8': (lambda p: p, lambda p: p),
    'rgba8': (alpha, lambda p: p),
    'bgr8': (lambda p: p[..., ::-1], lambda p: p),
    'bgra8': (lambda p: alpha(p[..., ::-1]), lambda p: p),
    '8UC3': (lambda p: p[..., ::-1], lambda p: p),
    '8UC4': (lambda p: alpha(p[..., ::-1]), lambda p: p),
    'mono8': (mono, grey),
    '8UC1': (mono, grey),
}
DEEP = {
    'rgb16': (lambda p: p, lambda p: p),
    'rgba16': (alpha, lambda p: p),
    'bgr16': (lambda p: p[..., ::-1], lambda p: p),
    'bgra16': (lambda p: alpha(p[..., ::-1]), lambda p: p),
    'mono16': (mono, grey),
}
BAYER = ('rggb', 'bggr', 'gbrg', 'grbg')
PAIRED = {'uyvy': 'UYVY', 'yuv422': 'UYVY', 'yuyv': 'YUYV', 'yuv422_yuy2': 'YUYV'}

SIZES = pytest.mark.parametrize(('height', 'width'), [(8, 16), (7, 13), (2, 4), (31, 17)])
PADDINGS = pytest.mark.parametrize('padding', [0, 1, 5, 64])


def interleave(picture, order):
    """Return rows of 4:2:2 bytes in the order given, colours taken from every first of a pair."""
    y, u, v = yuv(picture)
    if y.shape[1] % 2:
        y = np.hstack([y, y[:, -1:]])
    sources = {'U': half(u), 'V': half(v)}
    lumas = iter((y[:, ::2], y[:, 1::2]))
    return np.stack([sources[c] if c in sources else next(lumas) for c in order], axis=2)


@pytest.mark.parametrize('encoding', EXACT)
@SIZES
@PADDINGS
def test_eight_bit_colours_are_read_exactly(encoding, height, width, padding):
    picture = patches(height, width)
    written, expected = EXACT[encoding]
    message = make_message(encoding, written(picture), width, padding=padding)
    np.testing.assert_array_equal(rgb_image(message), expected(picture))


@pytest.mark.parametrize('encoding', EXACT)
def test_the_byte_order_of_bytes_does_not_matter(encoding):
    picture = patches(6, 9)
    written, expected = EXACT[encoding]
    message = make_message(encoding, written(picture), 9, bigendian=True)
    np.testing.assert_array_equal(rgb_image(message), expected(picture))


@pytest.mark.parametrize('encoding', DEEP)
@pytest.mark.parametrize('bigendian', [False, True])
@PADDINGS
def test_sixteen_bit_colours_are_read_in_either_byte_order(encoding, bigendian, padding):
    picture = patches(7, 13)
    written, expected = DEEP[encoding]
    rows = deep(written(picture), bigendian)
    message = make_message(encoding, rows, 13, padding=padding, bigendian=bigendian)
    np.testing.assert_array_equal(rgb_image(message), expected(picture))


def test_sixteen_bits_are_rounded_to_the_nearest_of_eight():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    message = make_message('mono16', values, 256)
    np.testing.assert_array_equal(rgb_image(message)[..., 0], np.rint(values * (255 / 65535)))


def ten_bits(eight_bits):
    """Return values as a camera of 10 bits puts them into the low bits."""
    return eight_bits.astype('<u2') * 4


@pytest.mark.parametrize('encoding', ['mono16', 'rgb16', 'bgra16', 'bayer_rggb16'])
def test_a_camera_of_ten_bits_keeps_its_contrast(encoding):
    picture = patches(32, 64)
    if encoding.startswith('bayer'):
        rows = mosaic(picture, 'rggb')
    else:
        rows = DEEP[encoding][0](picture)
    rows = ten_bits(rows)
    if encoding == 'bgra16':
        rows[..., 3] = 65535  # opaque, and no brightness
    message = make_message(encoding, rows, 64, bigendian=False)
    assert np.ptp(rgb_image(message)) < 8
    assert np.ptp(rgb_image(message, DynamicRange())) > 240


@pytest.mark.parametrize('pattern', BAYER)
@pytest.mark.parametrize('depth', [8, 16])
@pytest.mark.parametrize('bigendian', [False, True])
@pytest.mark.parametrize(('height', 'width', 'padding'), [(32, 64, 0), (33, 65, 3), (32, 64, 16)])
def test_bayer_colours_are_right_inside_every_patch(
    pattern, depth, bigendian, height, width, padding
):
    picture = patches(height, width)
    raw = mosaic(picture, pattern)
    rows = deep(raw, bigendian) if depth == 16 else raw
    message = make_message(
        f'bayer_{pattern}{depth}', rows, width, padding=padding, bigendian=bigendian
    )
    rgb = rgb_image(message)
    assert rgb.shape == picture.shape
    # Where all neighbours have one colour, interpolation gives this colour.
    y, x = height // 4, width // 8
    for row in range(2):
        for column in range(4):
            spot = rgb[row * height // 2 + y, column * width // 4 + x]
            np.testing.assert_array_equal(spot, PATCHES[row, column])


@pytest.mark.parametrize('encoding', PAIRED)
@pytest.mark.parametrize(('height', 'width', 'padding'), [(6, 16, 0), (7, 24, 6), (5, 8, 1)])
def test_paired_yuv_colours_are_right(encoding, height, width, padding):
    picture = patches(height, width)
    rows = interleave(picture, PAIRED[encoding])
    message = make_message(encoding, rows, width, padding=padding)
    np.testing.assert_allclose(rgb_image(message).astype(int), picture, atol=3)


@pytest.mark.parametrize('encoding', PAIRED)
def test_paired_yuv_of_an_odd_width_is_read_where_the_last_pair_is_whole(encoding):
    picture = np.tile(PATCHES[0, :1], (3, 5, 1))
    message = make_message(encoding, interleave(picture, PAIRED[encoding]), 5)
    rgb = rgb_image(message)
    assert rgb.shape == (3, 5, 3)
    np.testing.assert_allclose(rgb.astype(int), picture, atol=3)


def test_paired_yuv_of_an_odd_width_without_its_last_half_pair_is_refused():
    message = Image(encoding='uyvy', width=5, height=2, step=10)
    message.data.frombytes(bytes(20))
    with pytest.raises(ImageError, match=r'step 10 .* 12 bytes'):
        rgb_image(message)


@pytest.mark.parametrize('encoding', TWO_PLANE)
@pytest.mark.parametrize(('height', 'width', 'padding'), [(8, 16, 0), (12, 24, 8), (4, 8, 4)])
def test_two_plane_colours_are_right(encoding, height, width, padding):
    picture = patches(height, width)
    message = two_plane_message(encoding, picture, padding)
    rgb = rgb_image(message)
    assert rgb.shape == picture.shape
    np.testing.assert_allclose(rgb.astype(int), picture, atol=3)


@pytest.mark.parametrize('encoding', TWO_PLANE)
def test_two_plane_images_of_odd_size_are_read(encoding):
    picture = np.tile(PATCHES[1, :1], (5, 7, 1))
    rgb = rgb_image(two_plane_message(encoding, picture, padding=1))
    assert rgb.shape == (5, 7, 3)
    np.testing.assert_allclose(rgb.astype(int), picture, atol=3)


def two_plane_message(encoding, picture, padding):
    y, u, v = yuv(picture)
    width = y.shape[1]
    if encoding == 'nv24':
        colour, colour_padding = np.dstack([u, v]), 2 * padding
    else:
        order = [v, u] if encoding == 'nv21' else [u, v]
        colour = np.dstack([plane[::2, ::2] for plane in order])
        colour_padding = width + padding - colour.shape[1] * 2
    message = make_message(encoding, y, width, padding=padding)
    below = make_message('', colour, width, padding=colour_padding)
    message.data.extend(below.data)
    return message


def test_nv24_and_nv12_of_the_same_colours_are_equal():
    picture = np.repeat(np.repeat(PATCHES, 4, axis=0), 4, axis=1)
    np.testing.assert_array_equal(
        rgb_image(two_plane_message('nv24', picture, 0)),
        rgb_image(two_plane_message('nv12', picture, 0)),
    )


def test_every_accepted_encoding_is_covered_here():
    covered = {*EXACT, *DEEP, *PAIRED, *(f'bayer_{p}{d}' for p in BAYER for d in (8, 16))}
    assert covered == set(PACKED)


def test_rgb8_is_read_without_a_copy_even_when_padded():
    message = make_message('rgb8', patches(6, 9), 9, padding=5)
    rgb = rgb_image(message)
    message.data[0] ^= 0xFF
    assert rgb[0, 0, 0] == message.data[0]


def test_a_wrong_step_is_logged_once_and_not_for_each_image(capfd):
    logger.cache_clear()
    message = make_message('rgb8', patches(4, 8), 8)
    message.step = 0
    for _ in range(3):
        assert (rgb_image(message) == patches(4, 8)).all()
    assert capfd.readouterr().err.count('step 0 of a 8x4 rgb8 image is wrong') == 1


def test_the_last_row_needs_no_padding():
    picture = patches(6, 9)
    message = make_message('bgr8', picture[..., ::-1], 9, padding=5)
    message.data = message.data[:-5]
    np.testing.assert_array_equal(rgb_image(message), picture)


@pytest.mark.parametrize(
    ('encoding', 'reason'),
    [('16UC1', 'millimetres'), ('32FC1', 'metres'), ('8UC2', 'two channels')],
)
def test_what_is_no_picture_is_refused_with_the_reason(encoding, reason):
    message = Image(encoding=encoding, width=4, height=4, step=16)
    message.data.frombytes(bytes(64))
    with pytest.raises(ImageError, match=f"{encoding}' is refused: .*{reason}"):
        rgb_image(message)


@pytest.mark.parametrize(
    'message',
    [
        Image(encoding='x' * 1_000_000, width=4, height=4, step=16),
        CompressedImage(format='x' * 1_000_000, data=b'nothing that is an image'),
        CompressedImage(format='x' * 1_000_000),
    ],
)
def test_a_long_name_of_an_encoding_or_a_format_is_shortened_in_the_refusal(message):
    with pytest.raises(ImageError, match=r"'xxx.*\.\.\..*xxx'") as caught:
        rgb_image(message)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize('encoding', ['', 'BGR8', 'rgb', '64FC3', 'nv16', 'bayer_rggb12'])
def test_an_unknown_encoding_is_refused_by_name_with_what_is_accepted(encoding):
    message = Image(encoding=encoding, width=4, height=4, step=16)
    with pytest.raises(ImageError, match='unknown image encoding') as caught:
        rgb_image(message)
    assert repr(encoding) in str(caught.value)
    for accepted in (*PACKED, *TWO_PLANE):
        assert accepted in str(caught.value)


@pytest.mark.parametrize('encoding', [*PACKED, *TWO_PLANE])
@pytest.mark.parametrize(('width', 'height'), [(0, 4), (4, 0), (0, 0)])
def test_an_image_of_zero_size_is_refused(encoding, width, height):
    with pytest.raises(ImageError, match=f'width {width}, height {height}'):
        rgb_image(Image(encoding=encoding, width=width, height=height, step=16))


@pytest.mark.parametrize('encoding', [*PACKED, *TWO_PLANE])
def test_truncated_data_are_refused_with_both_sizes(encoding):
    message = Image(encoding=encoding, width=4, height=4, step=64)
    message.data.frombytes(bytes(190))
    with pytest.raises(ImageError, match=r'truncated image: data has 190 bytes, .* needs'):
        rgb_image(message)
    message.data = array.array('B')
    with pytest.raises(ImageError, match='data has 0 bytes'):
        rgb_image(message)


@pytest.mark.parametrize('encoding', [*PACKED, *TWO_PLANE])
def test_one_byte_too_few_is_refused_and_just_enough_is_read(encoding):
    message = Image(encoding=encoding, width=4, height=4, step=64)
    pixel_bytes = PACKED[encoding].pixel_bytes if encoding in PACKED else 0
    # To the end of the last row: of the picture, or of the colour plane below it.
    last_row = {'nv12': 5 * 64 + 4, 'nv21': 5 * 64 + 4, 'nv24': 4 * 64 + 3 * 128 + 8}
    needed = last_row.get(encoding, 3 * 64 + 4 * pixel_bytes)
    message.data.frombytes(bytes(needed))
    assert rgb_image(message).shape == (4, 4, 3)
    message.data.pop()
    with pytest.raises(ImageError, match=f'data has {needed - 1} bytes, .* needs {needed}'):
        rgb_image(message)


@pytest.mark.parametrize('encoding', [*PACKED, *TWO_PLANE])
@pytest.mark.parametrize('step', [0, 3])
def test_a_step_shorter_than_a_row_is_refused(encoding, step):
    message = Image(encoding=encoding, width=4, height=4, step=step)
    message.data.frombytes(bytes(1000))
    with pytest.raises(ImageError, match=f'step {step} is too small'):
        rgb_image(message)


@pytest.mark.parametrize('encoding', [*PACKED, *TWO_PLANE])
@pytest.mark.parametrize('step', [0, 1, 1000])
def test_a_step_that_was_left_out_or_is_wrong_is_that_of_packed_rows(encoding, step):
    row_bytes = 6 * PACKED[encoding].pixel_bytes if encoding in PACKED else 6
    planes = {'nv12': 4 * 6 + 2 * 6, 'nv21': 4 * 6 + 2 * 6, 'nv24': 4 * 6 + 4 * 12}
    message = Image(encoding=encoding, width=6, height=4, step=row_bytes)
    size = planes.get(encoding, 4 * row_bytes)
    message.data.frombytes(np.random.default_rng(5).bytes(size))
    expected = rgb_image(message).copy()
    message.step = step
    np.testing.assert_array_equal(rgb_image(message), expected)


@pytest.mark.parametrize(('width', 'height'), [(2, 2), (1, 8), (8, 2)])
def test_a_bayer_image_too_small_for_its_colours_is_refused(width, height):
    message = make_message('bayer_rggb8', np.ones((height, width), np.uint8), width)
    with pytest.raises(ImageError, match=f'{width}x{height} bayer_rggb8 image is too small'):
        rgb_image(message)


@settings(max_examples=60, deadline=None)
@given(
    encoding=st.sampled_from([*PACKED, *TWO_PLANE]),
    width=st.integers(0, 9),
    height=st.integers(0, 9),
    step=st.integers(0, 90),
    size=st.integers(0, 900),
    bigendian=st.booleans(),
)
def test_any_header_gives_a_picture_of_its_size_or_an_image_error(
    encoding, width, height, step, size, bigendian
):
    message = Image(encoding=encoding, width=width, height=height, step=step)
    message.is_bigendian = int(bigendian)
    message.data.frombytes(bytes(size))
    try:
        rgb = rgb_image(message)
    except ImageError:
        return
    assert rgb.shape == (height, width, 3)
    assert rgb.dtype == np.uint8


@pytest.mark.parametrize('encoding', ['mono8', 'mono16', 'bgr8', 'rgb8', 'bgra8', 'rgba8'])
@SIZES
def test_a_written_message_is_read_back_equal(encoding, height, width):
    picture = patches(height, width)
    written, expected = {**EXACT, **DEEP}[encoding]
    image = written(picture)
    if encoding == 'mono16':
        image = image.astype(np.uint16) * 257
    header = Header(frame_id='camera_optical_frame')
    header.stamp.sec = 12
    message = image_message(image, encoding, header)
    assert message.header == header
    assert (message.height, message.width, message.encoding) == (height, width, encoding)
    assert message.step * height == len(message.data) == image.nbytes
    np.testing.assert_array_equal(rgb_image(message), expected(picture))


def test_a_written_message_does_not_share_memory_with_its_array():
    picture = patches(4, 8)
    message = image_message(picture, 'rgb8', Header())
    picture[:] = 0
    assert max(message.data) > 0


def test_mono_may_carry_its_one_channel_as_a_dimension():
    image = mono(patches(4, 8))
    message = image_message(image[..., None], 'mono8', Header())
    assert message.data.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ('image', 'encoding', 'named'),
    [
        (np.zeros((4, 8), np.uint8), 'bgr8', r'\(4, 8\)'),
        (np.zeros((4, 8, 3), np.uint8), 'mono8', r'\(4, 8, 3\)'),
        (np.zeros((4, 8, 3), np.float32), 'rgb8', 'float32'),
        (np.zeros((4, 8), np.uint8), 'mono16', 'uint8'),
        (np.zeros((0, 8, 3), np.uint8), 'rgb8', r'zero size.*\(0, 8, 3\)'),
        (np.zeros((4, 8, 3), np.uint8), 'uyvy', "'uyvy'"),
        (np.zeros((8,), np.uint8), 'mono8', r'\(8,\)'),
    ],
)
def test_an_array_that_does_not_fit_its_encoding_is_refused(image, encoding, named):
    with pytest.raises(ImageError, match=named):
        image_message(image, encoding, Header())
