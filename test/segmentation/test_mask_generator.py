# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Everything on an image, against the same rules stated slowly: one point, one pixel at a time."""

from dataclasses import replace
import gc
from pathlib import Path
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sam_tracker.core.frame import FrameError
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.segmentation.mask_generator import MaskGenerator, MaskGeneratorSettings

WIDTH, HEIGHT = 96, 64
DUPLICATES = Path(__file__).resolve().parents[1] / 'data/sam1/duplicates.npz'
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
SETTINGS = MaskGeneratorSettings(
    points_per_side=5,
    points_per_batch=4,
    predicted_iou=0.2,
    stability_score=0.5,
    box_overlap=0.5,
    minimum_area=30,
)


def overlap(first, second):
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


def without_duplicates(found, greatest):
    """Keep, of (rank, box, ...) with the smallest rank first, what overlaps nothing kept."""
    kept = []
    for one in sorted(found, key=lambda one: one[0]):
        if all(overlap(one[1], other[1]) <= greatest for other in kept):
            kept.append(one)
    return kept


def box_of(mask):
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def flooded(mask, start, neighbours):
    """Return the pixels that are connected with the one at ``start``."""
    height, width = mask.shape
    waiting, seen = [start], {start}
    while waiting:
        row, column = waiting.pop()
        for down, right in neighbours:
            place = row + down, column + right
            inside = 0 <= place[0] < height and 0 <= place[1] < width
            if inside and place not in seen and mask[place] == mask[start]:
                seen.add(place)
                waiting.append(place)
    return seen


SIDES = [(0, 1), (1, 0), (0, -1), (-1, 0)]
CORNERS = [*SIDES, (1, 1), (1, -1), (-1, 1), (-1, -1)]


def components(mask, value, neighbours):
    left = {(int(row), int(column)) for row, column in np.argwhere(mask == value)}
    while left:
        component = flooded(mask, next(iter(left)), neighbours)
        left -= component
        yield component


def without_small_parts_slowly(mask, least):
    # What is beside the mask's own rectangle is open.
    x_min, y_min, x_max, y_max = box_of(mask)
    part = np.pad(mask[y_min:y_max, x_min:x_max], 1)
    for hole in list(components(part, False, SIDES)):
        if (0, 0) not in hole and len(hole) < least:
            part[tuple(zip(*hole, strict=True))] = True
    for region in list(components(part, True, CORNERS)):
        if len(region) < least:
            part[tuple(zip(*region, strict=True))] = False
    mask = mask.copy()
    mask[y_min:y_max, x_min:x_max] = part[1:-1, 1:-1]
    return mask


