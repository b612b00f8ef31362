# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The places where a network that looks like SAM 2 is not SAM 2.

Each is small and easily got wrong, and most change the result by so little that only a comparison
of numbers finds them.
"""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from sam_tracker.networks.api import Memory
from sam_tracker.networks.masks import mask_as_logits, memory_mask, resize_logits
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.layers import as_tokens
from sam_tracker.networks.sam2.mask_decoder import stable_mask
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.sam2.position_encoding import (
    axial_rotation,
    sine_distance,
    sine_position,
)

from ..plain_loop import pointer_of_mask

PUBLISHED = ('tiny', 'small', 'base_plus', 'large')


@pytest.fixture(scope='module')
def both(pair):
    return pair('test', 160)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.manual_seed(seed))


# The image encoder


@pytest.mark.parametrize('name', PUBLISHED)
def test_the_first_block_of_a_stage_keeps_the_windows_of_the_stage_before(name):
    hieradet = pytest.importorskip('sam2.modeling.backbones.hieradet')
    size = configuration_named(name)
    with torch.device('meta'):
        ours = Sam2Network(size).image_encoder.trunk
    meta = hieradet.Hiera(
        embed_dim=2,
        num_heads=1,
        stages=size.hiera_blocks,
        global_att_blocks=size.hiera_global_blocks,
        window_spec=size.hiera_windows,
    )
    assert [block.attn.window for block in ours.blocks] == [
        block.window_size for block in meta.blocks
    ]


@pytest.mark.parametrize('block', [0, 1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize('side', [4, 6, 10])
def test_windows_over_the_edge_hold_tokens_that_are_attended_to(both, block, side, assert_close):
    ours = both.ours.image_encoder.trunk.blocks[block]
    meta = both.meta.image_encoder.trunk.blocks[block]
    x = noise(2, side, side, meta.dim)
    assert_close(ours(x), meta(x), 1e-5)


def test_every_norm_has_the_epsilon_it_was_trained_with(both):
    ours, meta = (
        {name: part.eps for name, part in network.named_modules() if hasattr(part, 'eps')}
        for network in (both.ours, both.meta)
    )
    assert ours == meta
    assert set(ours.values()) == {1e-5, 1e-6}


@pytest.mark.parametrize('size', [128, 160, 512])
def test_the_position_embedding_is_bicubic_and_the_window_embedding_tiled(
    pair, size, assert_close
):
    ours, meta = (network.image_encoder.trunk for network in vars(pair('test', size)).values())
    assert_close(ours.position()[None], meta._get_pos_embed((size // 4, size // 4)), 1e-5)


def test_only_stride_16_hears_from_the_level_above_and_from_its_nearest_token(both, assert_close):
    neck, decoder = both.ours.image_encoder.neck, both.meta.sam_mask_decoder
    stages = [noise(1, 40 >> n, 40 >> n, 16 << n, seed=n) for n in range(4)]
    levels, _ = both.meta.image_encoder.neck([stage.permute(0, 3, 1, 2) for stage in stages])
    assert_close(neck(stages[2], stages[3]), levels[2], 1e-5)
    for level, then in enumerate((decoder.conv_s0, decoder.conv_s1)):
        projected = F.linear(stages[level], *neck.lateral(level, then)).permute(0, 3, 1, 2)
        assert_close(projected, then(levels[level]), 1e-5)


# Positions


@pytest.mark.parametrize('side,channels', [(8, 64), (10, 256), (64, 256)])
def test_positions_are_encoded_alike(side, channels, assert_close):
    theirs = pytest.importorskip('sam2.modeling.position_encoding')
    grid = torch.zeros(1, channels, side, side)
    expected = theirs.PositionEmbeddingSine(channels)(grid)[0].flatten(1).T
    assert_close(sine_position(side, channels), expected, 1e-5)
    expected = torch.view_as_real(theirs.compute_axial_cis(channels, side, side))
    assert_close(axial_rotation(side, channels), expected, 1e-5)


def test_distances_in_time_are_sines_first_then_cosines(assert_close):
    utilities = pytest.importorskip('sam2.modeling.sam2_utils')
    distances = torch.tensor([0.0, 1.0, 15.0, 400.0]) / 15
    expected = utilities.get_1d_sine_pe(distances, dim=64)
    assert_close(sine_distance(distances, 64), expected, 1e-6)


def test_the_grid_of_the_image_is_encoded_at_the_centres_of_its_cells(both, assert_close):
    expected = both.meta.sam_prompt_encoder.get_dense_pe()[0].flatten(1).T
    assert_close(both.ours.sam_prompt_encoder.grid_position(), expected, 1e-5)


# Prompts


def test_a_row_without_points_has_two_fillings_and_any_other_one(both, assert_close):
    def ours(points, labels):
        return both.ours.encode_prompts(points, labels).sparse

    def meta(points, labels):
        return both.meta.sam_prompt_encoder((points, labels), boxes=None, masks=None)[0]

    nothing = ours(torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64))
    # Where there is no point, SAM 2 passes one that is none, and its encoder adds another.
    assert_close(nothing, meta(torch.zeros(1, 1, 2), -torch.ones(1, 1)), 1e-6)
    assert nothing.shape[1] == 2
    points, labels = 160 * torch.rand(1, 3, 2), torch.tensor([[2, 3, 1]])
    assert_close(ours(points, labels), meta(points, labels), 1e-5)
    assert ours(points, labels).shape[1] == 4


def test_no_point_is_encoded_as_nothing_but_that(both):
    points = torch.tensor([[[12.0, 34.0], [56.0, 78.0]]])
    encoded = both.ours.encode_prompts(points, torch.tensor([[-1, -1]])).sparse
    assert torch.equal(encoded[0, 0], encoded[0, 1])
    assert torch.equal(encoded[0, 0], encoded[0, 2])


# Memory


def test_without_a_past_one_embedding_is_added_and_nothing_is_attended_to(both, assert_close):
    embedding = noise(1, 64, 10, 10)
    flat = embedding.flatten(2).permute(2, 0, 1)
    expected = both.meta._prepare_memory_conditioned_features(
        0, True, [flat], [flat], [(10, 10)], {}, 16
    )
    assert_close(both.ours.without_memory(embedding), expected, 1e-6)


def memory_of(objects, memories, pointers):
    return Memory(
        tokens=noise(objects, memories, 100, 32),
        positions=torch.arange(memories).flip(0).repeat(objects, 1),
        pointers=noise(objects, pointers, 64, seed=1),
        pointer_distances=torch.arange(1.0, 1 + pointers).repeat(objects, 1),
    )


@pytest.mark.parametrize('last', [False, True])
def test_pointers_lie_nowhere_and_memories_lie_somewhere(both, last):
    network, embedding, memory = both.ours, noise(1, 64, 10, 10), memory_of(2, 2, 5)
    network.memory_attention.project_values_last(last)
    attended = network.attend_to_memory(embedding, memory)
    mixed = replace(
        memory,
        pointers=memory.pointers.flip(1),
        pointer_distances=memory.pointer_distances.flip(1),
    )
    torch.testing.assert_close(
        network.attend_to_memory(embedding, mixed), attended, rtol=1e-4, atol=1e-5
    )
    moved = replace(memory, tokens=memory.tokens.roll(3, dims=2))
    assert (network.attend_to_memory(embedding, moved) - attended).abs().max() > 0.01
    network.memory_attention.project_values_last(False)


def test_the_order_of_projection_changes_nothing_but_rounding(both, assert_close):
    network, embedding, memory = both.ours, noise(1, 64, 10, 10), memory_of(3, 3, 4)
    first = network.attend_to_memory(embedding, memory)
    network.memory_attention.project_values_last(True)
    last = network.attend_to_memory(embedding, memory)
    network.memory_attention.project_values_last(False)
    assert not torch.equal(first, last)
    assert_close(last, first, 1e-5)


def test_memories_of_bfloat16_do_not_narrow_the_pointers(both):
    network, embedding, memory = both.ours, noise(1, 64, 10, 10), memory_of(1, 3, 4)
    rounded = replace(memory, tokens=memory.tokens.to(torch.bfloat16))
    widened = replace(memory, tokens=rounded.tokens.float())
    for last in (True, False):
        network.memory_attention.project_values_last(last)
        attended = network.attend_to_memory(embedding, rounded)
        assert attended.dtype == torch.float32
        assert torch.equal(attended, network.attend_to_memory(embedding, widened))


@pytest.mark.parametrize('object_logit', [-2.0, -0.5, 0.0, 0.5])
def test_a_memory_is_marked_as_absence_up_to_and_at_zero(both, object_logit, assert_close):
    embedding, logits = noise(1, 64, 10, 10), noise(1, 1, 160, 160, seed=1)
    expected, _ = both.meta._encode_new_memory(
        [embedding.flatten(2).permute(2, 0, 1)],
        [(10, 10)],
        logits,
        torch.tensor([[object_logit]]),
        is_mask_from_pts=False,
    )
    memory = both.ours.encode_memory(
        embedding, memory_mask(logits, binary=False), torch.tensor([object_logit])
    )
    assert_close(memory, as_tokens(expected), 1e-5)


def test_a_logit_of_zero_is_not_the_object():
    logits = torch.tensor([-1.0, 0.0, 1e-6, 1.0])
    assert memory_mask(logits, binary=True).tolist() == [-10, -10, 10, 10]
    assert memory_mask(logits, binary=False)[1] == 0


# Masks


LOGITS = {
    'stable': [5.0] * 50 + [-5.0] * 50,
    'at the threshold': [5.0] * 49 + [0.0] * 1 + [-5.0] * 50,
    'below the threshold': [5.0] * 48 + [0.0] * 2 + [-5.0] * 50,
    'at the threshold of another size': [5.0] * 98 + [0.0] * 2,
    'on the margins': [0.05] * 50 + [-0.05] * 50,
    'empty': [-5.0] * 100,
    'hardly there': [0.0] * 100,
}


@pytest.mark.parametrize('single', LOGITS.values(), ids=LOGITS.keys())
def test_an_unstable_single_mask_gives_way_to_the_best_of_three(both, single):
    masks = noise(2, 4, 10, 10)
    masks[0, 0] = torch.tensor(single).view(10, 10)
    iou = torch.tensor([[0.9, 0.2, 0.5, 0.3], [0.1, 0.6, 0.2, 0.6]])
    for ours, expected in zip(
        stable_mask(masks, iou),
        both.meta.sam_mask_decoder._dynamic_multimask_via_stability(masks, iou),
        strict=True,
    ):
        assert torch.equal(ours, expected)


def test_the_pointer_of_an_unstable_mask_is_still_that_of_the_single_token(both, assert_close):
    network = both.ours
    features = network.encode_image(noise(1, 3, 160, 160))
    prompts = network.encode_prompts(torch.rand(1, 2, 2) * 160, torch.tensor([[2, 3]]))
    conditioned = network.without_memory(features.embedding)
    plain = Sam2Network(replace(network.configuration, stability_fallback=False)).eval()
    plain.load_state_dict(network.state_dict())
    replaced = network.decode(features, conditioned, prompts, several=False)
    single = plain.decode(features, conditioned, prompts, several=False)
    several = network.decode(features, conditioned, prompts, several=True)
    # Random weights give masks of no stability at all.
    best = several.predicted_iou.argmax()
    assert_close(replaced.mask_logits[:, 0], several.mask_logits[:, best], 1e-5)
    assert torch.equal(replaced.predicted_iou[:, 0], several.predicted_iou[:, best])
    assert not torch.equal(replaced.mask_logits, single.mask_logits)
    assert torch.equal(replaced.tokens, single.tokens)


@pytest.mark.parametrize('shift', [-100.0, 0.0, 100.0], ids=['absent', 'as is', 'present'])
@pytest.mark.parametrize('empty', [False, True], ids=['', 'empty'])
def test_a_given_mask_is_the_answer_and_its_pointer_has_seen_no_memory(
    both, shift, empty, assert_close
):
    network, meta = both.ours, both.meta
    mask = torch.zeros(1, 1, 160, 160)
    if not empty:
        mask[..., 33:97, 51:142] = 1
    features = network.encode_image(noise(1, 3, 160, 160))
    bias = network.sam_mask_decoder.pred_obj_score_head.layers[2].bias
    kept = bias.clone()
    try:
        bias += shift
        small, full, _, _, _, pointer, _ = meta._use_mask_as_output(
            features.embedding, list(features.high_resolution), mask
        )
        assert_close(pointer_of_mask(network, features, mask), pointer, 1e-5)
    finally:
        bias.copy_(kept)
    ours = mask_as_logits(mask)
    assert torch.equal(ours[0], full)
    assert torch.equal(ours[1], small)


def test_logits_are_resized_between_the_centres_of_pixels():
    logits = noise(2, 3, 32, 32)
    expected = torch.nn.functional.interpolate(
        logits, size=(96, 72), mode='bilinear', align_corners=False
    )
    assert torch.equal(resize_logits(logits, 96, 72), expected)
    # The outermost pixels are repeated, not stretched to the corners.
    assert torch.equal(resize_logits(logits, 64, 64)[..., 0, 0], logits[..., 0, 0])
