# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json
from multiprocessing import Value
from pathlib import Path
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.weights.catalogue import find_checkpoint
from sam_tracker.training.__main__ import parse
from sam_tracker.training.averaging import MovingAverage
from sam_tracker.training.batches import training_batch
from sam_tracker.training.choices import Choices
from sam_tracker.training.curriculum import Curriculum
from sam_tracker.training.initialisation import initialise, mask_share_of_memory
from sam_tracker.training.loading import EndlessBatches
from sam_tracker.training.objective import loss_of, scores
from sam_tracker.training.processes import train
from sam_tracker.training.rollout import roll_out, small_truth
from sam_tracker.training.settings import Settings
from sam_tracker.training.shipping import ship
from sam_tracker.training.trainer import CHECKPOINT, LOG

SIZE = 128

pytestmark = pytest.mark.slow


def batch_of(frames, clips=2, objects=2, share=0.5):
    return training_batch(
        np.random.default_rng(0),
        Curriculum(),
        share,
        frames=frames,
        clips=clips,
        objects=objects,
        size=SIZE,
    )


def test_clips_of_a_gpu_have_equally_many_objects_so_that_shapes_repeat():
    fewer = batch_of(2, clips=6, objects=4).clip_of.bincount()
    assert fewer.min() < 4
    settings = Settings(
        output=Path(), minutes=1.0, device='cuda', clips=3, objects=4, image_size=SIZE
    )
    batches = iter(EndlessBatches(settings, [0], 0, Value('d', 0.5)))
    for batch in (next(batches), next(batches)):
        clips = batch.images.shape[1]
        assert batch.clip_of.tolist() == [clip for clip in range(clips) for _ in range(4)]
        assert batch.masks.shape[1] == 4 * clips
        # Each is an object to be prompted.
        assert batch.masks[0].flatten(1).any(1).all()


def test_processes_that_share_a_gpu_draw_clips_of_equal_lengths_but_other_content():
    settings = Settings(
        output=Path(),
        minutes=1.0,
        device='cuda',
        clips=1,
        image_size=SIZE,
        curriculum=Curriculum(longest=4, fresh=False),
    )
    progress = Value('d', 0.5)
    processes = [iter(EndlessBatches(settings, [0, rank], 3, progress)) for rank in (0, 1)]
    pairs = [[next(process) for process in processes] for _ in range(6)]
    lengths = [[len(batch.images) for batch in pair] for pair in pairs]
    assert all(first == second for first, second in lengths)
    assert len({first for first, _ in lengths}) > 1
    assert not any(torch.equal(first.images, second.images) for first, second in pairs)


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    network = Sam2Network(configuration_named('nano', SIZE)).train()
    initialise(network, network_input(batch_of(1, clips=8).images[0], SIZE))
    return network


def test_a_step_in_bfloat16_learns_as_on_a_gpu(network):
    choices = Choices(corrections=1, corrected_frame=1)
    generator = torch.Generator().manual_seed(0)
    batch = batch_of(3)
    with torch.autocast('cpu', torch.bfloat16):
        rollout = roll_out(network, batch, choices, generator)
    loss_of(rollout, batch, 0.0).total.backward()
    without = {name for name, value in network.named_parameters() if value.grad is None}
    network.zero_grad(set_to_none=True)
    exact = roll_out(network, batch, choices, torch.Generator().manual_seed(0))
    loss_of(exact, batch, 0.0).total.backward()
    assert without == {name for name, value in network.named_parameters() if value.grad is None}
    network.zero_grad(set_to_none=True)


def records(output):
    return [json.loads(line) for line in (output / LOG).read_text().splitlines()]


def test_a_run_of_seconds_learns_ships_and_goes_on_where_it_stopped(tmp_path):
    settings = Settings(tmp_path, minutes=0.04, clips=1, objects=1, evaluation_clips=0)
    train(settings)
    first = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert first['step'] > 0

    minutes = first['seconds'] / 60 + 0.04
    train(replace(settings, minutes=minutes, resume=True))
    second = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert second['step'] > first['step']
    assert second['seconds'] > first['seconds'] >= 60 * 0.04
    name = 'memory_encoder.out_proj.weight'
    assert not torch.equal(first['network'][name], second['network'][name])
    # What was learned before is still there: a few steps move a weight by little.
    change = (second['average'][name] - first['average'][name]).norm()
    assert change < 0.5 * first['average'][name].norm()
    logged = [record for record in records(tmp_path) if 'loss' in record]
    # The last step of each run is logged; a fast machine logs some in between.
    steps = [record['step'] for record in logged]
    assert first['step'] in steps
    assert steps[-1] == second['step']
    assert steps == sorted(set(steps))
    assert all(np.isfinite(record['loss']) for record in logged)

    ship(tmp_path / CHECKPOINT, tmp_path / 'nano.pt')
    shipped = torch.load(tmp_path / 'nano.pt', weights_only=True)
    assert all(value.dtype == torch.float16 for value in shipped['model'].values())
    assert (tmp_path / 'nano.pt').stat().st_size < 10e6
    Sam2Network(configuration_named('nano')).load_state_dict(shipped['model'])
    assert shipped['image_size'] == settings.image_size
    ship(tmp_path / CHECKPOINT, tmp_path / 'larger.pt', 160)
    assert torch.load(tmp_path / 'larger.pt', weights_only=True)['image_size'] == 160


