# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
import torch

from sam_tracker.networks.preprocessing import IMAGE_DEVIATION, IMAGE_MEAN, network_input


def pixels_of(normalised):
    """Undo the normalisation: [B, 3, S, S] of 0 to 255."""
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in (IMAGE_MEAN, IMAGE_DEVIATION))
    return (normalised * deviation + mean) * 255


@pytest.mark.parametrize('height,width', [(480, 640), (97, 131), (1, 1), (720, 128), (256, 256)])
def test_an_image_is_resized_as_the_published_predictor_resizes_frames(height, width):
    image_module = pytest.importorskip('PIL.Image')
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    # Pillow 13 may begin with the rows, and bytes between the two passes are clipped.
    columns = image_module.fromarray(pixels).resize((256, height))
    expected = np.array(columns.resize((256, 256)))
    actual = pixels_of(network_input(torch.from_numpy(pixels)[None], 256))[0].permute(1, 2, 0)
    # Two passes of bytes may each round one way or the other.
    assert (actual - torch.from_numpy(expected).float()).abs().max() < 2.01


def test_the_result_is_normalised_float32_laid_out_channels_last():
    image = torch.zeros(2, 128, 128, 3, dtype=torch.uint8)
    image[..., 1] = 255
    normalised = network_input(image, 128)
    assert normalised.shape == (2, 3, 128, 128)
    assert normalised.dtype == torch.float32
    assert normalised.is_contiguous(memory_format=torch.channels_last)
    for channel, value in enumerate((0, 1, 0)):
        expected = (value - IMAGE_MEAN[channel]) / IMAGE_DEVIATION[channel]
        torch.testing.assert_close(
            normalised[:, channel], torch.full((2, 128, 128), expected), rtol=1e-5, atol=1e-5
        )


def test_a_view_of_a_message_is_not_changed():
    message = torch.randint(0, 256, (1, 60, 100, 3), dtype=torch.uint8)
    kept = message.clone()
    view = message[:, :50, :80].flip(-1)
    torch.testing.assert_close(network_input(view, 128), network_input(view.contiguous(), 128))
    assert torch.equal(message, kept)


@pytest.mark.parametrize(
    'image,message',
    [
        (torch.zeros(480, 640, 3, dtype=torch.uint8), r'uint8 \[480, 640, 3\]'),
        (torch.zeros(1, 3, 480, 640, dtype=torch.uint8), r'\[1, 3, 480, 640\]'),
        (torch.zeros(1, 480, 640, 3), 'torch.float32'),
        (torch.zeros(1, 0, 640, 3, dtype=torch.uint8), r'have none: \[1, 0, 640, 3\]'),
    ],
)
def test_what_is_no_image_is_refused_by_shape_and_dtype(image, message):
    with pytest.raises(ValueError, match=message):
        network_input(image, 128)
