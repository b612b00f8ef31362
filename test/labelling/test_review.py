# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A review over HTTP, and by its page where Chromium is installed: view, correct, decide."""

import json
import shutil
import threading
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

from sam_tracker.core.prompt import Prompt
from sam_tracker.labelling.job import Job, label_recording
from sam_tracker.labelling.project import Review, load_project
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.labelling.review.server import MOST_POSTED, ReviewServer
from sam_tracker.labelling.review.session import ReviewSession

CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')


@pytest.fixture
def out(folder, clip, tmp_path):
    """A labelled recording of eight images."""
    for path in folder.iterdir():
        if int(path.stem) >= 8:
            path.unlink()
    first = ObjectPrompts('thing').added(0, Prompt(box=clip.boxes[0, 0]))
    job = Job(source=folder, name='clip', folder=tmp_path / 'out', first=first)
    label_recording(job, lambda *_: None)
    return tmp_path / 'out'


@pytest.fixture
def server(out):
    session = ReviewSession(out, 'clip')
    server = ReviewServer(session, ['coco'])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    session.close()


def asked(server, path, body=None, **headers):
    """Return status and content of an answer."""
    if body is not None:
        headers.setdefault('Origin', server.address.rstrip('/'))
    request = urllib.request.Request(server.address.rstrip('/') + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def posted(server, path, **fields):
    status, content = asked(server, path, json.dumps(fields).encode())
    return status, content.decode() if status != 200 else json.loads(content)


def test_a_recording_is_looked_at_corrected_decided_and_written(server, out, clip):
    state = json.loads(asked(server, '/state')[1])
    assert state['images'] == 8 and state['objects'][0]['label'] == 'thing'
    assert state['objects'][0]['stages'] == {'hand': 1, 'corrected': 0, 'automatic': 7}
    assert len(state['objects'][0]['doubt']) == 8
    picture = cv2.imdecode(np.frombuffer(asked(server, '/image/3')[1], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (128, 128, 3)

    status, state = posted(server, '/decide', object=1, review='accepted')
    assert status == 200 and state['objects'][0]['review'] == 'accepted'
    # A box on a later image is a correction, and what was accepted is open again.
    box = clip.boxes[5, 0].tolist()
    status, state = posted(server, '/correct', object=1, image=5, box=box)
    assert status == 200 and state['objects'][0]['stages']['corrected'] == 1
    assert state['objects'][0]['review'] == 'open'
    project = load_project(out / 'recordings/clip')
    assert project.prompts[1].by_frame[5].prompt.box.tolist() == box

    assert posted(server, '/decide', object=1, review='accepted')[0] == 200
    assert posted(server, '/export')[0] == 200
    coco = json.loads((out / 'coco/clip.json').read_text())
    assert {each['stage'] for each in coco['annotations']} >= {'hand', 'corrected'}
    assert load_project(out / 'recordings/clip').reviews == {1: Review.ACCEPTED}


def test_labelling_again_keeps_what_the_review_changed(out, folder, clip):
    session = ReviewSession(out, 'clip')
    box = clip.boxes[5, 0].tolist()
    session.correct({'object': 1, 'image': 5, 'box': box})
    session.decide({'object': 1, 'review': 'accepted'})
    session.close()
    labels = (out / 'recordings/clip/labels.jsonl').read_bytes()

    def labelled(frame):
        first = ObjectPrompts('thing').added(0, Prompt(box=clip.boxes[frame, 0]))
        job = Job(source=folder, name='clip', folder=out, first=first)
        label_recording(job, lambda *_: None)
        return load_project(out / 'recordings/clip')

    project = labelled(0)
    assert project.prompts[1].by_frame[5].prompt.box.tolist() == box
    assert project.review(1) is Review.ACCEPTED
    assert (out / 'recordings/clip/labels.jsonl').read_bytes() == labels
    # With another prompt the labels are others, which nobody has accepted.
    project = labelled(1)
    assert project.prompts[1].by_frame[5].prompt.box.tolist() == box
    assert project.review(1) is Review.OPEN


def test_what_makes_no_sense_is_refused_and_changes_nothing(server, out):
    before = (out / 'recordings/clip/labels.jsonl').read_bytes()
    for path, fields, words in (
        ('/correct', {'object': 9, 'image': 1, 'points': [[1, 1]]}, 'no object 9'),
        ('/correct', {'object': 1, 'image': 8, 'points': [[1, 1]]}, 'no image 8; there are 8'),
        ('/correct', {'object': 1, 'image': True, 'points': [[1, 1]]}, 'no image True'),
        ('/correct', {'object': 1, 'image': 1}, 'prompt is empty'),
        ('/correct', {'object': 1, 'image': 1, 'points': [[900, 1]]}, 'outside the image'),
        ('/correct', {'object': 1, 'image': 1, 'points': 'here'}, ''),
        ('/decide', {'object': 1, 'review': 'perhaps'}, "'perhaps'"),
        ('/decide', {'object': [], 'review': 'open'}, 'no object []'),
        ('/decide', {'object': True, 'review': 'open'}, 'no object True'),
        ('/correct', {'object': True, 'image': 1, 'points': [[1, 1]]}, 'no object True'),
    ):
        status, text = posted(server, path, **fields)
        assert status == 400 and words in text, (path, fields, text)
    assert asked(server, '/decide', b'[1]')[0] == 400
    assert asked(server, '/image/99')[0] == 400
    assert asked(server, '/../server.py')[0] == 404
    assert (out / 'recordings/clip/labels.jsonl').read_bytes() == before


def test_other_pages_and_other_names_are_refused(server):
    body = json.dumps({'object': 1, 'review': 'accepted'}).encode()
    assert asked(server, '/decide', body, Origin='http://elsewhere.example')[0] == 403
    assert asked(server, '/decide', body, Origin='')[0] == 403
    assert asked(server, '/state', Host='elsewhere.example')[0] == 403
    assert asked(server, '/decide', b' ' * (MOST_POSTED + 1))[0] == 413


def test_what_is_not_labelled_cannot_be_reviewed(tmp_path):
    with pytest.raises(LabellingError, match='no labels to review'):
        ReviewSession(tmp_path, 'clip')


def test_a_run_does_not_change_what_is_reviewed(server, out, folder, clip):
    first = ObjectPrompts('thing').added(0, Prompt(box=clip.boxes[0, 0]))
    job = Job(source=folder, name='clip', folder=out, first=first)
    with pytest.raises(LabellingError, match='in use by another run or review'):
        label_recording(job, lambda *_: None)
    with pytest.raises(LabellingError, match='in use by another run or review'):
        ReviewSession(out, 'clip')


def test_a_full_disk_is_told(server, monkeypatch):
    def full(request):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(server.session, 'decide', full)
    status, text = posted(server, '/decide', object=1, review='accepted')
    assert status == 500 and 'No space left' in text


@pytest.mark.skipif(CHROMIUM is None, reason='Chromium is not installed: apt install chromium')
def test_a_doubtful_label_is_corrected_in_a_browser(server, out, clip):
    playwright = pytest.importorskip('playwright.sync_api', reason='Playwright drives Chromium')
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-dev-shm-usage']
        )
        page, errors = browser.new_page(), []
        page.on('pageerror', lambda error: errors.append(str(error)))
        page.set_default_timeout(60_000)
        page.goto(server.address)
        page.wait_for_selector('#objects li')
        page.locator('#number').fill('5')
        page.locator('#place', has_text='image 5').wait_for()
        page.locator('#image[data-number="5"]').wait_for()
        page.locator('[name=tool][value=box]').check()
        view = page.locator('#image').bounding_box()
        x, y, right, bottom = (clip.boxes[5, 0] / 128).tolist()
        page.mouse.move(view['x'] + x * view['width'], view['y'] + y * view['height'])
        page.mouse.down()
        page.mouse.move(view['x'] + right * view['width'], view['y'] + bottom * view['height'])
        page.mouse.up()
        page.locator('#apply').click()
        page.locator('#message', has_text='Done.').wait_for()
        page.locator('button[name=accepted]').click()
        page.wait_for_selector('button[name=accepted][aria-pressed=true]')
        with page.expect_response('**/export') as answer:
            page.locator('#export').click()
        assert answer.value.ok
        browser.close()
    assert errors == []
    coco = json.loads((out / 'coco/clip.json').read_text())
    assert 'corrected' in {each['stage'] for each in coco['annotations']}
    said = load_project(out / 'recordings/clip').prompts[1].by_frame[5]
    assert said.prompt.box == pytest.approx(clip.boxes[5, 0], abs=1.0)
