# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Random weights that any environment can reproduce from names and shapes alone.

Reference networks that cannot be installed beside this package are run elsewhere, and only their
results are stored; the tests make the same weights with this file. It needs NumPy alone.
"""

from collections.abc import Mapping, Sequence
import zlib

import numpy as np
from numpy.typing import NDArray

_TABLES = (
    'embed',
    'latents',
    'no_obj',
    'tpos_enc',
    'no_mem_pos_enc',
    'token.weight',
    'tokens.weight',
)


def seeded_weights(
    shapes: Mapping[str, Sequence[int]], seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    """
    Return an array for each name, so that every parameter changes what a network answers.

    What is initialised to zeros or ones gets noise too. A name's values depend on nothing but its
    own name, shape and the seed; NumPy keeps the numbers of ``RandomState`` for ever.
    """
    return {
        name: _values(name, tuple(shape), seed)
        for name, shape in shapes.items()
        if not name.endswith('num_batches_tracked')
    }


def _values(name: str, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    random = np.random.RandomState(zlib.crc32(f'{seed} {name}'.encode()))
    noise = random.standard_normal(shape)
    if name.endswith('running_var'):
        values = np.exp(0.3 * noise)
    elif name.endswith('bn.weight'):
        # Small, or the branches of many blocks would add up without a bound.
        values = 0.3 + 0.1 * noise
    elif name.endswith(('bias', 'running_mean')):
        values = 0.1 * noise
    elif 'gaussian_matrix' in name:
        values = noise
    elif len(shape) == 1:
        values = 1 + 0.2 * noise
    elif 'rel_pos' in name or any(table in name for table in _TABLES):
        values = 0.4 * noise
    else:
        values = noise / np.sqrt(np.prod(shape[1:]))
        if name.endswith('pred_obj_score_head.layers.2.weight'):
            # Scores of presence are to differ by more than a little.
            values *= 10
    return values.astype(np.float32)
