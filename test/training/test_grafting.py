# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A network with another trunk sees what the earlier one saw, as far as its features tell."""

import pytest
import torch

from sam_tracker.networks.mobile.family import mobile_configuration
from sam_tracker.networks.mobile.network import MobileNetwork
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.training.grafting import fit, graft


def test_a_map_that_is_linear_is_found():
    torch.manual_seed(0)
    features = torch.randn(400, 5) * torch.tensor([1.0, 2.0, 3.0, 1.0, 1.0]) + 1
    matrix, offset = torch.randn(3, 5), torch.randn(3)
    found, found_offset = fit(features, features @ matrix.T + offset)
    torch.testing.assert_close(found, matrix, rtol=0.02, atol=0.02)
    torch.testing.assert_close(found_offset, offset, rtol=0.05, atol=0.05)


def test_noise_does_not_make_the_prediction_smaller_than_what_it_predicts():
    torch.manual_seed(0)
    features = torch.randn(2000, 4)
    wanted = features[:, :1] + torch.randn(2000, 1)
    matrix, offset = fit(features, wanted)
    assert (features @ matrix.T + offset).std() == pytest.approx(float(wanted.std()), rel=0.02)


def test_a_grafted_network_keeps_all_else_and_imitates_the_embedding():
    torch.manual_seed(0)
    old = Sam2Network(configuration_named('nano', 128)).eval()
    new = MobileNetwork(mobile_configuration(128)).eval()
    blotches = torch.randn(24, 3, 8, 8)
    images = torch.nn.functional.interpolate(blotches, 128, mode='bicubic')
    trunk = {name: value.clone() for name, value in new.image_encoder.trunk.state_dict().items()}

    def error():
        with torch.inference_mode():
            wanted = old.encode_image(images).embedding
            return float((new.encode_image(images).embedding - wanted).std() / wanted.std())

    before = error()
    graft(old, new, images)
    assert error() < 0.8 * min(before, 1.4)
    for name, value in old.sam_mask_decoder.state_dict().items():
        assert torch.equal(value, new.sam_mask_decoder.state_dict()[name])
    for name, value in trunk.items():
        assert torch.equal(value, new.image_encoder.trunk.state_dict()[name])
