# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Whole recordings are labelled in both directions, resumed, and corrected where they must be."""

from itertools import pairwise
from pathlib import Path
import signal
import subprocess
import sys

import numpy as np
import pytest

from sam_tracker.core.prompt import Prompt
from sam_tracker.labelling.file_recordings import FolderRecording
from sam_tracker.labelling.labelled_track import Stage
from sam_tracker.labelling.labeller import Labeller
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.tracking.settings import TrackerSettings

from .conftest import FRAMES


def silent(*_):
    pass


def labeller_of(folder, out, network):
    settings = TrackerSettings.for_network(network.suited_settings)
    return Labeller(FolderRecording(folder, silent), out, network, settings, checkpoint_period=0.0)


def prompts_of(clip, *frames, object_id=1):
    prompts = ObjectPrompts('thing')
    for frame in frames:
        prompts = prompts.added(frame, Prompt(box=clip.boxes[frame, object_id - 1]))
    return prompts


def region_similarity(labels, clip):
    """Return the mean IoU with the truth."""
    overlaps = []
    for image in labels.images():
        truth = clip.masks[image.number] == 1
        mask = image.tracks[0].mask
        overlaps.append((truth & mask).sum() / max((truth | mask).sum(), 1))
    return float(np.mean(overlaps))


def test_every_frame_is_labelled_from_prompts_in_the_middle(folder, clip, network, tmp_path):
    prompts = {1: prompts_of(clip, 6, 11)}
    labels = labeller_of(folder, tmp_path / 'out', network).label(prompts).labels
    images = list(labels.images())
    assert [image.number for image in images] == list(range(FRAMES))
    stages = {image.number: image.tracks[0].stage for image in images}
    assert [number for number, stage in stages.items() if stage is Stage.HAND] == [6, 11]
    assert region_similarity(labels, clip) > 0.7


def test_the_same_recording_gives_the_same_bytes(folder, clip, network, tmp_path):
    prompts = {1: prompts_of(clip, 4, 12), 2: prompts_of(clip, 0, object_id=2)}
    texts = []
    for name in ('one', 'two'):
        labels = labeller_of(folder, tmp_path / name, network).label(prompts).labels
        texts.append(labels.path.read_bytes())
    assert texts[0] == texts[1]


def test_what_is_there_is_not_done_again_and_a_correction_redoes_what_it_touches(
    folder, clip, network, tmp_path
):
    out = tmp_path / 'out'
    first = labeller_of(folder, out, network).label({1: prompts_of(clip, 2, 12)})
    again = labeller_of(folder, out, network).label({1: prompts_of(clip, 2, 12)})
    assert first.frames == 2 + 9 + 9 + 3 and again.frames == 0
    corrected = {1: prompts_of(clip, 2, 7, 12)}
    after = labeller_of(folder, out, network).label(corrected)
    fresh = labeller_of(folder, tmp_path / 'fresh', network).label(corrected)
    assert after.labels.path.read_bytes() == fresh.labels.path.read_bytes()
    # Another object alone is propagated, in both directions.
    more = corrected | {2: prompts_of(clip, 3, object_id=2)}
    assert labeller_of(folder, out, network).label(more).frames == FRAMES - 1


def test_objects_do_not_change_each_other(folder, clip, network, tmp_path):
    one, two = prompts_of(clip, 2), prompts_of(clip, 5, object_id=2)
    alone = labeller_of(folder, tmp_path / 'alone', network).label({1: one}).labels
    both = labeller_of(folder, tmp_path / 'both', network).label({1: one, 2: two}).labels
    for first, second in zip(alone.images(), both.images(), strict=True):
        difference = first.tracks[0].mask ^ second.tracks[0].mask
        # A batch of two may round differently.
        assert difference.sum() <= 0.01 * max(first.tracks[0].mask.sum(), 100)


