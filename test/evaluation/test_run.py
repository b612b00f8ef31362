# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A follower that plays back what it is given shows what the runner makes of it."""

import numpy as np
import pytest

from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.benchmarks import got10k_figures, mask_figures, one_pass_figures
from sam_tracker.evaluation.followers.follower import Observation
from sam_tracker.evaluation.metrics.boxes import got10k_overlaps
from sam_tracker.evaluation.run import run
from sam_tracker.evaluation.sequence import DatasetError, Target, VideoSequence, box_of_mask
from sam_tracker.evaluation.summary import region_by_frame, summarise

HEIGHT, WIDTH = 60, 90
NOTHING = Observation(np.zeros((HEIGHT, WIDTH), bool), None)


class Playback:
    """Answers frame n with the nth of its observations of object 1, and writes down its calls."""

    name = 'playback'

    def __init__(self, observations):
        self.observations = observations
        self.calls = []

    def begin(self):
        self.calls.append('begin')
        self.frame = 0

    def prompt(self, frame, object_id, prompt):
        self.calls.append(('prompt', int(frame.pixels[0, 0, 0]), frame.stamp, object_id))
        return self.observations[int(frame.pixels[0, 0, 0])]

    def step(self, frame):
        self.calls.append(('step', int(frame.pixels[0, 0, 0]), frame.stamp))
        return {1: self.observations[int(frame.pixels[0, 0, 0])]}


def seen(mask):
    return Observation(mask, box_of_mask(mask)) if mask.any() else NOTHING


def numbered_frames(count):
    return lambda: (np.full((HEIGHT, WIDTH, 3), number, np.uint8) for number in range(count))


def mask_sequence(truth, first_frame=0, visible=None, judged=None):
    """A sequence of one object that has these masks."""
    visible = truth.any(axis=(1, 2)) if visible is None else visible
    boxes = np.array([box_of_mask(mask) if mask.any() else [np.nan] * 4 for mask in truth])
    target = Target(
        1,
        first_frame,
        Prompt(mask=truth[first_frame]),
        boxes,
        visible,
        mask=lambda frame: truth[frame],
        judged=judged,
    )
    return VideoSequence(
        'clip',
        len(truth),
        numbered_frames(len(truth)),
        (target,),
        object_ids=lambda frame: truth[frame].astype(np.uint8),
    )


def box_sequence(truth, visible):
    target = Target(1, 0, Prompt(box=truth[0]), truth, visible)
    return VideoSequence('boxes', len(truth), numbered_frames(len(truth)), (target,))


def play_boxes(predicted, truth, visible):
    empty = np.zeros((HEIGHT, WIDTH), bool)
    observations = [Observation(empty, None if np.isnan(b).any() else b) for b in predicted]
    return run(Playback(observations), box_sequence(truth, visible))


def test_a_follower_is_stepped_from_its_first_prompt_on(made_up_masks):
    _, truth = made_up_masks
    follower = Playback([seen(mask) for mask in truth])
    run(follower, mask_sequence(truth[:4], first_frame=2))
    period = 33333333
    assert follower.calls == ['begin', ('prompt', 2, 2 * period, 1), ('step', 3, 3 * period)]


def test_every_frame_is_scored_against_its_own_truth(made_up_masks):
    predicted, truth = made_up_masks
    result = run(Playback([seen(mask) for mask in predicted]), mask_sequence(truth))
    (target,) = result.targets
    assert target.region[:4] == pytest.approx([1, 0.89651531, 0.80019782, 0.71561338])
    assert target.boundary[1] == pytest.approx(0.81163453)
    assert target.overlap[5] == 0
    assert np.isnan(target.overlap[6])  # there is no true box
    assert target.present.tolist() == [True] * 5 + [False] + [True] * 2
    assert target.identities.tolist()[:6] == [1, 1, 1, 1, 1, 0]
    assert result.image_size == (WIDTH, HEIGHT)


def test_the_mask_figures_are_those_of_the_davis_and_sav_toolkits(made_up_masks):
    predicted, truth = made_up_masks
    figures = mask_figures([run(Playback([seen(m) for m in predicted]), mask_sequence(truth))])
    assert figures['J'] == pytest.approx(0.508568504231435)
    assert figures['F'] == pytest.approx(0.2677215023126941)
    assert figures['J&F'] == pytest.approx((figures['J'] + figures['F']) / 2)


