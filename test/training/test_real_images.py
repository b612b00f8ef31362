# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Clips made of real images: what is read from a folder, pasted, shown and spoiled."""

import cv2
import numpy as np
import PIL.Image
import pytest

from sam_tracker.training.batches import training_batch
from sam_tracker.training.composition import compose_clip
from sam_tracker.training.curriculum import Curriculum
from sam_tracker.training.degradation import degraded, softened
from sam_tracker.training.footage import Footage, cut_out
from sam_tracker.training.pasted_objects import turning_views
from sam_tracker.training.windows import draw_windows

HEIGHT, WIDTH, FRAMES = 64, 96, 8


def write_video(folder, name, colour):
    """Write a coloured square that moves by two pixels a frame over a grey picture, and masks."""
    images, masks = (
        folder / 'davis/JPEGImages/480p' / name,
        folder / 'davis/Annotations/480p' / name,
    )
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for number in range(FRAMES):
        image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        region = slice(20, 44), slice(20 + 2 * number, 44 + 2 * number)
        image[region] = colour[::-1]
        mask[region] = 255
        quality = [cv2.IMWRITE_JPEG_QUALITY, 98]
        cv2.imwrite(str(images / f'{number:05}.jpg'), image, quality)
        cv2.imwrite(str(masks / f'{number:05}.png'), mask)


def write_turning(folder, name, colours):
    """Write a disc whose colour is another in each view."""
    (folder / 'turning' / name).mkdir(parents=True)
    for number, colour in enumerate(colours):
        disc = np.zeros((40, 30, 4), np.uint8)
        cv2.circle(disc, (15, 20), 14, (*colour, 255), -1)
        PIL.Image.fromarray(disc).save(folder / f'turning/{name}/{number:02}.webp', quality=95)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data')
    write_video(folder, 'red', (230, 20, 20))
    write_video(folder, 'blue', (20, 20, 230))
    (folder / 'photographs').mkdir()
    noise = np.random.default_rng(0).integers(90, 150, (300, 420, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / 'photographs/noise.jpg'), noise)
    (folder / 'cutouts').mkdir()
    disc = np.zeros((50, 60, 4), np.uint8)
    cv2.ellipse(disc, (30, 25), (28, 22), 0, 0, 360, (20, 230, 20, 255), -1)
    cv2.imwrite(str(folder / 'cutouts/disc.png'), disc)
    return folder


@pytest.fixture(scope='module')
def footage(folder):
    return Footage(folder)


def test_videos_come_with_their_masks(footage):
    images, masks = footage.video('red', [0, 3])
    assert images[1].shape == (HEIGHT, WIDTH, 3)
    assert images[1][masks[1] == 1].mean(axis=0) == pytest.approx([230, 20, 20], abs=12)
    assert np.unique(masks[1]).tolist() == [0, 1] and masks[1].sum() == 24 * 24


def test_a_video_that_is_held_out_is_never_shown(folder):
    kept = Footage(folder, ['blue'])
    assert kept.names == ['red']
    with pytest.raises(ValueError, match="no video 'green' to hold out"):
        Footage(folder, ['green'])


def test_a_folder_without_backgrounds_is_an_error(tmp_path):
    (tmp_path / 'cutouts').mkdir()
    with pytest.raises(ValueError, match='neither'):
        Footage(tmp_path)


def test_what_cannot_be_read_is_named(folder, tmp_path):
    (tmp_path / 'photographs').mkdir()
    (tmp_path / 'photographs/broken.jpg').write_bytes(b'nothing')
    with pytest.raises(ValueError, match=r'broken\.jpg cannot be read'):
        Footage(tmp_path).draw_photograph(np.random.default_rng(0))


def test_a_cutout_is_what_the_mask_covers(footage):
    (image,), (mask,) = footage.video('blue', [2])
    look = cut_out(image, mask)
    assert look.alpha.shape == (24, 24) and (look.alpha == 255).all()
    assert look.image.mean(axis=(0, 1)) == pytest.approx([20, 20, 230], abs=12)
    assert cut_out(image, np.zeros_like(mask)) is None


def test_views_of_a_thing_that_turns_are_read_in_order_with_their_alpha(folder, tmp_path):
    (tmp_path / 'photographs').symlink_to(folder / 'photographs')
    write_turning(tmp_path, 'disc', [(230, 20, 20), (20, 230, 20), (20, 20, 230)])
    write_turning(tmp_path, '.unfinished', [(255, 255, 255)])
    (tmp_path / 'turning/empty').mkdir()
    footage = Footage(tmp_path)
    assert [len(views) for views in footage.turning] == [3]
    look = footage.view(0, 2)
    assert look.image.shape == (40, 30, 3) and look.alpha.shape == (40, 30)
    assert look.alpha[20, 15] == 255 and look.alpha[0, 0] == 0
    assert look.image[20, 15] == pytest.approx([20, 20, 230], abs=12)
    PIL.Image.new('RGB', (8, 8)).save(tmp_path / 'turning/disc/01.webp')
    with pytest.raises(ValueError, match=r'01\.webp has no alpha channel'):
        footage.view(0, 1)


