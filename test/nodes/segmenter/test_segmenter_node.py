# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The node that only segments: prompts, words, several networks, and its lifecycle."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
import signal

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
import torch

from sam_tracker.networks.weights.catalogue import DEFAULT_CHECKPOINT

from ...conftest import PATIENCE, Program, wait_until
from ...segmentation.tiny_detectors import owl_model
from ...segmentation.tiny_scorers import save_model
from ..conftest import HEIGHT, WIDTH
from .segmenting import (
    DISC_BOX,
    Client,
    PictureCamera,
    Request,
    box_prompt,
    corners,
    overlap,
    picture_message,
    pixels,
    point_prompt,
)

TEST_DATA = Path(__file__).resolve().parents[2] / 'data'


@pytest.fixture
def start_segmenter(graph) -> Iterator[Callable[..., tuple[Program, Client]]]:
    """Starts segmenter nodes; their clients are gone when the test ends."""
    clients: list[Client] = []

    def start(name: str, **parameters: object) -> tuple[Program, Client]:
        program = graph.start(
            'sam_tracker.nodes.segmenter.segmenter_node',
            '-r',
            f'__node:={name}',
            device='cpu',
            precision='float32',
            **parameters,
        )
        clients.append(Client(graph, name))
        return program, clients[-1]

    yield start
    for client in clients:
        client.close()


def test_the_segmenter_node_alone_segments_what_it_is_sent_and_what_a_camera_shows(graph):
    program = graph.start(
        'sam_tracker.nodes.segmenter.segmenter_node',
        '-r',
        'image:=other_image',
        device='cpu',
        precision='float32',
        cpu_threads=1,
        **{'everything.points_per_side': 256},
    )
    client = Client(graph, 'segmenter')
    camera = None
    try:
        program.wait_for_output('waiting for images')
        sent = client.segment(image=picture_message(), prompts=[box_prompt()])
        assert sent.success, sent.message
        assert overlap(corners(sent.candidates[0].box), DISC_BOX) > 0.7
        none_yet = client.segment(prompts=[box_prompt()])
        assert not none_yet.success
        assert 'none has arrived' in none_yet.message
        camera = PictureCamera(graph, topic='other_image', rate=5.0)
        answer = wait_until(
            lambda: next(
                filter(lambda each: each.success, [client.segment(prompts=[box_prompt()])]), None
            ),
            'an answer about the newest image',
        )
        assert answer.header in camera.headers
        assert answer.candidates == sent.candidates
        refused = client.set('model', 'tiny')
        assert not refused.successful
        assert 'model is read when the node configures' in refused.reason
        client.begin(mode=Request.MODE_EVERYTHING)
        program.wait_for_output('of 65536 points are asked')
        assert program.end(signal.SIGINT) == 0
    finally:
        if camera is not None:
            camera.close()
        client.close()
    assert 'Traceback' not in program.output


def test_what_a_text_names_is_segmented_with_the_words_that_found_it(
    transformers, start_segmenter, tmp_path
):
    owl_model(transformers, 'owlv2', tmp_path).save_pretrained(tmp_path)
    program, client = start_segmenter(
        'reader',
        **{
            'text.model': tmp_path,
            'text.threshold': 0.0,
            'segmentation.timeout': 10 * PATIENCE,
        },
    )
    program.wait_for_output('waiting for images')
    fields = {'image': picture_message(), 'mode': Request.MODE_TEXT, 'text': 'red. Mug'}
    # The node imports the library and loads the model first.
    answer = client.segment(patience=10 * PATIENCE, **fields)
    assert client.set('text.threshold', 1.0).successful
    nothing = client.segment(**fields)
    assert answer.success, answer.message
    # What a model of random weights finds is anything, but it is found for one of the words.
    assert answer.candidates
    assert {each.label for each in answer.candidates} <= {'red', 'Mug'}
    assert {each.prompt_index for each in answer.candidates} == {0}
    assert all(0 < each.text_score < 1 for each in answer.candidates)
    assert nothing.success, nothing.message
    assert nothing.message.startswith('0 candidates')


def test_a_model_that_scores_masks_chooses_from_everything_by_its_score(
    transformers, start_segmenter, tmp_path
):
    save_model(transformers, 'clip', tmp_path)
    program, client = start_segmenter(
        'scorer',
        **{
            'text.model': tmp_path,
            'text.threshold': 0.0,
            'everything.points_per_side': 4,
            'everything.predicted_iou': 0.0,
            'everything.stability_score': 0.0,
            'segmentation.timeout': 10 * PATIENCE,
        },
    )
    program.wait_for_output('waiting for images')
    fields = {'image': picture_message(), 'mode': Request.MODE_TEXT, 'text': 'red. blue'}
    # The node imports the library and loads the model first.
    answer = client.segment(patience=10 * PATIENCE, **fields)
    best = client.segment(max_candidates=1, **fields)
    assert client.set('text.threshold', answer.candidates[0].text_score).successful
    above = client.segment(**fields)
    assert answer.success, answer.message
    assert len(answer.candidates) > 1
    scores = [each.text_score for each in answer.candidates]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[0] <= 1
    assert {each.label for each in answer.candidates} <= {'red', 'blue'}
    for each in answer.candidates:
        assert each.area == np.count_nonzero(pixels(each.mask)) > 0
        assert 0 < each.point.x < WIDTH and 0 < each.point.y < HEIGHT
    assert best.candidates == answer.candidates[:1]
    assert best.message.startswith(f'1 of {len(answer.candidates)} candidates')
    assert above.candidates == [each for each in answer.candidates if each.text_score >= scores[0]]


