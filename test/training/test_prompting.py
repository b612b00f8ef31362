# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from sam_tracker.training import prompting


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def disc(x, y, radius, side=64):
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing='ij')
    return (((columns - x) ** 2 + (rows - y) ** 2) <= radius**2)[None]


def test_a_box_encloses_its_mask_exactly():
    mask = torch.zeros(1, 64, 64, dtype=torch.bool)
    mask[0, 10:20, 30:45] = True
    assert prompting.boxes_of(mask).tolist() == [[30, 10, 45, 20]]


def test_a_jittered_box_stays_in_the_image_and_near_the_mask(generator):
    mask = disc(8, 8, 8).repeat(200, 1, 1)
    points, labels = prompting.box_prompt(mask, 0.1, generator)
    exact = prompting.boxes_of(mask).view(-1, 2, 2) - 0.5  # the network counts from centres
    assert labels.tolist()[0] == [2, 3]
    assert (points >= -0.5).all() and (points <= 63.5).all()
    error = (points - exact).abs()
    assert 0.5 < error.mean() < 3


def test_a_click_lies_on_its_object_and_mostly_well_inside(generator):
    mask = disc(30, 30, 15)
    points = torch.cat([prompting.point_in(mask, generator)[0] for _ in range(100)]).long()
    assert mask[0, points[:, 1], points[:, 0]].all()
    distance = (points - 30.0).norm(dim=1)
    assert distance.median() < 10.5  # of evenly spread points the median is 10.6


def test_no_click_is_found_in_an_empty_region(generator):
    _, found = prompting.point_in(torch.zeros(2, 64, 64, dtype=torch.bool), generator)
    assert found.tolist() == [False, False]


def test_a_correction_adds_what_was_missed_and_takes_away_what_was_spilled(generator):
    truth = torch.cat([disc(20, 20, 10)] * 3)
    answer = torch.cat([disc(20, 20, 3), disc(20, 20, 16), disc(20, 20, 10)])
    points, labels = prompting.correction(truth, answer, generator)
    assert labels.tolist() == [1, 0, -1]
    x, y = points[0].long().tolist()
    assert truth[0, y, x] and not answer[0, y, x]
    x, y = points[1].long().tolist()
    assert answer[1, y, x] and not truth[1, y, x]


def test_a_mask_drawn_in_a_hurry_is_near_the_thing_and_never_empty(generator):
    masks = torch.cat([disc(20, 20, 12), disc(45, 40, 6), disc(10, 50, 1)])
    overlaps = []
    for _ in range(50):
        drawn = prompting.drawn_mask(masks, generator)
        assert drawn.shape == masks.shape and drawn.dtype == torch.bool
        assert drawn.flatten(1).any(1).all()
        both, either = (drawn & masks).flatten(1).sum(1), (drawn | masks).flatten(1).sum(1)
        overlaps.append(both / either)
    mean = torch.stack(overlaps).mean(0)
    assert (mean[:2] > 0.6).all() and (mean[:2] < 0.98).all()