def test_a_frozen_trunk_stays_as_it_was_while_the_rest_learns(tmp_path):
    start = find_checkpoint('mobile')
    settings = Settings(
        tmp_path, minutes=0.03, network='mobile', clips=1, objects=1, evaluation_clips=0,
        start=start, frozen_share=1.0,
    )  # fmt: skip
    train(settings)
    before = torch.load(start, weights_only=True)['model']
    after = torch.load(tmp_path / CHECKPOINT, weights_only=True)['network']
    trunk = [name for name in before if name.startswith('image_encoder.trunk.')]
    assert trunk and all(torch.equal(before[name].float(), after[name]) for name in trunk)
    name = 'memory_encoder.out_proj.weight'
    assert not torch.equal(before[name].float(), after[name])


def test_two_processes_train_one_network(tmp_path):
    settings = Settings(
        tmp_path, minutes=0.03, processes=2, clips=1, objects=1, evaluation_clips=0
    )
    train(settings)
    saved = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert saved['step'] > 0
    assert saved['frames'] >= 2 * saved['step']


def test_a_terminated_run_leaves_no_process_behind(tmp_path):
    command = '-m sam_tracker.training --minutes 5 --processes 2 --clips 1 --objects 1 --output'
    with (tmp_path / 'output.txt').open('w') as output:
        run = subprocess.Popen(
            [sys.executable, *command.split(), str(tmp_path)], stdout=output, stderr=output
        )
    children = Path(f'/proc/{run.pid}/task/{run.pid}/children')
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / 'rendezvous').exists():
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        processes = [Path('/proc', pid) for pid in children.read_text().split()]
        assert len(processes) >= 2
    finally:
        run.terminate()
    assert run.wait(60) != 0
    deadline = time.monotonic() + 30
    while any(process.exists() for process in processes):
        assert time.monotonic() < deadline, 'a process of the run lives on'
        time.sleep(0.1)


def test_resuming_where_nothing_was_trained_yet_begins(tmp_path):
    settings = Settings(tmp_path, minutes=0.01, clips=1, objects=1, evaluation_clips=0)
    train(replace(settings, resume=True))
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)['step'] > 0


def test_a_run_is_not_resumed_at_another_size(tmp_path):
    train(Settings(tmp_path, minutes=0.01, clips=1, objects=1, evaluation_clips=0))
    with pytest.raises(ValueError, match='at 128 pixels, not 192'):
        train(Settings(tmp_path, minutes=1, image_size=192, resume=True))


def test_minutes_must_be_positive(capsys):
    with pytest.raises(SystemExit):
        parse(['--minutes', '-1', '--output', 'x'])
    assert '--minutes is -1.0' in capsys.readouterr().err


def test_the_untrained_network_can_read_masks_from_its_memory(network):
    pixels = network_input(batch_of(1, clips=8).images[0], SIZE)
    with torch.no_grad():
        embedding = network.encode_image(pixels).embedding
    assert 0.8 < float(embedding.square().mean().sqrt()) < 1.3
    assert mask_share_of_memory(network, pixels) > 0.2


def rolled_out(network, **choices):
    batch = batch_of(4)
    generator = torch.Generator().manual_seed(0)
    return batch, roll_out(network, batch, Choices(**choices), generator)


@pytest.mark.parametrize(
    ('choices', 'answers'),
    [
        ({}, [0, 1, 2, 3]),
        ({'corrections': 2}, [0, 0, 0, 1, 2, 3]),
        ({'prompt': 'mask', 'corrections': 1}, [0, 0, 1, 2, 3]),
        ({'corrected_frame': 2, 'later_clicks': 2}, [0, 1, 2, 2, 2, 3]),
        ({'corrected_frame': 2, 'later_prompt': 'box', 'mask_forgotten': True}, [0, 1, 2, 2, 3]),
        ({'corrected_frame': 1, 'newest_click_alone': True}, [0, 1, 1, 2, 3]),
    ],
)
def test_corrections_are_answers_that_the_loss_sees(network, choices, answers):
    batch, rollout = rolled_out(network, **choices)
    assert [answer.frame for answer in rollout.answers] == answers
    assert torch.isfinite(loss_of(rollout, batch, 0.0).total)


