# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The recorder as a program over DDS; the test is the camera and the tracker."""

import json
import resource
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from sam_tracker.core.time import SECOND
from sam_tracker.msg import ImageBox, Track, TrackArray
from sam_tracker.ros.images.conversion import compressed_image_message, image_message
from sam_tracker.ros.messages.prompt_requests import whole_mask_message
from sam_tracker.ros.messages.stamps import time_message

RECORDER = 'sam_tracker.nodes.recorder_node'
WIDTH, HEIGHT = 160, 120
RATE = 20


class Scene:
    """Publishes images and tracks as a camera and a tracker would."""

    def __init__(self, listener, kind=Image, topic='image') -> None:
        self.listener = listener
        self.kind = kind
        self.images = listener.node.create_publisher(kind, topic, 20)
        self.tracks = listener.node.create_publisher(TrackArray, 'tracks', 20)

    def wait_for_the_recorder(self) -> None:
        def heard() -> bool:
            publishers = (self.images, self.tracks)
            return all(each.get_subscription_count() for each in publishers)

        self.listener.spin_until(heard, 'subscriptions of the recorder')
        # The recorder asks for reliable images once it sees that they are offered.
        self.pause(1.0)

    def pause(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.05)):
            self.listener._executor.spin_once(timeout_sec=0.05)

    @staticmethod
    def header(number: int) -> Header:
        return Header(frame_id='camera', stamp=time_message(5 * SECOND + number * SECOND // RATE))

    def publish_image(self, number: int) -> None:
        image = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
        make = image_message if self.kind is Image else compressed_image_message
        self.images.publish(make(image, 'bgr8', self.header(number)))

    def publish_tracks(self, number: int) -> None:
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[30:70, 20 + number : 60 + number] = 255
        track = Track(object_id=1, label='mug', state=Track.STATE_TRACKED, confidence=0.75)
        track.box = ImageBox(x_min=20.0 + number, y_min=30.0, x_max=60.0 + number, y_max=70.0)
        track.mask = whole_mask_message(mask)
        message = TrackArray(header=self.header(number), tracks=[track])
        message.image_width, message.image_height = WIDTH, HEIGHT
        self.tracks.publish(message)

    def play(self, count: int) -> None:
        for number in range(count):
            self.publish_image(number)
            self.publish_tracks(number)
            self.pause(0.05)


@pytest.fixture
def scene(listener) -> Scene:
    return Scene(listener)


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / 'tracks.jsonl').read_text().splitlines()]


