# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Ids of objects: 1 to 65535, since an id is also a pixel value of a 16-bit label image."""

from collections.abc import Container

LARGEST_ID = 65535
"""The largest object id; 0 stands for no object."""


def next_object_id(last: int, living: Container[int]) -> int:
    """
    Return the id of a new object: the one after ``last`` that no tracked object has.

    Ids wrap around after LARGEST_ID, so that the id of a removed object is not soon used again.
    """
    candidate = last % LARGEST_ID + 1
    while candidate in living:
        candidate = candidate % LARGEST_ID + 1
    return candidate
