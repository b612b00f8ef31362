# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Depth images as cameras and image_transport send them."""

import struct

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from sam_tracker.ros.images.depth import received_depth
from sam_tracker.ros.images.encodings import ImageError

MILLIMETRES = np.array([[0, 1, 1500], [40000, 65535, 2]], np.uint16)
MEASURED = np.array([[0.4, 1.0, 2.5], [np.nan, 4.0, 9.9]], np.float32)


def raw(values: np.ndarray, encoding: str) -> Image:
    height, width = values.shape
    message = Image(height=height, width=width, encoding=encoding)
    message.step = width * values.itemsize
    message.data.frombytes(values.tobytes())
    return message


def compressed(pixels: np.ndarray, kind: str, quantisation=(0.0, 0.0)) -> CompressedImage:
    data = struct.pack('<iff', 0, *quantisation) + cv2.imencode('.png', pixels)[1].tobytes()
    message = CompressedImage(format=kind)
    message.data.frombytes(data)
    return message


def quantised(metres: np.ndarray, farthest: float, start: float) -> CompressedImage:
    """Compress as image_transport_plugins: 1 / depth in steps, 0 where nothing was measured."""
    a = start * (start + 1)
    b = 1 - a / farthest
    inverse = np.where(metres < farthest, a / metres + b, 0).astype(np.uint16)
    return compressed(inverse, '32FC1; compressedDepth png', (a, b))


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16'])
def test_millimetres_are_the_same_raw_and_compressed(encoding):
    for message in (
        raw(MILLIMETRES, encoding),
        *(
            compressed(MILLIMETRES, f'{encoding}{end}')
            for end in ('; compressedDepth', '; compressedDepth png', '')
        ),
    ):
        depth = received_depth(message)
        assert (depth.width, depth.height, depth.unit, depth.nbytes) == (3, 2, 0.001, 12)
        np.testing.assert_array_equal(depth.values, MILLIMETRES)
        assert depth.values is depth.values


def test_metres_are_read_as_they_are():
    depth = received_depth(raw(MEASURED, '32FC1'))
    assert (depth.unit, depth.nbytes) == (1.0, 24)
    np.testing.assert_array_equal(depth.values, MEASURED)


def test_metres_that_were_quantised_keep_their_precision():
    depth = received_depth(quantised(MEASURED, farthest=10.0, start=100.0))
    assert depth.values.dtype == np.float32 and depth.unit == 1.0
    # A step of the transport is depth**2 / (start * (start + 1)).
    error = np.abs(depth.values - MEASURED) / MEASURED**2
    assert np.nanmax(error) <= 1.01 / (100 * 101)
    np.testing.assert_array_equal(np.isnan(depth.values), np.isnan(MEASURED))


def changed(message: CompressedImage, data: bytes) -> CompressedImage:
    other = CompressedImage(format=message.format)
    other.data.frombytes(data)
    return other


GOOD = compressed(MILLIMETRES, '16UC1; compressedDepth png')
BYTES = GOOD.data.tobytes()
HUGE = BYTES[:28] + struct.pack('>II', 60000, 60000) + BYTES[36:]


@pytest.mark.parametrize(
    ('message', 'complaint'),
    [
        (raw(MILLIMETRES[:, :1].copy().view(np.uint8), 'mono8'), "'mono8' is not depth"),
        (
            compressed(MILLIMETRES, '16UC1; compressedDepth rvl'),
            "'16UC1; compressedDepth rvl' is not depth that can be read",
        ),
        (compressed(MILLIMETRES, 'rgb8; png compressed bgr8'), 'accepted are 16UC1, mono16'),
        (changed(GOOD, BYTES[12:]), 'has no PNG behind the 12 bytes'),
        (changed(GOOD, b''), 'of 0 bytes has no PNG'),
        (changed(GOOD, BYTES[:30]), 'of 30 bytes has no PNG'),
        (
            compressed(MILLIMETRES.astype(np.uint8), '16UC1; compressedDepth'),
            'a PNG of 8 bits and colour type 0',
        ),
        (
            compressed(np.zeros((2, 2, 3), np.uint16), '16UC1; compressedDepth'),
            'a PNG of 16 bits and colour type 2',
        ),
        (changed(GOOD, HUGE), 'of 60000x60000 pixels: at most 64 million'),
        (
            compressed(MILLIMETRES, '32FC1; compressedDepth', (float('nan'), 1.0)),
            'has the quantisation nan, 1',
        ),
    ],
)
def test_what_is_no_depth_is_refused_by_its_header(message, complaint):
    with pytest.raises(ImageError, match=complaint):
        received_depth(message)


def test_truncated_and_damaged_data_are_refused_when_they_are_read():
    with pytest.raises(ImageError, match='truncated depth image: the 3x2 PNG'):
        _ = received_depth(changed(GOOD, BYTES[:-20])).values
    other = BYTES[:28] + struct.pack('>II', 4, 2) + BYTES[36:]
    with pytest.raises(ImageError, match='damaged'):
        _ = received_depth(changed(GOOD, other)).values
