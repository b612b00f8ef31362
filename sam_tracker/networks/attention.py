# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Scaled dot-product attention, by the kernel that is fastest where it runs."""

import torch
from torch import Tensor
import torch.nn.functional as F

_SCORES_AT_ONCE = 1 << 19
"""Scores of queries and keys that are computed at once; they then fit a CPU's cache."""
_LEAST_ROWS = 256
"""Queries of a block at least; fewer would read long rows of keys too often."""


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """
    Attend from queries to keys, without a mask.

    torch's fused kernel for CPUs computes bfloat16 no faster than float32; there two batched
    products and a softmax take half its time.

    :param queries: [..., N, C].
    :param keys: [..., M, C].
    :param values: [..., M, C].
    :returns: [..., N, C].
    """
    if queries.device.type != 'cpu' or queries.dtype == torch.float32:
        return F.scaled_dot_product_attention(queries, keys, values)
    flat = [x.reshape(-1, *x.shape[-2:]) for x in (queries, keys, values)]
    attended = attend_in_blocks(*flat)
    return attended.view(*queries.shape[:-1], -1)


def attend_in_blocks(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """
    Attend in blocks of scores that fit a CPU's cache; values may have a width of their own.

    :param queries: [B, N, C].
    :param keys: [B, M, C].
    :param values: [B, M, C'].
    :returns: [B, N, C'].
    """
    if torch.compiler.is_compiling():
        return _one_operator(queries, keys, values)
    return _in_blocks(queries, keys, values)


def _in_blocks(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    count, length = queries.shape[1], keys.shape[1]
    rows = max(_SCORES_AT_ONCE // length, _LEAST_ROWS)
    together = max(_SCORES_AT_ONCE // (min(rows, count) * length), 1)
    scaled = queries * queries.shape[-1] ** -0.5
    parts = []
    for query, key, value in zip(
        scaled.split(together), keys.split(together), values.split(together), strict=True
    ):
        blocks = [
            torch.bmm(torch.bmm(block, key.transpose(1, 2)).softmax(dim=-1), value)
            for block in query.split(rows, dim=1)
        ]
        parts.append(blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=1))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


# torch.compile would compile the caller again for each number of blocks, while it tracks.
_one_operator = torch.library.custom_op(
    'sam_tracker::attend_in_blocks', _in_blocks, mutates_args=()
)


@_one_operator.register_fake
def _(queries: Tensor, _keys: Tensor, values: Tensor) -> Tensor:
    return queries.new_empty((*queries.shape[:-1], values.shape[-1]))
