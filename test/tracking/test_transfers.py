# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What goes between the host and a device on a frame; torch's meta device stands for a GPU.

Its tensors have no numbers: whatever waits for one raises, and so does an operation on tensors of
both places. It needs no GPU.
"""

import contextlib
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sam_tracker import Frame, Prompt, Tracker
from sam_tracker.networks.registry import build_network
from sam_tracker.tracking.settings import TrackerSettings

META = torch.device('meta')
WIDTH, HEIGHT = 160, 120


class Transfers(TorchDispatchMode):
    """
    Lists what is copied to the device, and every operation on both places.

    A copy is its shape, and whether the host waits for it.
    """

    def __init__(self):
        super().__init__()
        self.uploads = []
        self.mixed = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        given = [each for each in tree_leaves((arguments, keywords)) if torch.is_tensor(each)]
        made = [each for each in tree_leaves(result) if torch.is_tensor(each)]
        places = {each.device.type for each in (*given, *made)}
        if len(places) > 1:
            if str(function).startswith(('aten._to_copy', 'aten.to', 'aten.copy_')):
                waits = not (keywords or {}).get('non_blocking', False)
                self.uploads.append((tuple(given[0].shape), waits))
            else:
                self.mixed.append(str(function))
        return result


class Reads(list):
    """Shapes of what ``Tensor.cpu`` has read from the device."""

    values = staticmethod(torch.ones)
    """What is read: numbers of a shape and type."""


def alternating(shape, dtype):
    """Return 0, 1, 0, 1 and so on; the cosine to ones is 0.71."""
    return (torch.arange(np.prod(shape)) % 2).reshape(shape).to(dtype)


def whole_masks(shape, dtype):
    """Return what is read for masks of which every cell is set, and so are one part."""
    return torch.ones(shape, dtype=dtype) * (65535 if dtype.is_floating_point else 1)


@pytest.fixture
def reads(monkeypatch):
    # It looks up torch's functions when it is imported, which must not be while they are replaced.
    import_module('torch._dynamo')
    read, cpu = Reads(), torch.Tensor.cpu

    def reading(tensor):
        if tensor.device != META:
            return cpu(tensor)
        read.append(tuple(tensor.shape))
        return read.values(tensor.shape, dtype=tensor.dtype)

    monkeypatch.setattr(torch.Tensor, 'cpu', reading)
    # The meta device has no autocast.
    monkeypatch.setattr(torch, 'is_autocast_enabled', lambda *_: False)
    monkeypatch.setattr(torch, 'autocast', lambda *_, **__: contextlib.nullcontext())
    return read


def tracker_of(name, objects, **settings):
    """Return a tracker on the device, with objects, and the stamp of its next frame."""
    network = build_network(name).eval().requires_grad_(False).to(META)
    network.optimise(META, torch.float32, compiled=False)
    suited = TrackerSettings.for_network(network.suited_settings)
    tracker = Tracker(network, replace(suited, **settings))
    for number in range(objects):
        box = np.array([20.0 + 40 * number, 30.0, 50.0 + 40 * number, 80.0])
        tracker.add_prompt(frame(0), Prompt(box=box))
    return tracker


def frame(stamp):
    """A tensor of the host, since an array is only uploaded where there is a GPU."""
    return Frame(torch.zeros(HEIGHT, WIDTH, 3, dtype=torch.uint8), stamp)


@pytest.mark.parametrize('name,objects', [('nano', 1), ('mobile', 3)])
def test_a_frame_reads_from_the_device_once_and_its_masks_once_more(name, objects, reads):
    tracker = tracker_of(name, objects, same_object=1.0, closer_look=False)
    reads.values = whole_masks
    tracker.step(frame(1))
    reads.clear()
    with Transfers() as transfers:
        tracks = tracker.step(frame(2))
        assert len(tracks) == objects
        assert len(reads) == 1
        for track in tracks:
            assert track.mask.shape == (HEIGHT, WIDTH)
        assert len(reads) == 2
    assert not transfers.mixed
    # The frame, and the indices and numbers of objects.
    (image, _), *small = transfers.uploads
    assert image == (HEIGHT, WIDTH, 3)
    assert len(small) == 4
    for shape, waits in small:
        assert not waits
        assert np.prod(shape) <= 40 * objects


def test_the_boxes_of_masks_that_lose_a_part_are_read_once_more(reads):
    tracker = tracker_of('nano', 1, closer_look=False)
    tracker.step(frame(1))
    reads.clear()
    with Transfers() as transfers:
        tracker.step(frame(2))
    # Every 16th column of the masks that are read has cells: several parts.
    _, boxes = reads
    assert boxes == (2, 1, 4)
    assert not transfers.mixed
    assert not any(waits for shape, waits in transfers.uploads if shape != (HEIGHT, WIDTH, 3))


PROMPTS = {
    'box': {'box': np.array([20.0, 30.0, 50.0, 80.0])},
    'points': {'points': np.array([[20.0, 30.0], [60.0, 30.0]]), 'labels': np.array([1, 0])},
    'mask': {'mask': np.ones((HEIGHT, WIDTH), bool)},
}


@pytest.mark.parametrize('kind', PROMPTS)
def test_no_part_of_a_prompt_is_uploaded_with_a_wait(kind, reads):
    tracker = tracker_of('nano', 1)
    tracker.step(frame(1))
    with Transfers() as transfers:
        tracker.add_prompt(frame(1), Prompt(**PROMPTS[kind]))
    assert not transfers.mixed
    # The frame is a tensor of the host here, which its owner may change at once.
    small = [waits for shape, waits in transfers.uploads if shape != (HEIGHT, WIDTH, 3)]
    assert small
    assert not any(small)


def test_a_verification_waits_for_the_device_once(reads):
    tracker = tracker_of('mobile', 1, same_object=1.0, closer_look=False)
    # It certainly looks as on the frame of its prompt, and then half like it.
    tracker.step(frame(1))
    reads.values = alternating
    tracker.step(frame(2))
    assert tracker.doubtful
    reads.clear()
    with Transfers() as transfers:
        tracker.verify()
    assert len(reads) == 1
    assert not transfers.mixed
    assert not any(waits for _, waits in transfers.uploads)
