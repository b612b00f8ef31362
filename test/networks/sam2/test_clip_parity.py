# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A whole clip, tracked by Meta's video predictor and by our network in the plainest SAM 2 loop.

The loop below is SAM 2's, not the tracker's: six memories by recency and sixteen pointers. What is
compared are the logits, the pointers and the object scores of every object on every frame, so an
error anywhere is carried on through the memory and shows.
"""

import pytest
import torch

from ..plain_loop import PlainLoop

FRAMES = 20
CORRECTED = 11
SEEN = FRAMES // 2


class MetaClip:
    """The same verbs for Meta's predictor."""

    def __init__(self, predictor, frames, monkeypatch):
        size = frames[0].shape[-1]
        monkeypatch.setattr(
            'sam2.sam2_video_predictor.load_video_frames', lambda **_: (frames, size, size)
        )
        monkeypatch.setattr('sam2.sam2_video_predictor.tqdm', lambda frames, **_: frames)
        encoded = {}
        forward_image = predictor.forward_image

        def encode_once(image):
            if image.data_ptr() not in encoded:
                encoded[image.data_ptr()] = forward_image(image)
            return encoded[image.data_ptr()]

        monkeypatch.setattr(predictor, 'forward_image', encode_once)
        self.predictor = predictor
        self.state = predictor.init_state('')

    def prompt(self, name, frame, points=(), labels=(), mask=None):
        if mask is not None:
            self.predictor.add_new_mask(self.state, frame, name, mask[0, 0])
        else:
            self.predictor.add_new_points_or_box(
                self.state, frame, name, torch.tensor(points), torch.tensor(labels)
            )

    def track(self, first, last):
        list(self.predictor.propagate_in_video(self.state, first, last - first))

    def outputs(self, name):
        index = self.state['obj_id_to_idx'][name]
        outputs = self.state['output_dict_per_obj'][index]
        return outputs['cond_frame_outputs'] | outputs['non_cond_frame_outputs']


def moving_blobs(size):
    """Two soft blobs cross a fixed pattern, and go back the same way."""
    generator = torch.Generator().manual_seed(5)
    background = torch.randn(3, size // 8, size // 8, generator=generator)
    background = torch.nn.functional.interpolate(background[None], size=(size, size))[0]
    y, x = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing='ij')
    colours = 3 * torch.randn(2, 3, 1, 1, generator=generator)
    frames = []
    for time in torch.linspace(0, 1, SEEN):
        frame = background
        for colour, cx, cy in zip(colours, (time, 1 - time), (0.3, 0.3 + 0.4 * time), strict=True):
            frame = frame + colour * torch.exp(-30 * ((x - cx) ** 2 + (y - cy) ** 2))
        frames.append(frame)
    return [frames[min(time, FRAMES - 1 - time)] for time in range(FRAMES)]


@pytest.fixture
def balanced():
    """Shift the object scores of a pair so that objects come and go, and back when done."""
    shifted = []

    def balance(loop, box):
        loop.prompt('box', 0, box, [2, 3])
        loop.track(1, FRAMES - 1)
        outputs = loop.objects.pop('box').others.values()
        bias = loop.network.sam_mask_decoder.pred_obj_score_head.layers[2].bias
        shifted.append((bias, bias.clone()))
        # In the widest gap near the middle, so that rounding cannot make a presence an absence.
        logits = torch.cat([output.object_logit for output in outputs]).sort().values[4:-4]
        gap = logits.diff().argmax()
        bias -= logits[gap : gap + 2].mean()

    yield balance
    for bias, original in shifted:
        bias.copy_(original)


@pytest.mark.parametrize(
    'name,size,objects',
    [
        ('test', 160, ('box', 'click', 'clicks', 'mask', 'late')),
        ('tiny', 128, ('box', 'mask', 'late')),
        ('small', 128, ('box', 'mask', 'late')),
        ('base_plus', 128, ('box', 'mask', 'late')),
        ('large', 128, ('box', 'mask', 'late')),
    ],
    ids=['test', 'tiny', 'small', 'base_plus', 'large'],
)
def test_a_clip_is_tracked_alike(pair, name, size, objects, balanced, monkeypatch, assert_close):
    both = pair(name, size)
    frames = moving_blobs(size)
    mask = torch.zeros(1, 1, size, size)
    mask[..., size // 4 : size // 2, size // 3 : size // 2] = 1
    box = [[0.1 * size, 0.2 * size], [0.4 * size, 0.5 * size]]
    ours = PlainLoop(both.ours, frames)
    balanced(ours, box)
    meta = MetaClip(both.meta, frames, monkeypatch)

    first = {
        'box': {'points': box, 'labels': [2, 3]},
        'click': {'points': [[0.7 * size, 0.3 * size]], 'labels': [1]},
        'clicks': {'points': [[0.7 * size, 0.3 * size], [9.0, 0.9 * size]], 'labels': [1, 0]},
        'mask': {'mask': mask},
    }
    corrections = {
        'box': {'points': [[0.5 * size, 0.5 * size]], 'labels': [0]},
        'clicks': {'points': [[0.2 * size, 0.5 * size], [9.0, 9.0]], 'labels': [1, 1]},
        'mask': {'mask': mask.flip(3)},
    }
    late = {'points': [*box, [0.3 * size, 0.3 * size]], 'labels': [2, 3, 1]}
    for clip in (ours, meta):
        for key in filter(objects.__contains__, first):
            clip.prompt(key, 0, **first[key])
        clip.track(0, CORRECTED)
        for key in filter(objects.__contains__, corrections):
            clip.prompt(key, CORRECTED, **corrections[key])
        clip.prompt('late', CORRECTED + 1, **late)
        clip.track(CORRECTED + 1, FRAMES - 1)

    absent = []
    for key, history in ours.objects.items():
        theirs = meta.outputs(key)
        outputs = history.conditioning | history.others
        assert len(outputs) == FRAMES - (CORRECTED + 1 if key == 'late' else 0)
        assert outputs.keys() == theirs.keys()
        for frame, output in outputs.items():
            assert_close(output.mask_logits, theirs[frame]['pred_masks'])
            assert_close(output.pointer, theirs[frame]['obj_ptr'])
        logits = torch.cat([output.object_logit for output in outputs.values()])
        expected = torch.cat([theirs[frame]['object_score_logits'][:, 0] for frame in outputs])
        assert_close(logits, expected)
        absent += (logits < 0).tolist()
    if name == 'test':
        assert any(absent) and not all(absent), 'a clip in which nothing comes or goes shows less'
