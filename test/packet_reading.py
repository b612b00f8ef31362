# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the messages of a page in Python, as packet.js does in the browser."""

import json
import struct

import numpy as np


def read_packet(packet: bytes) -> tuple[dict, dict[int, np.ndarray], bytes]:
    """Return the header, the masks by object id at the size of the image, and the picture."""
    (size,) = struct.unpack_from('<I', packet)
    header = json.loads(packet[4 : 4 + size])
    offset = 4 + size
    masks = {}
    for track in header['tracks']:
        if 'mask' not in track:
            continue
        place = track['mask']
        runs = np.frombuffer(packet, '<u4', place['runs'], offset)
        offset += 4 * place['runs']
        values = np.arange(len(runs)) % 2 * 255
        crop = np.repeat(values, runs).reshape(place['height'], place['width'])
        mask = np.zeros((header['height'], header['width']), np.uint8)
        rows = slice(place['y'], place['y'] + place['height'])
        mask[rows, place['x'] : place['x'] + place['width']] = crop
        masks[track['id']] = mask
    return header, masks, packet[offset:]
