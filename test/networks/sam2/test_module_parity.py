# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Each part of the network against the same part of Meta's, on the same weights and inputs."""

import pytest
import torch

from sam_tracker.networks.api import Memory
from sam_tracker.networks.masks import memory_mask
from sam_tracker.networks.sam2.layers import as_tokens

ENCODERS = [
    ('test', 128),
    ('test', 160),
    ('test', 224),
    ('tiny', 256),
    ('small', 256),
    ('base_plus', 256),
    ('large', 256),
]
# What follows the encoder is the same in all published sizes.
HEADS = ENCODERS[:4]
TOLERANCE = 2e-5


def case_name(case):
    return f'{case[0]}-{case[1]}'


LARGE = [pytest.param(case, marks=pytest.mark.slow, id=case_name(case)) for case in ENCODERS[5:]]
every_encoder = pytest.mark.parametrize(
    'both', [*ENCODERS[:5], *LARGE], indirect=True, ids=case_name
)
every_head = pytest.mark.parametrize('both', HEADS, indirect=True, ids=case_name)


@pytest.fixture(scope='module')
def both(request, pair):
    return pair(*request.param)


@pytest.fixture(scope='module')
def images(both):
    size = both.ours.configuration.image_size
    return torch.randn(2, 3, size, size, generator=torch.manual_seed(1))


@pytest.fixture(scope='module')
def features(both, images):
    with torch.inference_mode():
        return both.ours.encode_image(images[:1])


def noise(*shape, seed=2):
    return torch.randn(*shape, generator=torch.manual_seed(seed))


@every_encoder
def test_a_batch_of_images_is_encoded_alike(both, images, assert_close):
    features = both.ours.encode_image(images)
    fine, middle, embedding = both.meta.forward_image(images)['backbone_fpn']
    assert_close(features.embedding, embedding, TOLERANCE)
    assert_close(features.high_resolution[0], fine, TOLERANCE)
    assert_close(features.high_resolution[1], middle, TOLERANCE)


@every_head
@pytest.mark.parametrize('memories,pointers', [(1, 1), (7, 16), (2, 0)])
def test_memory_is_attended_to_alike(both, features, memories, pointers, assert_close):
    network, meta = both.ours, both.meta
    configuration = network.configuration
    dimension, channels = configuration.embedding_dimension, configuration.memory_channels
    side, objects = configuration.embedding_size, 2
    spatial = noise(objects, memories, channels, side, side).to(torch.bfloat16)
    slots = torch.stack((torch.arange(memories), torch.arange(memories).flip(0)))
    pointer = noise(objects, pointers, dimension, seed=3)
    distances = torch.arange(2.0 * pointers).view(objects, pointers)
    attended = network.attend_to_memory(
        features.embedding, Memory(spatial.flatten(3).transpose(2, 3), slots, pointer, distances)
    )

    feature = features.embedding.flatten(2).permute(2, 0, 1)
    position = meta.image_encoder.neck.position_encoding(features.embedding)
    memory_position = meta.memory_encoder.position_encoding(spatial[0, :1].float())
    for number in range(objects):
        remembered = [
            (memory, memory_position + meta.maskmem_tpos_enc[slot].view(1, -1, 1, 1))
            for memory, slot in zip(spatial[number], slots[number], strict=True)
        ]
        expected = meta_attention(
            meta, feature, position, remembered, pointer[number], distances[number]
        )
        expected = expected.permute(1, 2, 0).view(-1, side, side)
        assert_close(attended[number], expected, TOLERANCE)


