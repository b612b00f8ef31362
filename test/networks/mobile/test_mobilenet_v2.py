# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 as a trunk, against the same network with its batch norms, built plainly."""

import pytest
import torch
from torch import nn

from sam_tracker.networks.mobile.mobilenet_v2 import MobileNetV2, folded
from sam_tracker.networks.registry import build_network, recognise

# Expansion, channels, blocks and first stride of each row of table 2 of the paper.
TABLE = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip


def normed(channels, out_channels, kernel, stride=1, groups=1, activated=True):
    convolution = nn.Conv2d(
        channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
    )
    layers = [convolution, nn.BatchNorm2d(out_channels)]
    return [*layers, nn.ReLU6()] if activated else layers


class PublishedBlock(nn.Module):
    def __init__(self, channels, out_channels, expansion, stride):
        super().__init__()
        hidden = channels * expansion
        layers = normed(channels, hidden, 1) if expansion > 1 else []
        layers += normed(hidden, hidden, 3, stride, groups=hidden)
        layers += normed(hidden, out_channels, 1, activated=False)
        self.conv = nn.Sequential(*layers)
        self.adds = stride == 1 and channels == out_channels

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class Published(nn.Module):
    """The layout in which its weights are published."""

    def __init__(self):
        super().__init__()
        blocks, channels = [nn.Sequential(*normed(3, 32, 3, 2))], 32
        for expansion, out_channels, count, stride in TABLE:
            for step in range(count):
                first = stride if step == 0 else 1
                blocks.append(PublishedBlock(channels, out_channels, expansion, first))
                channels = out_channels
        blocks.append(nn.Sequential(*normed(320, 1280, 1)))
        self.features = nn.Sequential(*blocks)


@pytest.fixture(scope='module')
def published():
    torch.manual_seed(0)
    network = Published()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


def test_the_stages_end_at_strides_4_to_32():
    stages = MobileNetV2()(torch.zeros(2, 3, 128, 128))
    assert [list(stage.shape) for stage in stages] == [
        [2, 32, 32, 24], [2, 16, 16, 32], [2, 8, 8, 96], [2, 4, 4, 320],
    ]  # fmt: skip


def test_folding_changes_no_feature(published):
    trunk = MobileNetV2().eval()
    trunk.load_state_dict(folded(published.state_dict()))
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        stages = trunk(images)
        x = images
        for number, block in enumerate(published.features):
            x = block(x)
            if number in (3, 6, 13, 17):
                torch.testing.assert_close(
                    stages.pop(0), x.permute(0, 2, 3, 1), rtol=1e-4, atol=1e-4
                )
    assert not stages


def test_folding_a_file_that_lacks_a_layer_is_an_error(published):
    state = published.state_dict()
    del state['features.9.conv.3.weight']
    with pytest.raises(KeyError, match=r'features\.9\.conv\.3\.weight'):
        folded(state)


def test_a_network_with_this_trunk_answers_at_every_size():
    for size in (128, 224):
        network = build_network('mobile', size).eval()
        with torch.inference_mode():
            features = network.encode_image(torch.zeros(1, 3, size, size))
        assert features.embedding.shape == (1, 96, size // 16, size // 16)
        assert features.high_resolution[0].shape == (1, 12, size // 4, size // 4)
        assert features.high_resolution[1].shape == (1, 24, size // 8, size // 8)


def test_its_weights_are_recognised_among_those_of_all_networks():
    assert recognise(build_network('mobile').state_dict()) == 'mobile'
    assert recognise(build_network('nano').state_dict()) == 'nano'
