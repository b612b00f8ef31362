# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from sam_tracker.core.prompt import LONGEST_LABEL, MOST_POINTS, Prompt, PromptError, checked_label

WIDTH, HEIGHT = 640, 480


def refusal(**parts):
    with pytest.raises(PromptError) as caught:
        Prompt(**parts).validate(WIDTH, HEIGHT)
    return str(caught.value)


def test_points_box_and_mask_may_be_mixed():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[3, 4] = 255
    prompt = Prompt(points=[[1, 2], [3, 4.5]], labels=[1, 0], box=[0, 0, 640, 480], mask=mask)
    prompt.validate(WIDTH, HEIGHT)
    assert prompt.points.dtype == np.float64
    assert prompt.mask.dtype == np.bool_
    assert prompt.mask.sum() == 1


def test_the_callers_arrays_may_be_changed_afterwards():
    points = np.array([[1.0, 2.0]])
    prompt = Prompt(points=points, labels=[1])
    points[:] = 99
    assert prompt.points.tolist() == [[1.0, 2.0]]


def test_points_on_the_border_are_inside():
    Prompt(points=[[0, 0], [WIDTH, HEIGHT]], labels=[1, 1]).validate(WIDTH, HEIGHT)


def test_a_prompt_with_nothing_in_it_is_refused():
    assert 'empty' in refusal()


def test_a_point_that_is_not_a_number_is_refused_by_value():
    assert 'point 1 is not finite: (nan, 7)' in refusal(
        points=[[1, 1], [np.nan, 7]], labels=[1, 1]
    )


def test_a_point_outside_the_image_is_refused_by_value():
    text = refusal(points=[[640.5, 20]], labels=[1])
    assert '(640.5, 20)' in text and '640x480' in text


def test_a_wrong_number_of_labels_is_refused_with_both_numbers():
    text = refusal(points=[[1, 1], [2, 2]], labels=[1])
    assert '2 points' in text and '(1,)' in text


def test_a_box_partly_outside_is_clipped():
    prompt = Prompt(box=[-3, 10, 900.5, 480.2]).validate(WIDTH, HEIGHT)
    assert prompt.box.tolist() == [0, 10, 640, 480]


def test_points_outside_are_clipped_when_a_positive_one_is_inside():
    points = [[700, -2], [3, 4], [1, 500]]
    prompt = Prompt(points=points, labels=[1, 1, 0]).validate(WIDTH, HEIGHT)
    assert prompt.points.tolist() == [[640, 0], [3, 4], [1, 480]]
    assert '(700, -2)' in refusal(points=points, labels=[1, 0, 1])


def test_points_outside_beside_a_box_are_refused_when_none_is_inside():
    assert '(700, 2)' in refusal(points=[[700, 2]], labels=[1], box=[0, 0, 9, 9])


def test_what_lies_inside_is_not_copied():
    prompt = Prompt(points=[[1, 2]], labels=[1], box=[0, 0, 9, 9])
    assert prompt.validate(WIDTH, HEIGHT) is prompt


def test_too_many_points_are_refused_with_both_numbers():
    Prompt(points=np.ones((MOST_POINTS, 2)), labels=np.ones(MOST_POINTS))
    text = refusal(points=np.ones((MOST_POINTS + 1, 2)), labels=np.ones(MOST_POINTS + 1))
    assert f'{MOST_POINTS + 1} points; at most {MOST_POINTS}' in text


def test_a_label_of_too_many_bytes_is_refused_with_both_numbers():
    assert checked_label('ü' * (LONGEST_LABEL // 2)) == 'ü' * (LONGEST_LABEL // 2)
    with pytest.raises(PromptError, match=f'{LONGEST_LABEL + 1} bytes, at most {LONGEST_LABEL}'):
        checked_label('x' + 'ü' * (LONGEST_LABEL // 2))


def test_an_unknown_label_is_refused_by_value():
    assert 'label 1 is 2' in refusal(points=[[1, 1], [2, 2]], labels=[1, 2])


def test_points_without_a_pair_of_coordinates_are_refused_by_shape():
    assert '(1, 3)' in refusal(points=[[1, 2, 3]], labels=[1])


def test_words_for_numbers_are_refused_by_value():
    assert "'left'" in refusal(points=[['left', 'top']], labels=[1])


def test_negative_points_alone_are_refused():
    assert 'all 2 points are negative' in refusal(points=[[1, 1], [2, 2]], labels=[0, 0])


def test_negative_points_alone_may_refine_an_object_that_is_followed():
    Prompt(points=[[1, 1]], labels=[0]).validate(40, 30, refining=True)


def test_negative_points_beside_a_box_are_fine():
    Prompt(points=[[1, 1]], labels=[0], box=[0, 0, 9, 9]).validate(WIDTH, HEIGHT)


def test_an_empty_box_is_refused_by_value():
    assert 'empty: [10, 10, 10, 40]' in refusal(box=[10, 10, 10, 40])


def test_a_box_turned_inside_out_is_refused_by_value():
    assert 'inside out: [30, 10, 20, 40]' in refusal(box=[30, 10, 20, 40])


def test_a_box_that_is_not_finite_is_refused_by_value():
    assert '[0, 0, inf, 40]' in refusal(box=[0, 0, np.inf, 40])


def test_a_box_outside_the_image_is_refused_by_value():
    for box in ([-23, 0, -3, 40], [640, 0, 700, 40]):
        text = refusal(box=box)
        assert str(box) in text and '640x480' in text


def test_a_box_of_three_numbers_is_refused():
    assert '(3,)' in refusal(box=[1, 2, 3])


def test_a_mask_of_another_size_is_refused_by_size():
    text = refusal(mask=np.ones((10, 20), bool))
    assert '20x10' in text and '640x480' in text


def test_an_empty_mask_is_refused():
    assert 'empty' in refusal(mask=np.zeros((HEIGHT, WIDTH), bool))


def test_a_mask_with_channels_is_refused_by_shape():
    assert '(480, 640, 1)' in refusal(mask=np.ones((HEIGHT, WIDTH, 1), bool))
