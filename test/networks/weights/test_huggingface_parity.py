# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Networks of transformers with random weights, saved, loaded here, and asked the same."""

import pytest
import torch

from sam_tracker.networks.sam1.configuration import Sam1Configuration
from sam_tracker.networks.sam1.network import Sam1Network
from sam_tracker.networks.weights.huggingface_names import from_huggingface
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.networks.weights.state_dict_file import read_checkpoint

PROMPTS = {
    'a click': ([[30.0, 40.0]], [1]),
    'clicks': ([[30.0, 40.0], [90.0, 20.0]], [1, 0]),
}


def noised(network):
    """Give everything a value of its own: much is initialised to zeros."""
    generator = torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


def asked(network, images, points, labels):
    """Ask a network of ours as the reference is asked."""
    features = network.encode_image(images)
    return network.decode(
        features,
        network.without_memory(features.embedding),
        network.encode_prompts(torch.tensor([points]), torch.tensor([labels])),
        several=True,
    )


@pytest.fixture(scope='module')
def sam(transformers, tmp_path_factory):
    with torch.inference_mode(False):
        vision = transformers.SamVisionConfig(
            hidden_size=48,
            num_hidden_layers=3,
            num_attention_heads=4,
            mlp_dim=192,
            image_size=128,
            window_size=5,
            global_attn_indexes=[1],
        )
        prompts = transformers.SamPromptEncoderConfig(image_size=128)
        config = transformers.SamConfig(
            vision_config=vision,
            prompt_encoder_config=prompts,
            # Meta's, where the default of transformers is 1e-6.
            mask_decoder_config=transformers.SamMaskDecoderConfig(layer_norm_eps=1e-5),
        )
        reference = noised(transformers.SamModel(config))
        # The table is stored once, and used by both encoders.
        reference.prompt_encoder.shared_embedding = reference.shared_image_embedding
        network = Sam1Network(
            Sam1Configuration(
                name='small',
                width=48,
                heads=4,
                blocks=3,
                global_blocks=(1,),
                window=5,
                image_size=128,
                position_grid=8,
            )
        ).eval()
        network.load_state_dict(from_huggingface(reference.state_dict()), strict=True)
    return reference, network


@pytest.mark.parametrize('points,labels', PROMPTS.values(), ids=PROMPTS)
def test_sam_answers_as_that_of_transformers(sam, points, labels, assert_close):
    reference, network = sam
    images = torch.randn(1, 3, 128, 128, generator=torch.manual_seed(2))
    expected = reference(
        pixel_values=images,
        input_points=torch.tensor([[points]]),
        input_labels=torch.tensor([[labels]]),
        multimask_output=True,
    )
    candidates = asked(network, images, points, labels)
    assert_close(candidates.mask_logits, expected.pred_masks[0])
    assert_close(candidates.predicted_iou, expected.iou_scores[0])


@pytest.fixture(scope='module')
def tiny(transformers, tmp_path_factory):
    with torch.inference_mode(False):
        vision = transformers.Sam2VisionConfig(
            backbone_config=transformers.Sam2HieraDetConfig(image_size=[256, 256]),
            backbone_feature_sizes=[[64, 64], [32, 32], [16, 16]],
        )
        config = transformers.Sam2VideoConfig(vision_config=vision, image_size=256)
        config.prompt_encoder_config.image_size = 256
        reference = noised(transformers.Sam2VideoModel(config))
        # The table is stored twice, and the same in published weights; transformers 5 draws two.
        table = reference.shared_image_embedding.positional_embedding
        reference.prompt_encoder.shared_embedding.positional_embedding.copy_(table)
        folder = tmp_path_factory.mktemp('saved') / 'sam2.1-hiera-tiny'
        reference.save_pretrained(folder)
        reference = transformers.Sam2VideoModel.from_pretrained(folder).eval()
    return reference, folder


@pytest.mark.parametrize('points,labels', PROMPTS.values(), ids=PROMPTS)
def test_sam_2_1_answers_as_that_of_transformers(tiny, points, labels, assert_close):
    reference, folder = tiny
    network = load_network(folder, 256)
    assert network.name == 'tiny'
    images = torch.randn(1, 3, 256, 256, generator=torch.manual_seed(3))
    expected = reference._single_frame_forward(
        pixel_values=images,
        input_points=torch.tensor([[points]]),
        input_labels=torch.tensor([[labels]]),
        multimask_output=True,
    )
    candidates = asked(network, images, points, labels)
    # It answers with the best candidate, and with its pointer.
    best = int(candidates.predicted_iou.argmax())
    present = candidates.object_logit > 0
    assert_close(candidates.object_logit, expected.object_score_logits.flatten())
    logits = candidates.mask_logits[:, best].where(present, -1024.0)
    assert_close(logits, expected.pred_masks.flatten(0, -3))
    pointer = network.object_pointer(candidates.tokens[:, best], present)
    assert_close(pointer, expected.object_pointer.flatten(0, -2))


def test_how_a_conversion_was_read_is_told(tiny):
    reading = read_checkpoint(tiny[1] / 'model.safetensors').reading
    assert reading == 'a safetensors file, from the names of Hugging Face'
