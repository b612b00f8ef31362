# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command labels recordings, reports failures, and repeats no work."""

from contextlib import redirect_stdout
from dataclasses import replace
import json
import shutil
import sys

import numpy as np
import pytest
import torch
import yaml

from sam_tracker.evaluation.corrections import correcting_click
from sam_tracker.labelling import ray_pool
from sam_tracker.labelling.fleet import finish, unique_names
from sam_tracker.labelling.job import Job
from sam_tracker.labelling.label_command import main
from sam_tracker.labelling.label_options import MODES, parse
from sam_tracker.labelling.labelled_track import Stage
from sam_tracker.labelling.project import Review, load_project
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.networks.weights.catalogue import find_checkpoint
from sam_tracker.segmentation.text_grounder import TextGrounder
from sam_tracker.tracking import settings

from ..segmentation.tiny_detectors import owl_model
from .conftest import FRAMES


def box_of(clip, frame):
    x, y, right, bottom = (int(value) for value in clip.boxes[frame, 0])
    return [x, y, right - x, bottom - y]


def test_a_folder_is_labelled_from_a_box_on_its_first_image(folder, clip, tmp_path, capsys):
    out = tmp_path / 'out'
    box = [str(value) for value in box_of(clip, 0)]
    arguments = [str(folder), '-o', str(out), '--box', *box, '--label', 'thing']
    assert main([*arguments, '--formats', 'coco', 'davis']) == 0
    assert '1 of 1 recordings labelled' in capsys.readouterr().out
    coco = json.loads((out / 'coco/clip.json').read_text())
    assert len(coco['images']) == FRAMES
    assert [each['name'] for each in coco['categories']] == ['thing']
    assert len(coco['annotations']) > FRAMES / 2
    assert len(list((out / 'davis/Annotations/480p/clip').iterdir())) == FRAMES
    manifest = json.loads((out / 'manifest.json').read_text())
    assert manifest['clip']['state'] == 'labelled' and manifest['clip']['images'] == FRAMES


def test_one_bad_recording_costs_no_other(folder, clip, tmp_path, capsys):
    out = tmp_path / 'out'
    bad = tmp_path / 'bad.mp4'
    bad.write_bytes(b'nothing')
    prompts = tmp_path / 'prompts.yaml'
    listed = [{'label': 'thing', 'prompts': [{'frame': 3, 'box': box_of(clip, 3)}]}]
    prompts.write_text(yaml.safe_dump({'objects': listed}))
    assert main([str(bad), str(folder), '-o', str(out), '--prompts', str(prompts)]) == 1
    captured = capsys.readouterr()
    assert '1 of 2 recordings labelled' in captured.out
    assert captured.err.startswith('sam_tracker-label: bad: ') and 'bad.mp4' in captured.err
    manifest = json.loads((out / 'manifest.json').read_text())
    assert {name: entry['state'] for name, entry in manifest.items()} == {
        'bad': 'failed',
        'clip': 'labelled',
    }
    # Without prompts the project goes on with those that it has.
    before = (out / 'recordings/clip/labels.jsonl').read_bytes()
    assert main([str(folder), '-o', str(out), '--formats', 'mot']) == 0
    assert (out / 'recordings/clip/labels.jsonl').read_bytes() == before
    assert (out / 'mot/clip/gt/gt.txt').exists()


def test_the_summary_is_on_standard_output_while_that_of_ray_is_not(tmp_path, capsys, monkeypatch):
    bad = tmp_path / 'bad.mp4'
    bad.write_bytes(b'nothing')
    # Ray is optional: without a cluster the work is done here.
    monkeypatch.setattr(ray_pool, 'connected', lambda _: redirect_stdout(sys.stderr))
    monkeypatch.setattr(
        ray_pool, 'on_ray', lambda jobs, work, gpus: ((job, work(job)) for job in jobs)
    )
    arguments = [str(bad), '-o', str(tmp_path / 'out'), '--ray', 'auto']
    assert main([*arguments, '--box', '1', '2', '3', '4']) == 1
    assert '0 of 1 recordings labelled' in capsys.readouterr().out


def test_an_output_that_is_no_folder_is_named_in_one_line(folder, tmp_path, capsys):
    out = tmp_path / 'out'
    out.write_text('')
    assert main([str(folder), '-o', str(out), '--box', '1', '2', '3', '4']) == 1
    complaint = capsys.readouterr().err
    assert complaint.count('\n') == 1
    assert f'{out}' in complaint


@pytest.mark.parametrize(
    'content', ['[1]', 'version: 2', '{"name": "page", "icons": []}', '[' * 100_000]
)
def test_another_file_in_the_place_of_the_manifest_is_kept(content, folder, tmp_path, capsys):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'manifest.json').write_text(content)
    assert main([str(folder), '-o', str(out), '--box', '1', '2', '3', '4']) == 1
    complaint = capsys.readouterr().err
    assert 'manifest.json' in complaint and complaint.count('\n') == 1
    assert [each.name for each in out.iterdir()] == ['manifest.json']
    assert (out / 'manifest.json').read_text() == content