def test_frames_before_an_object_is_seen_by_anyone_do_not_count(made_up_masks):
    predicted, truth = (masks.copy() for masks in made_up_masks)
    predicted[:2], truth[:3] = False, False
    # Nothing is known of the frames before the prompt, which is as good as an empty mask.
    sequence = mask_sequence(truth, first_frame=3)
    figures = mask_figures([run(Playback([seen(m) for m in predicted]), sequence)])
    kept = [3, 4, 5, 6]
    result = run(Playback([seen(m) for m in predicted]), sequence).targets[0]
    assert figures['J'] == pytest.approx(result.region[kept].mean())


def test_the_figures_of_boxes_come_out_of_results(made_up_boxes):
    result = play_boxes(*made_up_boxes)
    figures = one_pass_figures([result])
    assert figures['AUC'] == pytest.approx(0.42857142857142855)
    assert figures['P20'] == pytest.approx(0.775)
    overlaps = got10k_overlaps(*made_up_boxes, WIDTH, HEIGHT)
    assert got10k_figures([result])['AO'] == pytest.approx(overlaps.mean())


def test_a_withheld_truth_has_no_figures(made_up_boxes):
    predicted, truth, visible = made_up_boxes
    truth[1:] = np.nan
    assert np.isnan(got10k_figures([play_boxes(predicted, truth, visible)])['AO'])


def test_a_sequence_that_ends_early_is_broken(made_up_boxes):
    _, truth, visible = made_up_boxes
    sequence = box_sequence(truth, visible)
    short = VideoSequence('short', 40, numbered_frames(7), sequence.targets)
    with pytest.raises(DatasetError, match='short ends after 7 of 40 frames'):
        run(Playback([NOTHING] * 40), short)


def test_a_true_mask_of_another_size_is_broken(made_up_masks):
    _, truth = made_up_masks
    with pytest.raises(DatasetError, match='clip, frame 0: the true mask has 80x60 pixels'):
        run(Playback([NOTHING] * 8), mask_sequence(truth[:, :, :80]))


def test_a_summary_leaves_out_the_prompt_and_what_cannot_be_seen(made_up_masks):
    predicted, truth = made_up_masks
    result = run(Playback([seen(mask) for mask in predicted]), mask_sequence(truth))
    summary = summarise([result])
    visible = [1, 2, 3, 4, 5, 7]
    assert summary.figures['region'].value == pytest.approx(
        result.targets[0].region[visible].mean()
    )
    assert summary.figures['horizon_1-1'].value == pytest.approx(0.89651531)
    # Called present on 5 of 6 visible frames, and on the only one without the object.
    assert summary.figures['sensitivity'].value == pytest.approx(5 / 6)
    assert summary.figures['specificity'].value == 0
    assert summary.figures['presence'].value == pytest.approx((5 / 6 + 0) / 2)
    assert (summary.absent_frames, summary.absences) == (1, 0)
    assert summary.figures['reacquired'].count == 1
    assert np.isnan(summary.figures['reacquired'].value)  # one frame is no absence
    assert region_by_frame([result])[1] == pytest.approx(0.89651531)
    assert np.isnan(region_by_frame([result])[6])


def test_re_appearance_is_judged_on_the_frames_after_an_absence(made_up_masks):
    predicted, truth = made_up_masks
    truth[2:5] = False
    result = run(Playback([seen(mask) for mask in predicted]), mask_sequence(truth))
    visible = result.targets[0].target.visible
    after = [frame for frame in range(5, 8) if visible[frame]]
    figure = summarise([result]).figures['returned']
    assert figure.value == pytest.approx(result.targets[0].region[after].mean())


def test_frames_that_are_not_judged_do_not_count_for_presence(made_up_masks):
    predicted, truth = made_up_masks
    judged = np.ones(8, bool)
    judged[5] = False
    sequence = mask_sequence(truth, judged=judged)
    summary = summarise([run(Playback([seen(mask) for mask in predicted]), sequence)])
    assert summary.figures['presence'].value == pytest.approx((1 + 0) / 2)


def test_results_do_not_hold_the_clip(made_up_masks):
    _, truth = made_up_masks
    result = run(Playback([seen(mask) for mask in truth]), mask_sequence(truth))
    assert result.targets[0].target.mask(0) is None
