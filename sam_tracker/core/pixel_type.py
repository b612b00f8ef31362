# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The type of an image file's pixels, by its header: some decoders convert them without notice."""

import struct

BYTE_ORDERS = {b'II': '<', b'MM': '>'}
BITS_PER_SAMPLE, SAMPLE_FORMAT = 258, 339
"""Tags of TIFF 6.0."""
TYPES = {1: 'B', 3: 'H', 4: 'I'}
"""Types of their values, as ``struct`` names them: SHORT, and two more that libtiff reads."""
SAMPLE_FORMATS = {2: 'int', 3: 'float', 5: 'complex int', 6: 'complex'}
"""Values of SampleFormat but for unsigned integers and undefined data (TIFF 6.0, section 19)."""
MOST_TAGS = 4096
"""Tags of a directory at most; libtiff reads no larger one either."""


def measured_type(data: bytes | memoryview) -> str | None:
    """
    Return the type of pixels that are measurements and no picture: signed, or of over 16 bits.

    Known are TIFF, BigTIFF and PFM, the formats that store them and that OpenCV decodes to other
    types in some versions: 4.5 returns signed integers as unsigned ones.

    :param data: of the file.
    :returns: as NumPy names it, such as ``int16``; None: unsigned integers of up to 16 bits,
        another format, or a header that ends too early.
    """
    start = bytes(data[:3])
    if start[:2] in {b'Pf', b'PF'} and start[2:].isspace():
        return 'float32'
    if start[:2] not in BYTE_ORDERS:
        return None
    try:
        tags = _tags(data, BYTE_ORDERS[start[:2]])
    except (struct.error, OverflowError):
        return None
    bits = tags.get(BITS_PER_SAMPLE, 1)
    kind = SAMPLE_FORMATS.get(tags.get(SAMPLE_FORMAT, 1), 'uint')
    return None if kind == 'uint' and bits <= 16 else f'{kind}{bits}'


def _tags(data: bytes | memoryview, order: str) -> dict[int, int]:
    """
    Read the two tags of a TIFF's first directory; of a tag with many values, the first.

    :raises struct.error: the data end before.
    :raises OverflowError: an offset exceeds the memory of this machine.
    """
    (version,) = struct.unpack_from(f'{order}H', data, 2)
    big = version == 43
    pointer, length = ('Q', 'Q') if big else ('I', 'H')
    (offset,) = struct.unpack_from(order + pointer, data, 8 if big else 4)
    (count,) = struct.unpack_from(order + length, data, offset)
    entry = struct.Struct(f'{order}HH{pointer}')
    width = struct.calcsize(f'{order}{pointer}')
    offset += struct.calcsize(f'{order}{length}')
    tags = {}
    for _ in range(min(count, MOST_TAGS)):
        tag, kind, values = entry.unpack_from(data, offset)
        if tag in {BITS_PER_SAMPLE, SAMPLE_FORMAT} and kind in TYPES:
            value = order + TYPES[kind]
            place = offset + entry.size
            if values * struct.calcsize(value) > width:  # they are elsewhere
                (place,) = struct.unpack_from(order + pointer, data, place)
            (tags[tag],) = struct.unpack_from(value, data, place)
        offset += entry.size + width
    return tags
