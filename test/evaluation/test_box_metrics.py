# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.evaluation.metrics.boxes import (
    SUCCESS_THRESHOLDS,
    box_overlap,
    centre_error,
    got10k_overlaps,
    got10k_scores,
    normalised_centre_error,
    one_pass,
    one_pass_scores,
    success_auc,
    success_curve,
)

NO_BOX = [np.nan] * 4


def test_lasot_figures_are_those_of_pytracking_and_of_samurais_fork_of_it(made_up_boxes):
    predicted, truth, visible = made_up_boxes
    curves = one_pass(predicted, truth, visible)
    scores = one_pass_scores([curves])
    assert scores.auc == pytest.approx(0.42857142857142855)
    assert scores.precision == pytest.approx(0.775)
    assert scores.normalised_precision == pytest.approx(0.3)
    assert curves.success[:6] == pytest.approx([0.775, 0.775, 0.775, 0.775, 0.775, 0.75])
    assert curves.precision[5] == pytest.approx(0.275)
    assert curves.normalised_precision[5] == pytest.approx(0.05)


def test_otb_figures_are_those_of_pytracking(made_up_boxes):
    predicted, truth, _ = made_up_boxes
    scores = one_pass_scores([one_pass(predicted, truth, np.ones(len(truth), bool))])
    assert scores.auc == pytest.approx(0.49523809523809526)
    assert scores.precision == pytest.approx(0.925)
    assert scores.normalised_precision == pytest.approx(0.3)


def test_got10k_figures_are_those_of_its_toolkit(made_up_boxes):
    predicted, truth, visible = made_up_boxes
    overlaps = got10k_overlaps(predicted, truth, visible, width=160, height=80)
    scores = got10k_scores([overlaps])
    assert scores.average_overlap == pytest.approx(0.37685410937297953)
    assert scores.success_rate_50 == pytest.approx(0.48484848484848486)
    assert scores.success_rate_75 == pytest.approx(0.18181818181818182)


def test_got10k_counts_every_frame_alike_whatever_its_sequence(made_up_boxes):
    predicted, truth, visible = made_up_boxes
    sequences = [
        got10k_overlaps(predicted, truth, visible, 160, 80),
        got10k_overlaps(predicted[:15], truth[:15], np.ones(15, bool), 160, 80),
    ]
    assert got10k_scores(sequences).average_overlap == pytest.approx(0.4401772975007383)


def test_one_pass_counts_every_sequence_alike_however_long_it_is():
    found = np.tile([0.0, 0, 10, 10], (100, 1))
    lost = np.tile([90.0, 90, 99, 99], (2, 1))
    sequences = [
        one_pass(found, found, np.ones(100, bool)),
        one_pass(lost, found[:2], np.ones(2, bool)),
    ]
    assert one_pass_scores(sequences).precision == pytest.approx((1 + 0.5) / 2)


def test_a_success_must_exceed_its_threshold():
    assert success_curve(np.array([0.5]))[10] == 0
    assert success_curve(np.array([0.5]))[9] == 1
    assert success_auc(np.array([1.0])) == pytest.approx(20 / 21)


def test_a_frame_without_a_predicted_box_is_a_failure():
    assert box_overlap(np.array([NO_BOX]), np.array([[0.0, 0, 1, 1]])) == 0
    assert success_curve(np.array([np.nan])).sum() == 0


def test_overlap_is_not_known_where_no_true_box_is():
    assert np.isnan(box_overlap(np.array([[0.0, 0, 1, 1]]), np.array([NO_BOX]))).all()


def test_centre_errors_are_in_pixels_and_in_true_sizes():
    truth = np.array([[0.0, 0, 20, 10]])
    predicted = np.array([[6.0, 4, 26, 14]])
    assert centre_error(predicted, truth) == pytest.approx(np.hypot(6, 4))
    assert normalised_centre_error(predicted, truth) == pytest.approx(np.hypot(0.3, 0.4))


@given(st.lists(st.floats(0, 1), min_size=1))
def test_the_success_curve_never_rises_and_its_area_is_near_the_mean_overlap(overlaps):
    curve = success_curve(np.array(overlaps))
    assert (np.diff(curve) <= 0).all()
    assert success_auc(np.array(overlaps)) == pytest.approx(np.mean(overlaps), abs=1 / 20)
    assert len(curve) == len(SUCCESS_THRESHOLDS) == 21