def meta_attention(meta, feature, position, remembered, pointers, distances):
    """Call Meta's memory attention as its ``_prepare_memory_conditioned_features`` does."""
    from sam2.modeling.sam2_utils import get_1d_sine_pe

    tokens = [memory.float().flatten(1).T[:, None] for memory, _ in remembered]
    positions = [position[0].flatten(1).T[:, None] for _, position in remembered]
    pieces = meta.hidden_dim // meta.mem_dim
    if len(pointers):
        tokens.append(pointers.view(-1, pieces, meta.mem_dim).flatten(0, 1)[:, None])
        encoded = meta.obj_ptr_tpos_proj(get_1d_sine_pe(distances / 15, dim=meta.hidden_dim))
        positions.append(encoded.repeat_interleave(pieces, dim=0)[:, None])
    return meta.memory_attention(
        curr=[feature],
        curr_pos=[position.flatten(2).permute(2, 0, 1)],
        memory=torch.cat(tokens),
        memory_pos=torch.cat(positions),
        num_obj_ptr_tokens=pieces * len(pointers),
    )


LABELS = {
    'nothing': [[]],
    'a click': [[1]],
    'a click off the object': [[0]],
    'a box': [[2, 3]],
    'a box and clicks': [[2, 3, 1, 0]],
    'rows of unequal length': [[1, -1, -1], [2, 3, 0]],
}


@every_head
@pytest.mark.parametrize('labels', LABELS.values(), ids=LABELS.keys())
@pytest.mark.parametrize('mask', [False, True], ids=['', 'and a mask'])
@pytest.mark.parametrize('several', [False, True], ids=['one', 'several'])
def test_prompts_are_answered_alike(both, features, labels, mask, several, assert_close):
    network, meta = both.ours, both.meta
    side, size = network.configuration.embedding_size, network.configuration.image_size
    labels = torch.tensor(labels, dtype=torch.int32)
    points = size * torch.rand(*labels.shape, 2, generator=torch.manual_seed(4))
    mask_logits = 5 * noise(len(labels), 1, 4 * side, 4 * side) if mask else None
    conditioned = network.without_memory(features.embedding)
    candidates = network.decode(
        features, conditioned, network.encode_prompts(points, labels, mask_logits), several
    )

    for number in range(len(labels)):
        row = slice(number, number + 1)
        given = None if mask_logits is None else mask_logits[row]
        prompt = {'point_coords': points[row], 'point_labels': labels[row]}
        if not labels.shape[1]:
            prompt = None
        answers = []
        handle = meta.sam_mask_decoder.register_forward_hook(
            lambda _module, _arguments, answer, answers=answers: answers.append(answer)
        )
        _, _, _, _, _, pointer, _ = meta._forward_sam_heads(
            backbone_features=conditioned,
            point_inputs=prompt,
            mask_inputs=given,
            high_res_features=list(features.high_resolution),
            multimask_output=several,
        )
        handle.remove()
        masks, iou, tokens, object_logit = answers[0]
        assert_close(candidates.mask_logits[row], masks, TOLERANCE)
        assert_close(candidates.predicted_iou[row], iou, TOLERANCE)
        assert_close(candidates.tokens[row], tokens, TOLERANCE)
        # One number that may be near zero: its own size is no measure of rounding.
        assert abs(candidates.object_logit[row] - object_logit[:, 0]) < 1e-5
        best = int(iou.argmax())
        assert_close(
            network.object_pointer(candidates.tokens[row, best], candidates.object_logit[row] > 0),
            pointer,
            TOLERANCE,
        )


@every_head
@pytest.mark.parametrize('binary', [False, True])
def test_a_memory_is_encoded_alike(both, features, binary, assert_close):
    size = both.ours.configuration.image_size
    logits = 5 * noise(3, 1, size, size)
    object_logit = torch.tensor([3.0, 0.0, -3.0])
    memory = both.ours.encode_memory(
        features.embedding, memory_mask(logits, binary=binary), object_logit
    )
    feature = features.embedding.flatten(2).permute(2, 0, 1)
    for number in range(3):
        expected, _ = both.meta._encode_new_memory(
            [feature],
            [features.embedding.shape[-2:]],
            logits[number, None],
            object_logit[number, None, None],
            is_mask_from_pts=binary,
        )
        assert_close(memory[number, None], as_tokens(expected), TOLERANCE)
