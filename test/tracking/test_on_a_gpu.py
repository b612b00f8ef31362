# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A tracker on a GPU: the same tracks as on the CPU, and one wait for the device on a frame."""

from dataclasses import replace

import pytest
import torch

from sam_tracker import Frame, Prompt, Tracker, load_network
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.video.generated import generate_clip

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')

FRAMES = 30
"""More than it takes until all memories and pointers exist, and their layout is captured."""


@pytest.fixture(scope='module')
def clip():
    return generate_clip(3, FRAMES, (120, 160), 'easy')


@pytest.fixture(autouse=True)
def exact_products(monkeypatch):
    """TF32 would differ from float32 by as much as bfloat16 does."""
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    monkeypatch.setattr(torch.backends.cuda.matmul, 'allow_tf32', False)


def masks(clip, runtime, objects=1):
    """Track objects through a clip; return their masks on each frame."""
    tracker = Tracker(runtime.place(load_network('nano')), None, runtime)
    for number in range(1, objects + 1):
        tracker.add_prompt(Frame(clip.frames[0], 0), Prompt(mask=clip.masks[0] == number))
    return [
        [track.mask for track in tracker.step(Frame(pixels, stamp))]
        for stamp, pixels in enumerate(clip.frames[1:], 1)
    ]


def overlap(one, other):
    union = (one | other).sum()
    return (one & other).sum() / union if union else 1.0


def test_a_clip_has_the_masks_of_the_cpu_on_a_gpu_in_float32(clip):
    expected = masks(clip, choose_runtime('cpu', 'float32'))
    found = masks(clip, choose_runtime('cuda', 'float32'))
    for frame, ((ours,), (exact,)) in enumerate(zip(found, expected, strict=True), 1):
        # Memories are kept in bfloat16, so sums in another order come to differ by its rounding.
        assert overlap(ours, exact) > (0.99 if frame <= 16 else 0.9), frame


def test_a_clip_has_almost_the_masks_of_the_cpu_on_a_gpu_in_bfloat16(clip):
    expected = masks(clip, choose_runtime('cpu', 'float32'))
    found = masks(clip, choose_runtime('cuda', 'bfloat16'))
    for frame, ((ours,), (exact,)) in enumerate(zip(found, expected, strict=True), 1):
        assert overlap(ours, exact) > 0.85, frame


# Memories that grow are padded for graphs, and then attended to by a kernel that rounds otherwise.
@pytest.mark.parametrize('precision,least', [('float32', 0.99), ('bfloat16', 0.95)])
def test_graphs_of_a_gpu_change_no_mask(clip, precision, least):
    expected, found = (
        masks(clip, choose_runtime('cuda', precision, cuda_graphs=graphs))
        for graphs in (False, True)
    )
    for frame, ((ours,), (exact,)) in enumerate(zip(found, expected, strict=True), 1):
        assert overlap(ours, exact) > least, frame


@pytest.fixture
def reads(monkeypatch):
    """
    Make whatever waits for the device an error, but for ``Tensor.cpu``; list what that reads.

    It takes effect with the first call of the function in it.
    """
    read, cpu = [], torch.Tensor.cpu

    def reading(tensor):
        if not tensor.is_cuda:
            return cpu(tensor)
        read.append(tuple(tensor.shape))
        torch.cuda.set_sync_debug_mode('default')
        try:
            return cpu(tensor)
        finally:
            torch.cuda.set_sync_debug_mode('error')

    monkeypatch.setattr(torch.Tensor, 'cpu', reading)
    yield read
    torch.cuda.set_sync_debug_mode('default')


@pytest.mark.parametrize(
    'objects,side,graphs,closer_look',
    [(1, 50, False, False), (3, 50, True, False), (3, 12, False, True)],
)
def test_a_frame_waits_for_a_gpu_once_and_its_masks_once_more(
    clip, reads, objects, side, graphs, closer_look
):
    runtime = choose_runtime('cuda', cuda_graphs=graphs)
    network = runtime.place(load_network('nano'))
    settings = replace(
        TrackerSettings.for_network(network.suited_settings),
        exclusive=False,
        closer_look=closer_look,
    )
    tracker = Tracker(network, settings, runtime)
    for number in range(objects):
        x = 15.0 + 40 * number
        tracker.add_prompt(Frame(clip.frames[0], 0), Prompt(box=[x, 30.0, x + side, 30.0 + side]))
    for stamp, pixels in enumerate(clip.frames[1:-1], 1):
        tracker.step(Frame(pixels, stamp))
    reads.clear()
    torch.cuda.set_sync_debug_mode('error')
    tracks = tracker.step(Frame(clip.frames[-1], FRAMES))
    assert len(tracks) == objects
    assert len(reads) == 1
    for track in tracks:
        _ = track.mask
    assert len(reads) <= 2
