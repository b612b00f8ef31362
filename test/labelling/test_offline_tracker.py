# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Objects of recordings are propagated by the rules of live ones."""

from dataclasses import replace

import numpy as np
import pytest

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.labelling.offline_tracker import OfflineTracker
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.stretch import plan
from sam_tracker.tracking.memory.store import MemoryStore
from sam_tracker.tracking.prompting import Prompting
from sam_tracker.tracking.settings import TrackerSettings

from .conftest import PERIOD, SIZE


@pytest.mark.parametrize('direction', [1, -1])
def test_parts_apart_from_the_object_are_dropped_on_every_frame(
    network, images, clip, direction, monkeypatch
):
    count, start = 6, 0 if direction > 0 else 5
    decode = network.decode
    box = clip.boxes[start, 0]
    corner = np.s_[..., :3, :3] if box[:2].min() > SIZE / 3 else np.s_[..., -3:, -3:]

    def with_a_part(features, conditioned, prompts, several):
        answer = decode(features, conditioned, prompts, several)
        logits = answer.mask_logits.clone()
        if not prompted:
            logits[corner] = 9.0
        return replace(answer, mask_logits=logits)

    monkeypatch.setattr(network, 'decode', with_a_part)
    widths, prompted = {}, False
    for dropping in (True, False):
        settings = TrackerSettings.for_network(network.suited_settings)
        settings = replace(settings, closer_look=False, drop_detached_parts=dropping)
        tracker = OfflineTracker(network, settings)
        frames = [Frame(image, number * PERIOD) for number, image in enumerate(images[:count])]
        prompts = {1: ObjectPrompts('thing').added(start, Prompt(box=box))}
        prompted = True
        tracker.prompt(start, frames[start], prompts)
        prompted = False
        (stretch,) = plan(1, [start], count, 4, False)
        tracker.begin(stretch)
        widths[dropping] = []
        for number in range(start + direction, count if direction > 0 else -1, direction):
            (track,) = tracker.step(number, frames[number]).values()
            widths[dropping].append(track.box[2] - track.box[0])
    assert len(widths[True]) == count - 1
    assert max(widths[True]) < min(widths[False]) - 10


@pytest.mark.parametrize('defining_helps', [True, False])
def test_a_correction_that_contradicts_itself_with_a_later_prompt_is_read_without_it(
    network, images, clip, monkeypatch, defining_helps
):
    read = []
    condition_at, refine = MemoryStore.condition_at, Prompting.refine

    def recorded(store, row, frame, *memory):
        read[-1].append(frame)
        return condition_at(store, row, frame, *memory)

    def refused(prompting, held, *given):
        bad = read[-1] != [-4] or not defining_helps
        read.append([])
        if bad:
            raise PromptError('the answer contradicts the prompt')
        return refine(prompting, held, *given)

    monkeypatch.setattr(MemoryStore, 'condition_at', recorded)
    monkeypatch.setattr(Prompting, 'refine', refused)
    tracker = OfflineTracker(network, TrackerSettings.for_network(network.suited_settings))
    mask = clip.masks[4] == 1
    x, y = np.argwhere(mask).mean(0)[::-1]
    click = Prompt(points=[[x, y]], labels=[1])
    prompts = (
        ObjectPrompts().added(0, Prompt(box=clip.boxes[0, 0])).corrected(4, click, mask, True)
    )
    prompts = prompts.corrected(6, Prompt(box=clip.boxes[6, 0]), mask, True)
    for number in (0, 6):
        tracker.prompt(number, Frame(images[number], number * PERIOD), {1: prompts})
    read.append([])
    frame = Frame(images[4], 4 * PERIOD)
    if defining_helps:
        tracker.prompt(4, frame, {1: prompts})
        assert tracker.prompted(1, 4).track.mask.any()
    else:
        with pytest.raises(PromptError, match='contradicts'):
            tracker.prompt(4, frame, {1: prompts})
    assert read == [[2, -4], [-4], []]