def test_it_ends_by_itself_after_the_wanted_images_with_everything_written(scene, start, tmp_path):
    folder = tmp_path / 'recording'
    recorder = start(RECORDER, output_folder=folder, stop_after=10)
    scene.wait_for_the_recorder()
    scene.play(12)
    assert recorder.wait() == 0, recorder.output
    assert 'recorded 10 images' in recorder.output
    assert 'Traceback' not in recorder.output
    assert sorted(path.name for path in folder.iterdir()) == [
        'contact_sheet.png',
        'overlay.mp4',
        'scores.png',
        'tracks.jsonl',
        'tracks_coco.json',
        'tracks_mot.txt',
    ]
    capture = cv2.VideoCapture(str(folder / 'overlay.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 10
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(RATE)
    recorded = lines(folder)
    assert [line['stamp']['nanosec'] for line in recorded[:2]] == [0, SECOND // RATE]
    assert recorded[3]['tracks'][0]['box'] == [23, 30, 63, 70]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_completes_the_files(scene, start, tmp_path, number):
    recorder = start(RECORDER, output_folder=tmp_path / 'out')
    scene.wait_for_the_recorder()
    scene.play(5)
    assert recorder.end(number) == 0
    assert 'Traceback' not in recorder.output
    assert len(lines(tmp_path / 'out')) == 5
    assert cv2.VideoCapture(str(tmp_path / 'out' / 'overlay.mp4')).read()[0]


def test_silence_after_the_last_image_completes_the_recording(scene, start, tmp_path):
    recorder = start(RECORDER, output_folder=tmp_path / 'out', idle_timeout=3.0)
    scene.wait_for_the_recorder()
    scene.pause(3.5)
    assert recorder.process.poll() is None  # nothing has come yet: it goes on waiting
    scene.play(3)
    assert recorder.wait() == 0
    assert len(lines(tmp_path / 'out')) == 3


def test_only_tracks_of_the_very_same_header_are_drawn_whichever_comes_first(
    scene, start, tmp_path
):
    recorder = start(RECORDER, output_folder=tmp_path / 'out', stop_after=3)
    scene.wait_for_the_recorder()
    scene.publish_tracks(20)  # its image never comes
    for number in range(10):
        scene.publish_image(number)
    for number in (3, 6):  # the tracker has dropped the others
        scene.publish_tracks(number)
    scene.publish_tracks(12)
    scene.pause(0.3)
    scene.publish_image(11)
    scene.publish_image(12)
    assert recorder.wait() == 0, recorder.output
    assert [line['tracks'][0]['box'][0] - 20 for line in lines(tmp_path / 'out')] == [3, 6, 12]
    assert '1 images came too late or not at all' in recorder.output


def test_a_track_that_contradicts_itself_costs_one_image_and_is_named(scene, start, tmp_path):
    recorder = start(RECORDER, output_folder=tmp_path / 'out', stop_after=1)
    scene.wait_for_the_recorder()
    track = Track(object_id=9, state=Track.STATE_TRACKED)
    track.mask.region.width = track.mask.region.height = 5
    broken = TrackArray(header=scene.header(0), tracks=[track])
    broken.image_width, broken.image_height = WIDTH, HEIGHT
    scene.publish_image(0)
    scene.tracks.publish(broken)
    scene.publish_image(1)
    scene.publish_tracks(1)
    assert recorder.wait() == 0, recorder.output
    assert 'the mask of object 9 has 0 bytes' in recorder.output
    assert len(lines(tmp_path / 'out')) == 1


def test_compressed_images_are_recorded_too(listener, start, tmp_path):
    scene = Scene(listener, CompressedImage, 'image/compressed')
    recorder = start(
        RECORDER, output_folder=tmp_path / 'out', image_transport='compressed', stop_after=3
    )
    scene.wait_for_the_recorder()
    scene.play(5)
    assert recorder.wait() == 0, recorder.output
    assert len(lines(tmp_path / 'out')) == 3


def test_it_says_what_it_waits_for(start, tmp_path, domain):
    recorder = start(RECORDER, output_folder=tmp_path / 'out')
    recorder.wait_for_output('no publisher of images; no publisher of /tracks')
    assert recorder.end(signal.SIGINT) == 0


def test_an_unwritable_folder_is_one_line_and_a_failure(start, tmp_path):
    (tmp_path / 'file').write_text('')
    recorder = start(RECORDER, output_folder=tmp_path / 'file' / 'out')
    assert recorder.wait() == 1
    assert recorder.output.count('\n') == 1
    assert f"'{tmp_path}/file/out' cannot be written: Not a directory" in recorder.output


def test_files_that_can_grow_no_further_fail_with_one_line_naming_them(scene, domain, tmp_path):
    # A limit on the size of files is what a full disk is to a program, and needs no full disk.
    process = subprocess.Popen(
        [
            *(sys.executable, '-m', RECORDER, '--ros-args'),
            *('-p', f'output_folder:={tmp_path / "out"}'),
        ],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
        env=None,
    )
    try:
        scene.wait_for_the_recorder()
        scene.play(20)
        _, errors = process.communicate(timeout=90)
    finally:
        process.kill()
    assert process.returncode == 1
    assert 'Traceback' not in errors
    assert errors.count('FATAL') == 1
    if not cv2.__version__.startswith('4.5.'):  # where FFmpeg cannot be silenced
        assert 'moov' not in errors  # what FFmpeg thinks of it
    assert f"'{tmp_path}/out' cannot be written: File too large" in errors


def test_a_parameter_that_cannot_be_is_refused_with_its_value(start, tmp_path):
    recorder = start(RECORDER, output_folder=tmp_path, stop_after=-3)
    assert recorder.wait() == 1
    assert '-3' in recorder.output
    assert 'Traceback' not in recorder.output
