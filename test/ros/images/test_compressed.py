# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Compressed messages keep their colours; damaged data and other formats are refused."""

import resource
import struct
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest
from std_msgs.msg import Header

pytest.importorskip('rclpy')
from sensor_msgs.msg import CompressedImage

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.image_files import read_image
from sam_tracker.ros.images.conversion import compressed_image_message, rgb_image
from sam_tracker.ros.images.encodings import ImageError

from ...tiff_writing import tiff

ORIENTATION = 0x0112

RED, GREEN, BLUE = (220, 40, 20), (30, 190, 60), (20, 50, 200)


def stripes(height=48, width=96):
    """Return three broad stripes, far from one another even after jpeg."""
    picture = np.empty((height, width, 3), np.uint8)
    for number, colour in enumerate((RED, GREEN, BLUE)):
        picture[:, number * width // 3 : (number + 1) * width // 3] = colour
    return picture


def make_message(picture_in_bgr, suffix, format_):
    done, data = cv2.imencode(suffix, picture_in_bgr)
    assert done
    message = CompressedImage(format=format_)
    message.data.frombytes(data.data)
    return message


def assert_stripes(rgb, tolerance):
    centres = rgb[rgb.shape[0] // 2, [rgb.shape[1] * (2 * n + 1) // 6 for n in range(3)]]
    np.testing.assert_allclose(centres.astype(int), [RED, GREEN, BLUE], atol=tolerance)


@pytest.mark.parametrize(
    ('suffix', 'format_', 'tolerance'),
    [
        ('.jpg', 'jpeg', 6),
        ('.jpg', 'jpg', 6),
        ('.jpg', '', 6),
        ('.jpg', 'bgr8; jpeg compressed bgr8', 6),
        ('.jpg', 'rgb8; jpeg compressed bgr8', 6),
        ('.jpg', 'rgb8;jpeg compressed bgr8', 6),
        ('.jpg', 'bayer_rggb8; jpeg compressed bgr8', 6),
        ('.png', 'png', 0),
        ('.png', 'bgr8; png compressed bgr8', 0),
        ('.png', 'jpeg', 0),
    ],
)
def test_colours_come_back(suffix, format_, tolerance):
    rgb = rgb_image(make_message(stripes()[..., ::-1], suffix, format_))
    assert rgb.shape == (48, 96, 3)
    assert_stripes(rgb, tolerance)


def test_rgb_compressed_as_if_it_were_bgr_is_told_by_the_format():
    message = make_message(stripes(), '.png', 'rgb8; png compressed rgb8')
    assert_stripes(rgb_image(message), 0)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_a_grey_picture_becomes_three_equal_channels(suffix):
    grey = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (32, 1))
    rgb = rgb_image(make_message(grey, suffix, 'mono8; jpeg compressed mono8'))
    assert (rgb == rgb[..., :1]).all()
    np.testing.assert_allclose(rgb[..., 0].astype(int), grey, atol=6 if suffix == '.jpg' else 0)


def test_png_with_alpha_loses_it():
    picture = np.dstack([stripes()[..., ::-1], np.full((48, 96), 128, np.uint8)])
    assert_stripes(rgb_image(make_message(picture, '.png', 'png')), 0)


def test_png_of_sixteen_bits_is_scaled_as_raw_images_are():
    deep = (np.arange(65536, dtype=np.uint16)).reshape(256, 256)
    rgb = rgb_image(make_message(deep, '.png', 'mono16; png compressed mono16'))
    np.testing.assert_array_equal(rgb[..., 0], np.rint(deep * (255 / 65535)))


def test_png_of_ten_bits_keeps_its_contrast_where_the_range_is_followed():
    deep = np.tile(np.linspace(0, 1023, 96).astype(np.uint16), (48, 1))
    message = make_message(deep, '.png', 'mono16; png compressed mono16')
    assert np.ptp(rgb_image(message)) < 5
    assert np.ptp(rgb_image(message, DynamicRange())) > 250


def test_a_tagged_jpeg_stands_upright_as_it_does_when_read_from_a_file(tmp_path):
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = 6  # to be turned by 90 degrees clockwise
    path = tmp_path / 'photograph.jpg'
    PIL.Image.fromarray(stripes()).save(path, exif=exif.tobytes(), quality=95)
    message = CompressedImage(format='jpeg')
    message.data.frombytes(path.read_bytes())
    rgb = rgb_image(message)
    assert rgb.shape == (96, 48, 3)
    np.testing.assert_array_equal(rgb[..., ::-1], read_image(path))
    np.testing.assert_allclose(rgb[8, 24].astype(int), RED, atol=6)


@pytest.mark.parametrize(
    ('suffix', 'format_'),
    [('.tiff', 'bgr8; tiff compressed bgr8'), ('.webp', 'webp'), ('.bmp', '')],
)
def test_other_formats_that_opencv_decodes_are_read(suffix, format_):
    rgb = rgb_image(make_message(stripes()[..., ::-1], suffix, format_))
    assert_stripes(rgb, 12 if suffix == '.webp' else 0)


def test_a_complete_jpeg_without_its_end_marker_is_read():
    noise = np.random.default_rng(1).integers(0, 256, (48, 96, 3), np.uint8)
    message = make_message(noise, '.jpg', 'jpeg')
    expected = rgb_image(message)
    assert bytes(message.data[-2:]) == b'\xff\xd9'
    message.data = message.data[:-2]
    np.testing.assert_array_equal(rgb_image(message), expected)


def png_that_claims(width, height):
    """Return a small PNG of one bit black pixels."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack('>I', len(content)) + body + struct.pack('>I', zlib.crc32(body))

    compressor = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    rows = b''.join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack('>IIBBBBB', width, height, 1, 0, 0, 0, 0)
    parts = chunk(b'IHDR', header), chunk(b'IDAT', rows), chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + b''.join(parts)


@pytest.mark.parametrize(
    ('width', 'height', 'named'),
    [(8001, 8000, '8001x8000 pixels; at most 64 million'), (30_000, 30_000, '900000000')],
)
def test_an_image_that_is_too_large_is_refused_without_being_decoded(width, height, named):
    message = CompressedImage(format='png')
    message.data.frombytes(png_that_claims(width, height))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match=f'too large: .*{named}'):
        rgb_image(message)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_padding_behind_the_end_is_allowed():
    message = make_message(stripes()[..., ::-1], '.jpg', 'jpeg')
    message.data.frombytes(bytes(5000))
    assert_stripes(rgb_image(message), 6)


@pytest.mark.parametrize('suffix', ['.tiff', '.webp', '.bmp'])
@pytest.mark.parametrize('kept', [0.2, 0.5, 0.9])
def test_truncated_data_of_other_formats_are_refused(suffix, kept):
    noise = np.random.default_rng(1).integers(0, 256, (48, 96, 3), np.uint8)
    message = make_message(noise, suffix, 'jpeg')
    message.data = message.data[: int(len(message.data) * kept)]
    with pytest.raises(ImageError, match="format 'jpeg' cannot be decoded"):
        rgb_image(message)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
@pytest.mark.parametrize('kept', [0.2, 0.5, 0.9, 0.99])
def test_truncated_data_are_refused(suffix, kept):
    noise = np.random.default_rng(1).integers(0, 256, (48, 96, 3), np.uint8)
    message = make_message(noise, suffix, 'jpeg')
    message.data = message.data[: int(len(message.data) * kept)]
    with pytest.raises(ImageError, match=f'truncated image: its {len(message.data)} bytes'):
        rgb_image(message)


def test_damaged_data_are_refused():
    message = make_message(stripes()[..., ::-1], '.png', 'png')
    for position in range(8, len(message.data) - 16):
        message.data[position] ^= 0x5A
    with pytest.raises(ImageError, match="format 'png' cannot be decoded"):
        rgb_image(message)


@pytest.mark.parametrize(
    ('format_', 'data', 'named'),
    [
        ('jpeg', b'', 'has no data'),
        ('h264', b'\0\0\0\x01\x67\x42', "'h264' cannot be.*6 bytes.*00 00 00 01 67 42.* JPEG"),
        ('tiff', b'II*\0', "'tiff' cannot be decoded"),
        ('16UC1; compressedDepth png', b'\x89PNG\r\n\x1a\n', "'16UC1' is refused: .*depth"),
        ('32FC1; compressedDepth png', b'\x89PNG\r\n\x1a\n', "'32FC1' is refused: .*depth"),
        ('16UC1; png compressed ', b'\x89PNG\r\n\x1a\n', "'16UC1' is refused: .*depth"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(format_, data, named):
    message = CompressedImage(format=format_)
    message.data.frombytes(data)
    with pytest.raises(ImageError, match=named):
        rgb_image(message)


@pytest.mark.parametrize(
    ('encoding', 'codec', 'format_'),
    [
        ('bgr8', 'jpeg', 'bgr8; jpeg compressed bgr8'),
        ('rgb8', 'jpeg', 'rgb8; jpeg compressed bgr8'),
        ('bgr8', 'png', 'bgr8; png compressed bgr8'),
        ('rgb8', 'png', 'rgb8; png compressed bgr8'),
    ],
)
def test_a_written_message_is_read_back(encoding, codec, format_):
    picture = stripes()
    image = picture if encoding == 'rgb8' else picture[..., ::-1]
    header = Header(frame_id='camera_optical_frame')
    message = compressed_image_message(image, encoding, header, codec=codec)
    assert message.header == header
    assert message.format == format_
    assert_stripes(rgb_image(message), 6 if codec == 'jpeg' else 0)


@pytest.mark.parametrize(
    ('format_', 'kind'),
    [('tiff', 'int8'), ('tiff', 'int16'), ('tiff', 'float32'), ('pfm', 'float32')],
)
def test_measurements_are_no_picture_and_refused_by_their_type(format_, kind):
    measured = np.linspace(20, 35, 64 * 48).reshape(48, 64).astype(kind)
    message = CompressedImage(format=format_)
    if format_ == 'tiff':
        message.data.frombytes(tiff(measured))
    else:
        message.data.frombytes(cv2.imencode('.pfm', measured)[1].tobytes())
    with pytest.raises(ImageError, match=f'has pixels of {kind}; uint8 and uint16 are read'):
        rgb_image(message, DynamicRange())


def test_mono_is_written_as_mono():
    grey = np.full((16, 16), 77, np.uint8)
    message = compressed_image_message(grey, 'mono8', Header(), codec='png')
    assert message.format == 'mono8; png compressed mono8'
    stored = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, grey)


def test_jpeg_quality_decides_the_size():
    noise = np.random.default_rng(1).integers(0, 256, (48, 96, 3), np.uint8)
    sizes = [
        len(compressed_image_message(noise, 'bgr8', Header(), jpeg_quality=quality).data)
        for quality in (10, 50, 95)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] * 3 < sizes[2]


@pytest.mark.parametrize(
    ('encoding', 'dtype', 'options', 'named'),
    [
        ('bgr8', np.uint8, {'jpeg_quality': 0}, 'quality 0 '),
        ('bgr8', np.uint8, {'jpeg_quality': 101}, 'quality 101 '),
        ('bgr8', np.uint8, {'codec': 'webp'}, "codec 'webp'"),
        ('mono16', np.uint16, {}, "jpeg cannot store 'mono16'"),
        ('bgra8', np.uint8, {}, "jpeg cannot store 'bgra8'"),
    ],
)
def test_what_cannot_be_compressed_is_refused(encoding, dtype, options, named):
    channels = {'mono16': (), 'bgr8': (3,), 'bgra8': (4,)}[encoding]
    with pytest.raises(ImageError, match=named):
        compressed_image_message(np.zeros((4, 4, *channels), dtype), encoding, Header(), **options)