def test_a_thing_turns_by_one_view_a_frame_or_every_other_frame_and_back_at_the_ends():
    rng = np.random.default_rng(0)
    starts, halves = set(), 0
    for _ in range(200):
        views = turning_views(rng, 5, 12)
        steps = np.abs(np.diff(views))
        assert set(views) <= set(range(5)) and steps.max() == 1
        assert (steps == 1).all() or (steps == np.arange(11) % 2).all()
        starts.add((views[0], views[2] > views[0]))
        halves += not steps.all()
    assert {view for view, _ in starts} == set(range(5)) and len(starts) >= 8
    assert 40 < halves < 100
    assert turning_views(rng, 1, 3) == [0, 0, 0]


def test_things_that_turn_change_within_a_clip(folder, tmp_path):
    (tmp_path / 'photographs').symlink_to(folder / 'photographs')
    write_turning(tmp_path, 'disc', [(230, 20, 20), (20, 20, 230)])
    footage = Footage(tmp_path)
    changed = 0
    for seed in range(20):
        clip = compose_clip(np.random.default_rng(seed), footage, 2, 96)
        for object_id in np.setdiff1d(np.unique(clip.masks), 0):
            masks = clip.masks == object_id
            if masks.sum(axis=(1, 2)).min() > 100:
                before, after = (
                    clip.frames[t][masks[t]].mean(axis=0) @ [1, 0, -1] for t in (0, 1)
                )
                changed += before * after < 0 and abs(before - after) > 100
    assert changed >= 5


def test_masks_of_composed_clips_lie_on_the_things_they_mean(footage):
    """Every thing of the folder is far more colourful than any background."""
    rng = np.random.default_rng(1)
    agreement = []
    for _ in range(60):
        clip = compose_clip(rng, footage, 4, 96)
        assert clip.frames.shape == (4, 96, 96, 3) and clip.masks.shape == (4, 96, 96)
        frames = clip.frames.astype(int)
        colourful = frames.max(axis=3) - frames.min(axis=3)
        inside, outside = colourful[clip.masks > 0], colourful[clip.masks == 0]
        if len(inside) > 500 and len(outside) > 500:
            agreement.append(np.median(inside) > np.median(outside))
    assert len(agreement) > 30
    # Grey cameras, and shapes filled with the photograph, tell nothing.
    assert np.mean(agreement) > 0.7


def test_equal_seeds_give_equal_clips(footage):
    first, second = (compose_clip(np.random.default_rng(7), footage, 3, 64) for _ in range(2))
    assert np.array_equal(first.frames, second.frames)
    assert np.array_equal(first.masks, second.masks)


def test_windows_lie_in_the_image_and_show_the_object_first():
    rng = np.random.default_rng(0)
    boxes = np.array([[60, 40, 80, 60]] * 6, float) + 4 * np.arange(6)[:, None]
    boxes[3] = np.nan
    whole = square = 0
    for _ in range(200):
        windows = draw_windows(rng, boxes, 200, 120)
        assert (windows[:, :2] >= 0).all() and (windows[:, 2:] <= [200, 120]).all()
        sides = windows[:, 2:] - windows[:, :2]
        whole += bool((windows == [0, 0, 200, 120]).all())
        square += bool((sides[:, 0] == sides[:, 1]).all())
        x_min, y_min, x_max, y_max = windows[0]
        assert x_min < 70 < x_max and y_min < 50 < y_max
    assert whole + square == 200
    assert 40 < whole < 100


@pytest.mark.parametrize('seed', range(6))
def test_a_poor_camera_changes_pixels_and_no_shapes(seed):
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (3, 48, 48, 3), dtype=np.uint8)
    spoiled = degraded(frames, rng)
    assert spoiled.shape == frames.shape and spoiled.dtype == np.uint8
    assert not np.array_equal(spoiled, frames)


def test_a_softened_clip_keeps_its_picture_and_loses_its_detail():
    rng = np.random.default_rng(0)
    fine = np.tile(rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8), (3, 1, 1, 1))
    coarse = softened(fine, 0.5)
    assert coarse.shape == fine.shape and coarse.dtype == np.uint8
    assert abs(coarse.mean() - fine.mean()) < 2
    assert coarse.std() < 0.7 * fine.std()


def test_batches_mix_real_and_generated_clips_of_one_or_more_objects(footage):
    batch = training_batch(
        np.random.default_rng(0), Curriculum(fresh=False), 1.0,
        frames=2, clips=12, objects=2, size=64, footage=footage,
    )  # fmt: skip
    assert batch.images.shape == (2, 12, 64, 64, 3)
    assert batch.masks.shape[1] == len(batch.clip_of)
    assert sorted(set(batch.clip_of.tolist())) == list(range(12))
    assert batch.masks[0].flatten(1).any(1).all()
    assert 12 <= len(batch.clip_of) <= 24