def test_a_click_alone_asks_for_three_candidates_as_a_tracker_does(network):
    _, rollout = rolled_out(network, corrections=1, newest_click_alone=True)
    assert rollout.answers[1].candidates.mask_logits.shape[1] == 3
    _, rollout = rolled_out(network, corrections=1, newest_click_alone=False)
    assert rollout.answers[1].candidates.mask_logits.shape[1] == 1


def test_a_later_correction_changes_what_is_remembered(network):
    with torch.no_grad():
        _, plain = rolled_out(network)
        _, corrected = rolled_out(network, corrected_frame=1)
    assert torch.equal(plain.mask_logits[0], corrected.mask_logits[0])
    assert not torch.equal(plain.mask_logits[3], corrected.mask_logits[3])


@pytest.mark.parametrize('prompt', ['box', 'mask', 'point'])
def test_every_parameter_in_use_is_taught_by_every_kind_of_prompt(network, prompt):
    batch = batch_of(3)
    network.zero_grad(set_to_none=True)
    choices = Choices(prompt=prompt, corrections=0 if prompt == 'mask' else 1)
    rollout = roll_out(network, batch, choices, torch.Generator().manual_seed(0))
    loss_of(rollout, batch, 0.5).total.backward()
    untaught = {name for name, value in network.named_parameters() if value.grad is None}
    assert 'no_mem_pos_enc' in untaught  # the one that no network of these settings reads
    rarely = ('no_mem_pos_enc', 'sam_prompt_encoder.', 'mask_downsample.', 'sam_mask_decoder.')
    assert all(name.startswith(rarely) for name in untaught)


def test_a_step_against_the_gradient_lowers_the_loss(network):
    batch = batch_of(2)
    generator = torch.Generator()
    state = {name: value.clone() for name, value in network.state_dict().items()}

    def total():
        rollout = roll_out(network, batch, Choices('mask', teacher=1.0), generator.manual_seed(0))
        return loss_of(rollout, batch, 0.5).total

    before = total()
    network.zero_grad(set_to_none=True)
    before.backward()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
        after = total()
    network.load_state_dict(state)
    assert after < before


def test_scores_are_those_of_the_truth_when_the_answer_is_the_truth(network):
    batch = batch_of(3)
    rollout = roll_out(network, batch, Choices('mask'), torch.Generator().manual_seed(0))
    seen = batch.masks.flatten(2).any(2)
    perfect = replace(
        rollout,
        mask_logits=list(small_truth(batch.masks) - 0.5),
        present=list(seen),
    )
    measured = scores(perfect, batch)
    assert measured['j0'] == measured['j1'] == measured['j_last'] == 1
    assert measured['copy'] < 1


def test_batches_grow_harder_and_longer():
    curriculum = Curriculum()
    rng = np.random.default_rng(0)
    early = [curriculum.clip_length(rng, 0.0) for _ in range(50)]
    late = [curriculum.clip_length(rng, 0.9) for _ in range(50)]
    assert max(early) == 2 and max(late) == 16
    assert max(curriculum.difficulty(rng, 0.0) for _ in range(50)) < 0.15
    assert curriculum.rate(1.0, 10000) < 0.05 * curriculum.rate(0.2, 10000)


def test_every_batch_has_as_many_frames():
    curriculum = Curriculum()
    assert {frames * curriculum.clips(4, frames) for frames in (1, 2, 4, 8, 16)} == {16}
    assert curriculum.clips(1, 16) == 1


def test_the_rate_at_the_end_is_what_was_asked_for(tmp_path):
    settings = parse(
        ['--minutes', '1', '--output', str(tmp_path), '--rate', '8e-4', '--final-rate', '4e-4']
    )
    assert settings.curriculum.rate(0.0, 10000) == pytest.approx(8e-4)
    assert settings.curriculum.rate(1.0, 10000) == pytest.approx(4e-4)


def test_the_followed_objects_are_seen_on_the_first_frame():
    masks = batch_of(4, clips=6, objects=3, share=1.0).masks
    assert masks[0].flatten(1).any(1).all()


def test_a_moving_average_follows_slowly_and_arrives():
    network = torch.nn.Linear(2, 2)
    average = MovingAverage(network, 0.9)
    start = average.state_dict()['weight'].clone()
    with torch.no_grad():
        network.weight += 1
    average.update(network)
    moved = (average.state_dict()['weight'] - start).mean()
    assert 0 < moved < 1
    for _ in range(200):
        average.update(network)
    torch.testing.assert_close(average.state_dict()['weight'], network.weight.detach())
