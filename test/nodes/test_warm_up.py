# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a node does before its first image, so that it is as fast there as later."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker import Frame, Prompt, Tracker, load_network
from sam_tracker.networks.replayed_calls import ReplayedNetwork
from sam_tracker.networks.runtime import Runtime
from sam_tracker.nodes.network_setup import NetworkSetup, warm_up
from sam_tracker.tracking.settings import TrackerSettings

from ..captures import Captures

CALLS = {'attend_to_memory', 'decode', 'encode_image', 'encode_memory'}


def tracker_of(network, most):
    suited = TrackerSettings.for_network(network.suited_settings)
    return Tracker(network, replace(suited, maximum_objects=most))


def test_what_a_tracked_frame_calls_is_captured_by_a_warm_up():
    captures = Captures()
    network = ReplayedNetwork(load_network('nano'), captures)
    # As on a GPU; here the captures are made by hand.
    setup = NetworkSetup(network, Runtime(torch.device('cpu'), cuda_graphs=True))
    tracker = tracker_of(network, 2)
    warm_up(tracker, setup, 160, 120)
    assert tracker.objects == []
    assert set(captures.names) == CALLS

    image = np.zeros((120, 160, 3), np.uint8)
    image[:, :80] = 255
    for number in range(2):
        mask = np.zeros((120, 160), bool)
        mask[:, 80 * number : 80 * number + 80] = True
        tracker.add_prompt(Frame(image, 0), Prompt(mask=mask))
    captures.names.clear()
    for stamp in range(1, 22):
        tracker.step(Frame(image, stamp))
    assert captures.names == []


@pytest.mark.parametrize('most', [1, 2])
def test_what_is_compiled_is_so_for_one_object_and_for_two(most, monkeypatch):
    """What is compiled for two serves for any number; a tracker of one object has no second."""
    network, sizes = load_network('nano'), set()
    attend = network.attend_to_memory

    def attending(embedding, memory):
        sizes.add(len(memory.tokens))
        return attend(embedding, memory)

    monkeypatch.setattr(network, 'attend_to_memory', attending)
    tracker = tracker_of(network, most)
    setup = NetworkSetup(network, Runtime(torch.device('cpu'), compiled=True))
    warm_up(tracker, setup, 160, 120)
    assert tracker.objects == []
    assert sizes == {*range(1, most + 1)}