def test_only_accepted_objects_are_written_when_asked(folder, clip, tmp_path):
    out = tmp_path / 'out'
    prompts = tmp_path / 'prompts.yaml'
    listed = [{'label': name, 'prompts': [{'frame': 0, 'box': box_of(clip, 0)}]} for name in 'ab']
    prompts.write_text(yaml.safe_dump({'objects': listed}))
    assert main([str(folder), '-o', str(out), '--prompts', str(prompts)]) == 0
    project_folder = out / 'recordings/clip'
    project = load_project(project_folder)
    replace(project, reviews={1: Review.ACCEPTED, 2: Review.REJECTED}).save(project_folder)
    for options in (['--verified'], []):
        assert main([str(folder), '-o', str(out), *options]) == 0
        coco = json.loads((out / 'coco/clip.json').read_text())
        assert {each['track_id'] for each in coco['annotations']} == {1}
        assert [each['name'] for each in coco['categories']] == ['a']


def test_every_mode_of_the_tracker_is_offered():
    assert set(MODES) == set(settings.MODES)


def test_points_on_a_propagated_label_correct_it(folder, clip, tmp_path):
    out, prompts = tmp_path / 'out', tmp_path / 'prompts.yaml'

    def label(*said):
        listed = [{'label': 'thing', 'prompts': list(said)}]
        prompts.write_text(yaml.safe_dump({'objects': listed}))
        assert main([str(folder), '-o', str(out), '--prompts', str(prompts)]) == 0
        project = load_project(out / 'recordings/clip')
        return project, list(project.labels(out / 'recordings/clip').images())

    first = {'frame': 0, 'box': box_of(clip, 0)}
    _, images = label(first)
    overlaps = []
    for image in images:
        truth, mask = clip.masks[image.number] == 1, image.tracks[0].mask
        overlaps.append((truth & mask).sum() / max((truth | mask).sum(), 1))
    worst = int(np.argmin(overlaps[1:])) + 1
    click = correcting_click(images[worst].tracks[0].mask, clip.masks[worst] == 1)
    kind = 'points' if click.labels[0] else 'negative_points'
    second = {'frame': worst, kind: click.points.tolist()}
    project, after = label(first, second)
    said = project.prompts[1].by_frame
    assert (said[worst].corrected == images[worst].tracks[0].mask).all()
    assert said[0].corrected is None
    track = after[worst].tracks[0]
    assert track.stage is Stage.CORRECTED
    x, y = click.points[0].astype(int)
    # Networks are no more precise than a cell of their logits.
    assert (track.mask[y - 4 : y + 5, x - 4 : x + 5] == bool(click.labels[0])).any()
    # The same prompts again are the same corrections of the same masks.
    text = (out / 'recordings/clip/labels.jsonl').read_bytes()
    label(first, second)
    assert (out / 'recordings/clip/labels.jsonl').read_bytes() == text


