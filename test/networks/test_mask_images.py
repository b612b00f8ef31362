# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import numpy as np
import torch

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.mask_images import MaskImages, aligned, mask_boxes, network_mask, reach

size = st.integers(1, 90)


def field(seed, side, count=1):
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn((count, 1, 4, 4), generator=random) - 1.0
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode='bilinear')[:, 0]


@given(seed=st.integers(0, 2**32 - 1), side=st.integers(4, 40), width=size, height=size)
@hypothesis_settings(deadline=None)
def test_a_mask_is_what_resizing_the_whole_logits_gives(seed, side, width, height):
    logits = field(seed, side, count=3)
    bounds = [
        box.numpy() if mask.max() > 0 else None
        for box, mask in zip(mask_boxes(logits), logits, strict=True)
    ]
    images = MaskImages(logits, bounds, [ImageScale(width, height, 4 * side)] * len(bounds))
    whole = torch.nn.functional.interpolate(
        logits[:, None], size=(height, width), mode='bilinear'
    )[:, 0]
    # On the very border of a mask rounding decides.
    clear = (whole.abs() > 1e-5).numpy()
    for index in range(3):
        region, crop = images.crop(index)
        mask = np.zeros((height, width), np.uint8)
        if region is not None:
            mask[region.slices] = crop
            rows, columns = np.nonzero(mask)
            assert region == Region(
                columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
            )
            assert set(np.unique(crop)) <= {0, 255}
            assert crop.flags.c_contiguous
        expected = (whole[index] > 0).numpy()
        assert np.array_equal((mask != 0)[clear[index]], expected[clear[index]])


def test_masks_are_worked_out_once_for_all_objects(monkeypatch):
    from sam_tracker.networks import mask_images

    calls = []
    resize = mask_images.resized_part
    monkeypatch.setattr(
        mask_images, 'resized_part', lambda *given: calls.append(1) or resize(*given)
    )
    logits = torch.full((3, 8, 8), 1.0)
    images = MaskImages(
        logits,
        [np.array([0.0, 0, 7, 7]), None, np.array([0.0, 0, 7, 7])],
        [ImageScale(20, 10, 32)] * 3,
    )
    assert not calls
    for index in (2, 0, 1, 0):
        images.crop(index)
    assert len(calls) == 2
    assert images.crop(0)[0] == Region(0, 0, 20, 10)
    assert images.crop(1)[0] is None


def test_the_reach_of_a_mask_stays_in_the_image():
    assert reach(np.array([0.0, 0, 7, 7]), 8, ImageScale(20, 10, 32)) == Region(0, 0, 20, 10)


@given(seed=st.integers(0, 2**32 - 1), side=st.integers(4, 40), width=size, height=size)
@hypothesis_settings(deadline=None)
def test_a_mask_of_a_padded_input_is_what_lies_over_the_image(seed, side, width, height):
    logits = field(seed, side, count=1)
    shorter = max(4 * side * min(width, height) // max(width, height), 1)
    padding = (0, 4 * side - shorter) if width >= height else (4 * side - shorter, 0)
    scale = ImageScale(width, height, 4 * side, padding)
    images = MaskImages(logits, [mask_boxes(logits)[0].numpy()], [scale])
    region, crop = images.crop(0)
    mask = np.zeros((height, width), np.uint8)
    if region is not None:
        mask[region.slices] = crop
    # Sampled where each pixel centre lies in the logits, which cover the padding too.
    x = (np.arange(width) + 0.5) / width * (4 * side - padding[0]) / (4 * side)
    y = (np.arange(height) + 0.5) / height * (4 * side - padding[1]) / (4 * side)
    grid = torch.from_numpy(np.stack(np.meshgrid(x, y), axis=-1)).float() * 2 - 1
    whole = torch.nn.functional.grid_sample(
        logits[None], grid[None], padding_mode='border', align_corners=False
    )[0, 0]
    if logits.max() > 0:
        clear = (whole.abs() > 1e-4).numpy()
        assert np.array_equal((mask != 0)[clear], (whole > 0).numpy()[clear])


def test_a_mask_in_the_padding_has_no_pixel_of_the_image():
    logits = torch.full((1, 8, 8), -1.0)
    logits[:, 6:] = 1.0
    images = MaskImages(logits, [mask_boxes(logits)[0].numpy()], [ImageScale(20, 10, 32, (0, 16))])
    assert images.crop(0)[0] is None


def test_a_given_mask_is_padded_like_its_image():
    mask = np.ones((10, 20), bool)
    given = network_mask(mask, ImageScale(20, 10, 32, (0, 16)), torch.device('cpu'))
    assert given.shape == (1, 1, 32, 32)
    assert torch.all(given[..., :16, :] == 1) and not given[..., 16:, :].any()


def test_logits_of_one_part_of_an_image_lie_at_the_same_place_in_another():
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing='ij')
    part = ImageScale(160, 160, 64, origin=(40, 80))
    onto = ImageScale(80, 120, 64, origin=(90, 100))
    # A plane over the image stays one when it is resampled linearly.
    plane = 2 * (part.origin[0] + (columns + 0.5) * 10) - 3 * (part.origin[1] + (rows + 0.5) * 10)
    expected = 2 * (90 + (columns + 0.5) * 5) - 3 * (100 + (rows + 0.5) * 7.5)
    torch.testing.assert_close(aligned(plane, part, onto, -1024.0), expected)


def test_what_a_part_of_an_image_does_not_show_is_empty_in_another():
    part, onto = ImageScale(100, 100, 64), ImageScale(100, 100, 64, origin=(50, 0))
    moved = aligned(torch.ones(16, 16), part, onto, -1024.0)
    assert (moved[:, :8] == 1).all()
    assert (moved[:, 8:] == -1024).all()
