# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import struct

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.core.pixel_type import measured_type

from ..tiff_writing import tiff


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('big', [False, True])
@pytest.mark.parametrize('channels', [1, 3, 5])
@pytest.mark.parametrize(
    ('stored', 'sample_format', 'kind'),
    [
        ('i1', 2, 'int8'),
        ('i2', 2, 'int16'),
        ('i4', 2, 'int32'),
        ('f2', 3, 'float16'),
        ('f4', 3, 'float32'),
        ('u4', 1, 'uint32'),
        ('u8', 0, 'uint64'),
        ('c8', 6, 'complex64'),
        ('u1', 0, None),
        ('u2', 1, None),
        ('u2', 4, None),  # undefined
    ],
)
def test_a_tiff_says_the_type_of_its_pixels(stored, sample_format, kind, order, big, channels):
    pixels = np.zeros((4, 6, channels), order + stored)
    assert measured_type(tiff(pixels, big=big, sample_format=sample_format)) == kind


@pytest.mark.parametrize('start', [b'Pf\n', b'PF\n'])
def test_a_portable_float_map_has_floats(start):
    assert measured_type(start + b'64 48\n-1.0\n') == 'float32'


@pytest.mark.parametrize('start', [b'', b'P', b'P5\n', b'\x89PNG\r\n', b'\xff\xd8\xff', b'BM'])
def test_other_formats_are_left_to_their_decoders(start):
    assert measured_type(start) is None
    assert measured_type(start + bytes(64)) is None


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize(('number', 'code'), [(1, 'B3x'), (4, 'I')])
@pytest.mark.parametrize(
    ('stored', 'sample_format', 'kind'),
    [('u2', 1, None), ('u4', 1, 'uint32'), ('i2', 2, 'int16'), ('f4', 3, 'float32')],
)
def test_a_number_of_bits_may_be_of_another_type(stored, sample_format, kind, number, code, order):
    pixels = np.zeros((4, 6), order + stored)
    whole, bits = tiff(pixels, sample_format=sample_format), 8 * pixels.itemsize
    short = struct.pack(f'{order}HHIH2x', 258, 3, 1, bits)
    assert whole.count(short) == 1
    other = struct.pack(f'{order}HHI{code}', 258, number, 1, bits)
    assert measured_type(whole.replace(short, other)) == kind


@pytest.mark.parametrize('big', [False, True])
def test_a_directory_that_is_cut_off_is_left_to_the_decoder(big):
    whole = tiff(np.zeros((4, 6), np.int16), big=big)
    assert measured_type(whole) == 'int16'
    end = 16 if big else 8  # of the last tag's value, and the offset of the next directory
    for length in range(len(whole) - end):
        assert measured_type(whole[:length]) is None


@given(st.sampled_from([b'II*\0', b'MM\0*', b'II+\0', b'MM\0+']), st.binary(max_size=128))
def test_no_header_is_an_error(start, rest):
    assert isinstance(measured_type(start + rest), str | None)
