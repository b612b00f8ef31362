# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Start weights for another trunk: `python -m sam_tracker.training.grafting OLD TRUNK OUTPUT`.

All that follows the image encoder is taken from nano. To adapt it to the new trunk, the neck is
fitted by least squares: from the features of MobileNetV2 to the embedding, and to the fine levels,
that nano has for the same images. The result tracks from the start, badly, and trains quickly.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sam_tracker.networks.mobile.family import mobile_configuration
from sam_tracker.networks.mobile.mobilenet_v2 import folded
from sam_tracker.networks.mobile.network import MobileNetwork
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.feature_pyramid import Lateral
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.training.batches import training_batch
from sam_tracker.training.curriculum import Curriculum
from sam_tracker.training.footage import Footage

IMAGE_SIZE = 160
IMAGES = 320
AT_ONCE = 16
DAMPING = 1e-3
"""Damping of the regression, as a share of the features' mean variance."""
LARGEST_GAIN = 2.0


def fit(features: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """
    Fit a linear map from features [N, C] to targets [N, D].

    A regression underestimates the variance, so each output is scaled up to the variance of its
    target, by at most LARGEST_GAIN.

    :returns: the matrix [D, C] and the offset [D].
    """
    x, y = features.double(), wanted.double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    square = x.T @ x / len(x)
    square += DAMPING * square.diagonal().mean() * torch.eye(len(square), dtype=square.dtype)
    matrix = torch.linalg.solve(square, x.T @ y / len(x)).T
    gain = (y.std(0) / (x @ matrix.T).std(0)).clamp(max=LARGEST_GAIN)
    matrix = matrix * gain[:, None]
    return matrix.float(), (y_mean - matrix @ x_mean).float()


@torch.inference_mode()
def graft(old: Sam2Network, new: MobileNetwork, images: Tensor) -> None:
    """
    Give ``new``, which has its trunk already, all else of ``old`` and a neck that fits.

    :param images: normalised [B, 3, S, S].
    """
    state = new.state_dict()
    kept = {
        name: value
        for name, value in old.state_dict().items()
        if not name.startswith('image_encoder.')
    }
    new.load_state_dict(state | kept)
    inputs: list[list[Tensor]] = [[], [], []]
    outputs: list[list[Tensor]] = [[], [], []]
    for part in images.split(AT_ONCE):
        stages = new.image_encoder.trunk(part)
        coarse = stages[3].repeat_interleave(2, 1).repeat_interleave(2, 2)
        seen = old.encode_image(part)
        deep = torch.cat([stages[2], coarse], dim=-1)
        levels = (*seen.high_resolution, seen.embedding)
        pairs = zip((stages[0], stages[1], deep), levels, (4, 2, 1), strict=True)
        for index, (features, wanted, step) in enumerate(pairs):
            # Fine levels have more places than a regression needs.
            inputs[index].append(features[:, ::step, ::step].flatten(0, 2))
            outputs[index].append(wanted.permute(0, 2, 3, 1)[:, ::step, ::step].flatten(0, 2))
    fits = [fit(torch.cat(x), torch.cat(y)) for x, y in zip(inputs, outputs, strict=True)]
    decoder = new.sam_mask_decoder
    for level, convolution in ((0, decoder.conv_s0), (1, decoder.conv_s1)):
        matrix, offset = fits[level]
        assert convolution.bias is not None
        # The decoder's own convolution follows, and stays as it is.
        inverse = torch.linalg.pinv(convolution.weight.flatten(1))
        _set(_lateral(new, level), inverse @ matrix, inverse @ (offset - convolution.bias))
    matrix, offset = fits[2]
    channels = _lateral(new, 2).in_channels
    _set(_lateral(new, 2), matrix[:, :channels], offset)
    _set(_lateral(new, 3), matrix[:, channels:], torch.zeros_like(offset))


def _lateral(network: MobileNetwork, level: int) -> nn.Conv2d:
    """Return the neck's convolution of a level, 0 for the finest."""
    lateral = network.image_encoder.neck.convs[3 - level]
    assert isinstance(lateral, Lateral)
    return lateral.conv


def _set(convolution: nn.Conv2d, matrix: Tensor, offset: Tensor) -> None:
    assert convolution.bias is not None
    convolution.weight.copy_(matrix[:, :, None, None])
    convolution.bias.copy_(offset)


def main() -> None:
    """Read the command line, and write the weights."""
    parser = argparse.ArgumentParser(
        prog='python -m sam_tracker.training.grafting',
        description='Join a published MobileNetV2 to the weights of nano.',
    )
    parser.add_argument('old', type=Path, help='weights of nano')
    parser.add_argument('trunk', type=Path, help='a published MobileNetV2')
    parser.add_argument('output', type=Path, help='where to write weights to start from')
    parser.add_argument('--data', type=Path, help='folder of real images to fit the neck on')
    options = parser.parse_args()
    old, new = (
        Sam2Network(configuration_named('nano', IMAGE_SIZE)).eval(),
        MobileNetwork(mobile_configuration(IMAGE_SIZE)).eval(),
    )
    state = torch.load(options.old, map_location='cpu', weights_only=True)['model']
    old.load_state_dict({name: value.float() for name, value in state.items()})
    published = torch.load(options.trunk, map_location='cpu', weights_only=True)
    new.image_encoder.trunk.load_state_dict(folded(published))
    footage = None if options.data is None else Footage(options.data)
    batch = training_batch(
        np.random.default_rng(0), Curriculum(fresh=False), 1.0,
        frames=1, clips=IMAGES, objects=1, size=IMAGE_SIZE, footage=footage,
    )  # fmt: skip
    graft(old, new, old.preprocess(batch.images[0]))
    torch.save({'model': new.state_dict(), 'image_size': IMAGE_SIZE}, options.output)


if __name__ == '__main__':
    main()
