# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Attention gives the same, whichever kernel computes it and however it is divided."""

import pytest
import torch
import torch.nn.functional as F

from sam_tracker.networks import attention
from sam_tracker.networks.attention import attend, attend_in_blocks


def noise(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Several batches in a block, one batch in several blocks, and both with a remainder.
@pytest.mark.parametrize('shape', [(9, 30, 40), (2, 700, 50), (3, 300, 700), (1, 1, 1)])
def test_division_into_blocks_changes_nothing_but_rounding(shape, monkeypatch):
    monkeypatch.setattr(attention, '_SCORES_AT_ONCE', 1 << 12)
    batch, queries, keys = shape
    q, k = noise(batch, queries, 16, seed=1), noise(batch, keys, 16, seed=2)
    v = noise(batch, keys, 8, seed=3)
    # torch's own kernel takes values of another width only outside its fused path.
    expected = F.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(attend_in_blocks(q, k, v), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('leading', [(2, 3), (5,), ()])
def test_narrow_attention_stays_near_float32(leading):
    q, k, v = (noise(*leading, count, 24, seed=count) for count in (50, 70, 70))
    k[..., 3, :] *= 4  # one key that stands out
    expected = F.scaled_dot_product_attention(q, k, v)
    narrow = attend(q.bfloat16(), k.bfloat16(), v.bfloat16())
    assert narrow.dtype == torch.bfloat16
    assert narrow.shape == expected.shape
    assert (narrow.float() - expected).abs().max() < 0.03 * expected.abs().max()