def test_a_segmenter_without_weights_tells_why_until_it_has_some(start_segmenter, new_tester):
    program, client = start_segmenter(
        'weightless',
        checkpoint='/nowhere.pt',
    )
    tester = new_tester(node='weightless')
    fields = {'image': picture_message(), 'prompts': [box_prompt()]}
    program.wait_for_output('cannot be configured: ')
    refused = client.segment(**fields)
    assert client.set('checkpoint', '').successful
    assert tester.change(Transition.TRANSITION_CONFIGURE)
    assert tester.change(Transition.TRANSITION_ACTIVATE)
    answer = client.segment(**fields)
    assert program.end(signal.SIGINT) == 0
    assert not refused.success
    assert 'the node is unconfigured' in refused.message
    assert '/nowhere.pt' in refused.message
    assert answer.success, answer.message
    assert 'Traceback' not in program.output


def test_a_segmenter_segments_while_it_is_active_and_says_so_in_its_diagnostics(
    start_segmenter, new_tester
):
    _, client = start_segmenter(
        'managed',
        autostart='false',
    )
    tester = new_tester(node='managed')
    fields = {'image': picture_message(), 'prompts': [box_prompt()]}
    assert 'the node is unconfigured' in client.segment(**fields).message
    assert tester.change(Transition.TRANSITION_CONFIGURE)
    assert 'the node is inactive' in client.segment(**fields).message
    assert tester.change(Transition.TRANSITION_ACTIVATE)
    assert client.segment(**fields).success
    status, values = tester.diagnosed(
        lambda _, values: values['lifecycle state'] == 'active', 'an active segmenter'
    )
    assert (status.name, status.message) == ('managed: segmentation', 'segmentation')
    assert status.level == DiagnosticStatus.OK
    assert values['model'] == DEFAULT_CHECKPOINT
    assert tester.change(Transition.TRANSITION_DEACTIVATE)
    assert tester.change(Transition.TRANSITION_CLEANUP)
    assert 'the node is unconfigured' in client.segment(**fields).message


def test_a_segmenter_ends_at_once_while_a_text_is_searched_for(
    transformers, start_segmenter, tmp_path
):
    owl_model(transformers, 'owlv2', tmp_path).save_pretrained(tmp_path)
    program, client = start_segmenter(
        'searching',
        **{'text.model': tmp_path},
    )
    program.wait_for_output('waiting for images')
    maps = Path(f'/proc/{program.process.pid}/maps')
    answer = client.begin(image=picture_message(), mode=Request.MODE_TEXT, text='red mug')
    wait_until(lambda: 'tokenizers' in maps.read_text(), 'the import of the library')
    assert not answer.done(), answer.result().message
    assert program.end(signal.SIGINT) == 0
    assert 'Traceback' not in program.output


def write_random_sam_vit_b(path: Path) -> None:
    """Write a checkpoint of SAM's smallest size; its biases are 0 and its norms do nothing."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for line in (TEST_DATA / 'sam1' / 'vit_b_keys.txt').read_text().splitlines():
        name, _, shape = line.partition(' ')
        values = torch.zeros(ast.literal_eval(shape), dtype=torch.bfloat16)
        if values.ndim > 1:
            values.normal_(0, 0.05, generator=generator)
        elif name.endswith('weight'):
            values.fill_(1)
        state[name] = values
    torch.save(state, path)


def test_a_segmenter_with_the_first_sam_answers_and_names_it(start_segmenter, tmp_path):
    write_random_sam_vit_b(tmp_path / 'random.pth')
    program, client = start_segmenter(
        'first',
        checkpoint=tmp_path / 'random.pth',
        image_size=256,
        **{
            'segmentation.timeout': 10 * PATIENCE,
            'everything.points_per_side': 2,
            'everything.predicted_iou': 0.0,
            'everything.stability_score': 0.0,
        },
    )
    program.wait_for_output('sam_vit_b at 256 px')
    program.wait_for_output('waiting for images')
    prompts = [point_prompt(), box_prompt()]
    fields = {'image': picture_message(), 'patience': 10 * PATIENCE}
    answer = client.segment(prompts=prompts, multiple_candidates=True, **fields)
    everything = client.segment(mode=Request.MODE_EVERYTHING, **fields)
    assert program.end(signal.SIGINT) == 0
    assert answer.success, answer.message
    assert [each.prompt_index for each in answer.candidates] == [0, 0, 0, 1, 1, 1]
    assert everything.success, everything.message
    for each in (*answer.candidates, *everything.candidates):
        assert np.isfinite(each.predicted_iou)
        assert each.mask.region.x_offset + each.mask.region.width <= WIDTH
        assert each.mask.region.y_offset + each.mask.region.height <= HEIGHT
    assert 'Traceback' not in program.output