@pytest.mark.parametrize(
    'arguments,words',
    [
        ([], 'RECORDING'),
        (['a'], '--output'),
        (['a', '-o', 'b', '--everything', '--prompts', 'c'], '--everything and --prompts'),
        (['a', '-o', 'b', '--text', 'mug'], '--text and --text-model need each other'),
        (
            ['a', '-o', 'b', '--everything', '--text', 'c', '--text-model', 'd'],
            '--everything and --text',
        ),
        (['a', '-o', 'b', '--label', 'c'], '--label belongs to a prompt'),
        (['a', '-o', 'b', '--formats', 'xml'], "unknown 'xml'; known are bag"),
        (['a', '-o', 'b', '--box', '1', '1', '0', '4'], 'width and height must be positive'),
    ],
)
def test_an_invalid_command_line_is_refused_in_one_line(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1


def test_nothing_to_label_is_said(folder, tmp_path, capsys):
    assert main([str(folder), '-o', str(tmp_path / 'out')]) == 1
    assert 'give --prompts, --box or --text' in capsys.readouterr().err


@pytest.mark.parametrize(
    'options,words',
    [(['--port', '99999'], 'port 99999'), (['--device', 'toaster'], 'toaster')],
)
def test_a_review_that_cannot_be_opened_is_refused_in_one_line(
    options, words, folder, clip, tmp_path, capsys
):
    out = str(tmp_path / 'out')
    box = [str(value) for value in box_of(clip, 0)]
    assert main([str(folder), '-o', out, '--box', *box, '--formats']) == 0
    capsys.readouterr()
    assert main([out, '--review', *options]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1


def test_names_are_unique_and_a_recording_is_not_named_twice(tmp_path):
    for path in ('a/clip.mp4', 'b/clip.mp4', 'b/other.mp4', 'b/clip.avi'):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b'')
    assert unique_names([tmp_path / 'a/clip.mp4', tmp_path / 'b/other.mp4']) == ['clip', 'other']
    names = unique_names([tmp_path / 'a/clip.mp4', tmp_path / 'b/clip.mp4'])
    assert names == ['a_clip', 'b_clip']
    names = unique_names([tmp_path / 'b/clip.mp4', tmp_path / 'b/clip.avi'])
    assert names == ['clip_mp4', 'clip_avi']
    three = [tmp_path / name for name in ('a/clip.mp4', 'b/clip.mp4', 'b/clip.avi')]
    assert unique_names(three) == ['a_clip_mp4', 'b_clip_mp4', 'clip_avi']
    shutil.copytree(tmp_path / 'a', tmp_path / 'c')
    with pytest.raises(LabellingError, match=r"clip\.mp4' is named twice"):
        unique_names([tmp_path / 'a/clip.mp4', tmp_path / 'a/../a/clip.mp4'])
    with pytest.raises(LabellingError, match=r'b/caf\\udce9.* is not UTF-8'):
        unique_names([tmp_path / 'a/clip.mp4', tmp_path / 'b/caf\udce9.mp4'])


def test_another_recording_does_not_take_the_place_of_a_labelled_one(
    folder, clip, tmp_path, capsys
):
    other = tmp_path / 'other' / 'clip'
    shutil.copytree(folder, other)
    arguments = ['-o', str(tmp_path / 'out'), '--formats']
    box = [str(value) for value in box_of(clip, 0)]
    assert main([str(folder), *arguments, '--box', *box]) == 0
    before = (tmp_path / 'out/recordings/clip/project.json').read_bytes()
    assert main([str(other), *arguments]) == 1
    error = capsys.readouterr().err
    assert repr(str(folder)) in error and repr(str(other)) in error and 'another -o' in error
    assert (tmp_path / 'out/recordings/clip/project.json').read_bytes() == before
    # One that was moved is the same.
    shutil.rmtree(folder)
    assert main([str(other), *arguments]) == 0


def test_every_recording_that_cannot_be_written_is_named(tmp_path):
    jobs = [Job(source=tmp_path / name, name=name, folder=tmp_path) for name in 'ab']
    failed = finish(jobs, ['coco'], False, lambda _: lambda *_: None)
    assert failed.keys() == {'a', 'b'} and 'is not labelled' in failed['b']


@pytest.fixture
def detector(transformers, tmp_path):
    """A tiny detector of the architecture of OWLv2, with random weights."""
    model = tmp_path / 'owlv2'
    model.mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        owl_model(transformers, 'owlv2', model).save_pretrained(model)
    return model


def test_what_a_text_names_on_the_first_image_is_labelled(
    folder, images, detector, tmp_path, capsys
):
    for path in folder.iterdir():
        if int(path.stem) >= 4:
            path.unlink()
    found = TextGrounder(detector).ground(images[0], 'red. a b', threshold=0.0)
    threshold = found[min(2, len(found) - 1)].score
    wish = [str(folder), '-o', str(tmp_path / 'out'), '--device', 'cpu']
    wish += ['--formats', '--text-model', str(detector)]
    assert main([*wish, '--text', 'red', '--text-threshold', '1']) == 1
    assert "'red' is not found on the first image" in capsys.readouterr().err
    assert main([*wish, '--text', 'red. a b', '--text-threshold', repr(threshold)]) == 0
    project = load_project(tmp_path / 'out/recordings/clip')
    kept = [each for each in found if each.score >= threshold]
    assert [each.label for each in project.prompts.values()] == [each.label for each in kept]
    for said, each in zip(project.prompts.values(), kept, strict=True):
        assert said.by_frame[0].prompt.box == pytest.approx(each.box)


def test_everything_on_the_first_image_is_labelled(folder, tmp_path):
    out = tmp_path / 'out'
    assert main([str(folder), '-o', str(out), '--everything']) == 0
    project = load_project(out / 'recordings/clip')
    assert project.prompts
    assert all(np.count_nonzero(each.by_frame[0].prompt.mask) for each in project.prompts.values())


def test_prompts_that_replace_all_others_stand_alone(folder, clip, tmp_path):
    out, prompts = tmp_path / 'out', tmp_path / 'prompts.yaml'
    x, y, width, height = box_of(clip, 3)

    def label(prompt):
        prompts.write_text(yaml.safe_dump({'objects': [{'prompts': [prompt]}]}))
        wish = [str(folder), '-o', str(out), '--formats', '--prompts', str(prompts)]
        assert main(wish) == 0
        return load_project(out / 'recordings/clip').prompts[1].by_frame

    label({'frame': 0, 'box': box_of(clip, 0)})
    said = label({'frame': 3, 'points': [[x + width / 2, y + height / 2]]})
    assert said.keys() == {3}
    assert said[3].stands_alone and said[3].stage is Stage.HAND


def test_the_mode_is_that_of_the_package():
    assert parse(['a', '-o', 'b']).mode == settings.DEFAULT_MODE


def test_a_relative_checkpoint_is_found_from_every_folder(folder, clip, tmp_path, monkeypatch):
    shutil.copyfile(find_checkpoint('nano'), tmp_path / 'mine.pt')
    monkeypatch.chdir(tmp_path)
    box = [str(value) for value in box_of(clip, 0)]
    wish = [str(folder), '-o', 'out', '--formats', '--checkpoint', 'mine.pt', '--box', *box]
    assert main(wish) == 0
    project = load_project(tmp_path / 'out/recordings/clip')
    assert project.checkpoint == str(tmp_path / 'mine.pt')
