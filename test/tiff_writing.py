# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""TIFF files of any type of pixels, which OpenCV and Pillow write in some versions only."""

import struct

SHORT, LONG = 3, 4
SAMPLE_FORMATS = {'u': 1, 'i': 2, 'f': 3, 'c': 6}
"""From the kinds of NumPy's types (TIFF 6.0, section 19)."""


def tiff(pixels, *, big=False, sample_format=None):
    """
    Return an uncompressed TIFF, or BigTIFF, of one strip.

    :param pixels: [H, W] or [H, W, C], in the byte order of the file.
    :param sample_format: instead of that of the pixels; 0: left out.
    """
    order = '>' if pixels.dtype.str.startswith('>') else '<'
    height, width, *rest = pixels.shape
    channels = rest[0] if rest else 1
    place, pointer, length = (8, 'Q', 'Q') if big else (4, 'I', 'H')
    data = pixels.tobytes()
    start = (b'II' if order == '<' else b'MM') + struct.pack(f'{order}H', 43 if big else 42)
    if big:
        start += struct.pack(f'{order}HH', 8, 0)
    begin = len(start) + place
    start += struct.pack(order + pointer, begin + len(data)) + data
    tags = [
        (256, LONG, [width]),
        (257, LONG, [height]),
        (258, SHORT, [8 * pixels.itemsize] * channels),
        (259, SHORT, [1]),  # not compressed
        (262, SHORT, [2 if channels > 1 else 1]),
        (273, LONG, [begin]),
        (277, SHORT, [channels]),
        (278, LONG, [height]),
        (279, LONG, [len(data)]),
    ]
    if sample_format is None:
        sample_format = SAMPLE_FORMATS[pixels.dtype.kind]
    if sample_format:
        tags.append((339, SHORT, [sample_format] * channels))
    directory = struct.pack(order + length, len(tags))
    behind = len(start) + len(directory) + len(tags) * (4 + 2 * place) + place
    values_behind = b''
    for tag, kind, values in tags:
        packed = struct.pack(f'{order}{len(values)}{"H" if kind == SHORT else "I"}', *values)
        directory += struct.pack(f'{order}HH{pointer}', tag, kind, len(values))
        if len(packed) > place:
            directory += struct.pack(order + pointer, behind + len(values_behind))
            values_behind += packed
        else:
            directory += packed.ljust(place, b'\0')
    return start + directory + bytes(place) + values_behind