def crops_slowly(settings):
    """Return (x, y, width, height, layer) of the whole image and, with one layer, four parts."""
    crops = [(0, 0, WIDTH, HEIGHT, 0)]
    if settings.crop_layers:
        shared = int(settings.crop_overlap * HEIGHT)
        width, height = -(-(WIDTH + shared) // 2), -(-(HEIGHT + shared) // 2)
        for y in (0, HEIGHT - height):
            crops += [(x, y, width, height, 1) for x in (0, WIDTH - width)]
    return crops


def everything_slowly(segmenter, settings):
    """Return [mask, predicted IoU, stability, point] of all that there is, best first."""
    size = segmenter.image_size
    found = []
    for x, y, width, height, layer in crops_slowly(settings):
        encoded = segmenter.encode(IMAGE[y : y + height, x : x + width])
        count = settings.points_per_side // settings.crop_points_divisor**layer
        passed = []
        for row in range(count):
            for column in range(count):
                point = (column + 0.5) / count * width, (row + 0.5) / count * height
                prompt = Prompt(points=[point], labels=[1])
                for candidate in segmenter.segment(encoded, [prompt], several=True)[0]:
                    full = F.interpolate(
                        candidate.logits[None, None], size=(size, size), mode='bilinear'
                    )[0, 0].numpy()
                    inner = np.count_nonzero(full > settings.stability_offset)
                    outer = np.count_nonzero(full > -settings.stability_offset)
                    if not (full > 0).any() or candidate.predicted_iou < settings.predicted_iou:
                        continue
                    if inner / outer < settings.stability_score:
                        continue
                    scale = np.array([width, height] * 2) / size
                    box = np.array(box_of(full > 0)) * scale
                    x_reach, y_reach = 4 * scale[:2]
                    cut = (
                        (x > 0 and box[0] <= x_reach)
                        or (y > 0 and box[1] <= y_reach)
                        or (x + width < WIDTH and box[2] >= width - x_reach)
                        or (y + height < HEIGHT and box[3] >= height - y_reach)
                    )
                    if not cut:
                        iou = candidate.predicted_iou
                        passed.append((-iou, box, candidate, inner / outer, point))
        for _, _, candidate, stability, point in without_duplicates(passed, settings.box_overlap):
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[y : y + height, x : x + width] = candidate.mask
            if mask.any():
                mask = without_small_parts_slowly(mask, settings.minimum_area)
            if mask.any():
                point = point[0] + x, point[1] + y
                rank = -layer, -candidate.predicted_iou
                found.append((rank, box_of(mask), mask, candidate.predicted_iou, stability, point))
    kept = without_duplicates(found, settings.box_overlap)
    return sorted((one[2:] for one in kept), key=lambda one: -one[1])


@pytest.mark.parametrize(
    'changed',
    [
        {},
        {'minimum_area': 0},
        {'points_per_batch': 100, 'stability_offset': 0.3},
        {'crop_layers': 1, 'crop_overlap': 0.3, 'box_overlap': 0.7},
        {'crop_layers': 1, 'crop_points_divisor': 2},
    ],
    ids=str,
)
def test_everything_is_what_the_rules_say_when_they_are_followed_slowly(painter, changed):
    settings = replace(SETTINGS, **changed)
    expected = everything_slowly(painter, settings)
    found = MaskGenerator(painter, settings).generate(IMAGE)
    assert len(found) == len(expected) > 10
    for candidate, (mask, predicted_iou, stability, point) in zip(found, expected, strict=True):
        assert np.array_equal(candidate.mask, mask)
        assert candidate.area == mask.sum()
        assert candidate.box.tolist() == list(box_of(mask))
        assert candidate.predicted_iou == pytest.approx(predicted_iou, abs=1e-6)
        assert candidate.stability_score == pytest.approx(stability, abs=1e-6)
        assert candidate.point == pytest.approx(point)
        assert candidate.image_size == (WIDTH, HEIGHT)


def test_the_number_of_points_and_masks_at_once_changes_nothing(painter):
    answers = [
        MaskGenerator(
            painter, replace(SETTINGS, points_per_batch=count, masks_per_batch=masks)
        ).generate(IMAGE)
        for count, masks in ((1, 64), (7, 1), (25, 3))
    ]
    for other in answers[1:]:
        assert [one.point for one in other] == [one.point for one in answers[0]]
        assert all(
            np.array_equal(one.mask_crop, same.mask_crop)
            for one, same in zip(other, answers[0], strict=True)
        )


def test_work_comes_in_slices_that_tell_how_far_it_is(painter):
    steps = MaskGenerator(painter, replace(SETTINGS, crop_layers=1)).steps(IMAGE)
    reports, result = [], []
    while True:
        encoded, decoded = painter.network.encoded, len(painter.network.batches)
        try:
            reports.append(next(steps))
        except StopIteration as end:
            result = end.value
            break
        work = painter.network.encoded - encoded + len(painter.network.batches) - decoded
        assert work == 1, 'a slice is one image or one batch'
    assert max(painter.network.batches) == SETTINGS.points_per_batch
    done = [report.points_done for report in reports]
    assert done == sorted(done)
    assert done[-1] == reports[-1].points == 5 * 25
    assert [report.crops for report in reports] == [5] * len(reports)
    assert reports[-1].found >= len(result) > 0


def test_between_slices_gradients_are_as_they_were(painter):
    steps = MaskGenerator(painter, SETTINGS).steps(IMAGE)
    next(steps)
    assert not torch.is_inference_mode_enabled()
    next(steps)
    assert not torch.is_inference_mode_enabled()


def test_an_abandoned_search_lets_go_of_the_image(painter, monkeypatch):
    seen, encode = [], painter.encode

    def watched(image):
        encoded = encode(image)
        seen.append(weakref.ref(encoded))
        return encoded

    monkeypatch.setattr(painter, 'encode', watched)
    image = IMAGE.copy()
    held = weakref.ref(image)
    steps = MaskGenerator(painter, SETTINGS).steps(image)
    next(steps)
    next(steps)
    assert seen[0]() is not None
    steps.close()
    del image
    gc.collect()
    assert seen[0]() is None
    assert held() is None


def test_one_crop_is_held_at_a_time(painter, monkeypatch):
    seen, encode = [], painter.encode

    def watched(image):
        gc.collect()
        assert sum(one() is not None for one in seen) <= 1
        encoded = encode(image)
        seen.append(weakref.ref(encoded))
        return encoded

    monkeypatch.setattr(painter, 'encode', watched)
    MaskGenerator(painter, replace(SETTINGS, crop_layers=1)).generate(IMAGE)
    assert len(seen) == 5


def test_no_more_masks_than_asked_for_and_those_are_the_best(painter):
    everything = MaskGenerator(painter, SETTINGS).generate(IMAGE)
    few = MaskGenerator(painter, replace(SETTINGS, maximum_masks=3)).generate(IMAGE)
    assert [one.point for one in few] == [one.point for one in everything[:3]]


def test_masks_of_the_whole_image_can_be_refined_and_those_of_crops_say_that_not(painter):
    whole = MaskGenerator(painter, SETTINGS).generate(IMAGE)
    side = painter.image_size // 4
    assert all(one.logits.shape == (side, side) for one in whole)
    both = MaskGenerator(painter, replace(SETTINGS, crop_layers=1)).generate(IMAGE)
    assert any(one.logits is None for one in both)


def test_an_image_on_which_nothing_passes_has_nothing(painter):
    settings = replace(SETTINGS, predicted_iou=1.0)
    assert MaskGenerator(painter, settings).generate(IMAGE) == []
    assert MaskGenerator(painter, replace(settings, crop_layers=2)).generate(IMAGE) == []


@pytest.mark.parametrize('size', [(1, 1), (1, 40), (300, 2)])
def test_images_of_hardly_any_pixels_are_searched_like_others(painter, size):
    settings = replace(SETTINGS, crop_layers=2, minimum_area=0)
    for one in MaskGenerator(painter, settings).generate(np.zeros((*size, 3), np.uint8)):
        assert one.mask.shape == size and one.mask.any()


def test_what_is_no_image_is_refused_before_any_work(painter):
    with pytest.raises(FrameError, match='float64'):
        MaskGenerator(painter, SETTINGS).steps(np.zeros((4, 4, 3)))
    assert painter.network.encoded == 0


@pytest.mark.parametrize(
    ('changed', 'named'),
    [
        ({'points_per_side': 0}, 'points_per_side must be from 1 to 1024, not 0'),
        ({'points_per_side': 3.5}, 'points_per_side must be a whole number, not 3.5'),
        ({'points_per_batch': True}, 'points_per_batch must be a whole number, not True'),
        ({'predicted_iou': 1.5}, 'predicted_iou must be from 0 to 1, not 1.5'),
        ({'predicted_iou': float('nan')}, 'predicted_iou must be from 0 to 1, not nan'),
        ({'stability_score': -0.1}, 'stability_score must be from 0 to 1, not -0.1'),
        ({'stability_offset': 0}, 'stability_offset must be above 0, not 0'),
        ({'box_overlap': '0.7'}, "box_overlap must be a number, not '0.7'"),
        ({'minimum_area': -1}, 'minimum_area must be from 0 to inf, not -1'),
        ({'crop_layers': 9}, 'crop_layers must be from 0 to 4, not 9'),
        ({'crop_overlap': 1}, 'crop_overlap must be from 0 to 0.9, not 1'),
        ({'crop_points_divisor': 0}, 'crop_points_divisor must be from 1 to inf, not 0'),
        ({'maximum_masks': 0}, 'maximum_masks must be from 1 to inf, not 0'),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_value(changed, named):
    with pytest.raises(ValueError) as caught:
        replace(SETTINGS, **changed)
    assert str(caught.value) == named


def test_settings_suit_the_network(painter):
    assert MaskGenerator(painter).settings == MaskGeneratorSettings.for_network(
        configuration_named('nano').suited_settings
    )
    assert (
        MaskGeneratorSettings.for_network(configuration_named('large').suited_settings)
        == MaskGeneratorSettings()
    )


@pytest.mark.parametrize('overlap', [0.3, 0.5, 0.7, 0.9])
def test_duplicates_are_those_of_the_published_generator(painter, overlap):
    settings = MaskGeneratorSettings(
        points_per_side=12,
        predicted_iou=0.2,
        stability_score=0.5,
        box_overlap=overlap,
        minimum_area=0,
    )
    size = painter.image_size
    generator = MaskGenerator(painter, settings)
    found = generator.generate(np.zeros((size, size, 3), np.uint8))
    everything = MaskGenerator(painter, replace(settings, box_overlap=1.0)).generate(
        np.zeros((size, size, 3), np.uint8)
    )
    with np.load(DUPLICATES) as reference:
        scores, packed = reference[f'{overlap}: scores'], reference[f'{overlap}: masks']
    assert 1 < len(found) == len(scores) < len(everything)
    np.testing.assert_allclose([one.predicted_iou for one in found], scores, atol=1e-6)
    expected = np.unpackbits(packed, axis=-1, count=size).astype(bool)
    assert all(np.array_equal(a.mask, b) for a, b in zip(found, expected, strict=True))