KILLED = """
import os, pickle, signal, sys
import torch
from sam_tracker.core.prompt import Prompt
from sam_tracker.labelling.file_recordings import FolderRecording
from sam_tracker.labelling.labeller import Labeller
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import TrackerSettings

folder, out, moment, threads, boxes = sys.argv[1], sys.argv[2], *map(eval, sys.argv[3:])
torch.set_num_threads(threads)
network = load_network('nano', image_size=128)
settings = TrackerSettings.for_network(network.suited_settings)
from pathlib import Path
recording = FolderRecording(Path(folder), lambda *_: None)
prompts = ObjectPrompts('thing')
for frame, box in boxes.items():
    prompts = prompts.added(frame, Prompt(box=box))

def advance(done, total):
    if done >= moment:
        os.kill(os.getpid(), signal.SIGKILL)

labeller = Labeller(recording, Path(out), network, settings, checkpoint_period=0.0)
labeller.label({1: prompts}, advance)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was_and_gives_the_same_bytes(
    folder, clip, network, tmp_path
):
    import torch

    prompts = {1: prompts_of(clip, 5, 10)}
    undisturbed = labeller_of(folder, tmp_path / 'undisturbed', network).label(prompts)
    boxes = {frame: clip.boxes[frame, 0].tolist() for frame in (5, 10)}
    out = tmp_path / 'killed'
    # In the middle of the forward pass, and of the backward one.
    for moment in (4, 13):
        child = subprocess.run(
            [
                *(sys.executable, '-c', KILLED, str(folder), str(out)),
                *map(repr, (moment, torch.get_num_threads(), boxes)),
            ],
            check=False,
        )
        assert child.returncode == -signal.SIGKILL
        assert (out / 'work' / 'sweep.json').exists()
    done = labeller_of(folder, out, network).label(prompts)
    assert done.labels.path.read_bytes() == undisturbed.labels.path.read_bytes()
    counted = []
    labeller_of(folder, out, network).label(prompts, lambda now, total: counted.append(now))
    assert counted == []


def test_a_checkpoint_is_used(folder, clip, network, tmp_path):
    prompts, out = {1: prompts_of(clip, 0)}, tmp_path / 'out'

    class StoppedError(Exception):
        pass

    def stop_at(moment):
        def advance(done, total):
            seen.append(done)
            if done >= moment:
                raise StoppedError

        return advance

    seen = []
    with pytest.raises(StoppedError):
        labeller_of(folder, out, network).label(prompts, stop_at(8))
    seen.clear()
    labeller_of(folder, out, network).label(prompts, stop_at(10**6))
    # The checkpoint is written after a frame is counted, so the last one is done again.
    assert seen[0] == 7 and all(b == a + 1 for a, b in pairwise(seen))


def test_a_damaged_checkpoint_costs_only_time(folder, clip, network, tmp_path):
    prompts, out = {1: prompts_of(clip, 0)}, tmp_path / 'out'
    expected = labeller_of(folder, tmp_path / 'other', network).label(prompts)
    work = out / 'work'
    work.mkdir(parents=True)
    (work / 'sweep.checkpoint').write_bytes(b'\x80\x04cos\nsystem\n(S"true"\ntR.')
    (work / 'sweep.json').write_text('{')
    done = labeller_of(folder, out, network).label(prompts)
    assert done.labels.path.read_bytes() == expected.labels.path.read_bytes()


def test_prompts_that_do_not_fit_are_refused_by_name(folder, network, tmp_path):
    labeller = labeller_of(folder, tmp_path / 'out', network)
    with pytest.raises(LabellingError, match='no prompt'):
        labeller.label({})
    outside = ObjectPrompts().added(3, Prompt(box=[500, 500, 520, 520]))
    with pytest.raises(LabellingError, match=r'frame 3: the box \[500, 500, 520, 520\]'):
        labeller.label({1: outside})
    late = ObjectPrompts().added(99, Prompt(box=[5, 5, 20, 20]))
    with pytest.raises(LabellingError, match=f'frame 99, and the recording has {FRAMES}'):
        labeller.label({1: late})


def test_the_folder_holds_no_more_than_the_labels_need(folder, clip, network, tmp_path):
    out = tmp_path / 'out'
    for frames in ((2,), (2, 9), (2, 9, 13)):
        labeller_of(folder, out, network).label({1: prompts_of(clip, *frames)})
    stretches = list(Path(out / 'work' / 'stretches').iterdir())
    # Two between each pair of neighbours, and one to each end.
    assert len(stretches) == 6
