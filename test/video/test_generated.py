# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.video import silhouettes, textures
from sam_tracker.video.generated import VISIBLE_SHARE, GeneratedScene, generate_clip
from sam_tracker.video.motion import SmoothNoise, period_for_speed
from sam_tracker.video.scene_plan import DIFFICULTIES, SCENARIOS, ScenePlan

pytestmark = pytest.mark.slow


def test_a_seed_makes_the_same_clip_every_time():
    first = generate_clip(5, 3, 96, 'hard')
    second = generate_clip(5, 3, 96, 'hard')
    np.testing.assert_array_equal(first.frames, second.frames)
    np.testing.assert_array_equal(first.masks, second.masks)
    np.testing.assert_array_equal(first.boxes, second.boxes)


def test_another_seed_makes_another_clip():
    assert (generate_clip(5, 1, 96).frames != generate_clip(6, 1, 96).frames).mean() > 0.5


def test_held_out_clips_differ_though_the_seed_is_the_same():
    trained = generate_clip(5, 1, 96)
    held_out = generate_clip(5, 1, 96, held_out=True)
    assert (trained.frames != held_out.frames).mean() > 0.5


def test_held_out_clips_have_textures_of_their_own():
    trained = {family.__name__ for family in textures.TRAINING_FIELDS}
    assert trained.isdisjoint(family.__name__ for family in textures.HELD_OUT_FIELDS)
    only_held_out = set(silhouettes.HELD_OUT_OUTLINES) - set(silhouettes.TRAINING_OUTLINES)
    assert only_held_out


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    difficulty=st.sampled_from([*DIFFICULTIES, 0.0, 1.0, 0.33]),
    scenario=st.sampled_from([None, *SCENARIOS]),
    held_out=st.booleans(),
)
def test_truth_agrees_with_itself(seed, difficulty, scenario, held_out):
    clip = generate_clip(seed, 4, 64, difficulty, scenario=scenario, held_out=held_out, step=5)
    frames, objects = clip.visible.shape
    assert clip.frames.shape == (4, 64, 64, 3)
    assert clip.frames.dtype == clip.masks.dtype == np.uint8
    assert clip.boxes.shape == (frames, objects, 4)
    assert clip.masks.max() <= objects
    for frame in range(frames):
        for index in range(objects):
            rows, columns = np.nonzero(clip.masks[frame] == index + 1)
            assert clip.visible[frame, index] == (len(rows) >= VISIBLE_SHARE * 64**2)
            if len(rows):
                seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                np.testing.assert_array_equal(clip.boxes[frame, index], seen)
            else:
                assert np.isnan(clip.boxes[frame, index]).all()


def test_frames_may_be_drawn_in_any_order():
    scene = GeneratedScene(3, 64, 'hard', duration=20)
    forwards = [scene.draw(time).image for time in (0, 7, 13)]
    backwards = [scene.draw(time).image for time in (13, 7, 0)][::-1]
    np.testing.assert_array_equal(forwards, backwards)


def test_a_stream_goes_on_past_its_duration_and_repeats_the_clip():
    clip = generate_clip(8, 3, (48, 80), 'easy')
    stream = GeneratedScene(8, (48, 80), 'easy', duration=3).frames()
    streamed = [next(stream) for _ in range(6)]
    np.testing.assert_array_equal([frame.image for frame in streamed[:3]], clip.frames)
    assert streamed[5].image.shape == (48, 80, 3)


def centres(clip):
    """Return the centres [T] of object 1's box in units of the frame's side."""
    box = clip.boxes[:, 0]
    return (box[:, :2] + box[:, 2:]) / 2 / clip.frames.shape[1]


def test_objects_move_as_at_thirty_frames_a_second():
    speeds = []
    for seed in range(30):
        clip = generate_clip(seed, 40, 96, 'medium', scenario='plain')
        centre = centres(clip)
        speeds.append(np.nanmedian(np.linalg.norm(np.diff(centre, axis=0), axis=1)))
    assert 0.003 < np.median(speeds) < 0.03
    assert np.mean(np.array(speeds) > 0.06) < 0.1


def share_of_clips(scenario, event, seeds=16, **more):
    return np.mean(
        [
            event(generate_clip(s, 40, 64, 'medium', scenario=scenario, **more))
            for s in range(seeds)
        ]
    )


def leaves_and_returns(clip):
    seen = clip.visible[:, 0]
    gone = np.flatnonzero(~seen)
    return bool(seen[0] and len(gone) and seen[gone[0] :].any())


def is_mostly_covered_once(clip):
    area = (clip.masks == 1).sum((1, 2))
    return bool(area.min() < 0.4 * area[0])


def test_an_object_leaves_and_returns_where_that_is_asked_for():
    assert share_of_clips('re_entry', leaves_and_returns) > 0.7
    assert share_of_clips('plain', leaves_and_returns) < 0.2


def test_an_object_is_covered_where_that_is_asked_for():
    covered = share_of_clips('occlusion', is_mostly_covered_once)
    assert covered > 0.6
    assert covered > share_of_clips('plain', is_mostly_covered_once) + 0.3


def test_a_look_alike_resembles_object_one_more_than_others_do():
    def resemblance(clip):
        colours = [clip.frames[clip.masks == k].mean(0) for k in (1, 2) if (clip.masks == k).any()]
        return np.abs(colours[0] - colours[-1]).mean() if len(colours) == 2 else np.nan

    alike = [resemblance(generate_clip(s, 1, 64, 0.5, scenario='look_alike')) for s in range(20)]
    other = [resemblance(generate_clip(s, 1, 64, 0.5, scenario='plain')) for s in range(20)]
    assert np.nanmean(alike) < 0.6 * np.nanmean(other)


def test_the_camera_moves_fast_where_that_is_asked_for():
    def pans(scenario):
        plans = [
            ScenePlan(seed, 64, 'medium', held_out=False, scenario=scenario, duration=60)
            for seed in range(6)
        ]
        steps = [
            plan.camera.offset(time + 1.0, plan.lead) - plan.camera.offset(time, plan.lead)
            for plan in plans
            for time in range(0, 60, 3)
        ]
        return np.linalg.norm(steps, axis=1).mean()

    assert pans('camera_motion') > 3 * pans('plain')


def test_harder_clips_hold_smaller_objects():
    def area(difficulty):
        return np.mean(
            [(generate_clip(s, 1, 64, difficulty).masks == 1).mean() for s in range(25)]
        )

    assert area('hard') < 0.8 * area('easy')


def test_the_prompted_frame_shows_object_one():
    shown = [
        (generate_clip(s, 1, 96, 'medium', held_out=True).masks == 1).mean() > 0.003
        for s in range(40)
    ]
    assert np.mean(shown) > 0.9


@pytest.mark.parametrize(
    'arguments, complaint',
    [
        ({'difficulty': 'brutal'}, "'brutal', not one of easy, medium, hard"),
        ({'difficulty': 1.5}, '1.5, not between 0 and 1'),
        ({'scenario': 'fog'}, "'fog', not one of plain"),
        ({'size': 8}, 'size is 8'),
        ({'frames': 0}, 'frames is 0'),
    ],
)
def test_what_does_not_exist_is_refused_by_value(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        generate_clip(0, **{'frames': 1, 'size': 64, **arguments})


def test_wandering_has_the_speed_it_was_asked_for():
    rng = np.random.default_rng(0)
    noise = SmoothNoise(rng, [period_for_speed(0.2, 0.01)] * 200)
    path = np.stack([0.2 * noise(float(time)) for time in range(30)])
    assert 0.007 < np.abs(np.diff(path, axis=0)).mean() < 0.013
