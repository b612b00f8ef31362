# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts and detections that were recorded in a bag prompt its objects."""

import numpy as np
import pytest

from sam_tracker.labelling.label_command import main
from sam_tracker.labelling.labelled_track import Stage
from sam_tracker.labelling.project import load_project

rosbags = pytest.importorskip('rosbags', reason='bags are read with rosbags')

from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: E402
from rosbags.typesys import get_types_from_msg  # noqa: E402

from sam_tracker.labelling.message_types import typestore  # noqa: E402

START, PERIOD = 1_700_000_000_000_000_000, 33_333_333
VISION = {
    'ObjectHypothesis': 'string class_id\nfloat64 score',
    'ObjectHypothesisWithPose': 'ObjectHypothesis hypothesis\n'
    'geometry_msgs/PoseWithCovariance pose',
    'Point2D': 'float64 x\nfloat64 y',
    'Pose2D': 'Point2D position\nfloat64 theta',
    'BoundingBox2D': 'Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'Detection2D': 'std_msgs/Header header\nObjectHypothesisWithPose[] results\n'
    'BoundingBox2D bbox\nstring id',
    'Detection2DArray': 'std_msgs/Header header\nDetection2D[] detections',
}


@pytest.fixture(scope='module')
def store():
    found = typestore()
    for name, text in VISION.items():
        found.register(get_types_from_msg(text, f'vision_msgs/msg/{name}'))
    return found


def stamp(number):
    return START + number * PERIOD


class Bag:
    """A bag with the images of the clip, and whatever else was recorded between them."""

    def __init__(self, store, images, path):
        self.path, self._images = path, images
        self.types, self._store = store.types, store
        self._messages = []

    def add(self, topic, after, message):
        """Record a message after an image."""
        self._messages.append((topic, stamp(after) + PERIOD // 2, message))

    def write(self, storage=StoragePlugin.MCAP):
        with Writer(self.path, version=9, storage_plugin=storage) as writer:
            connections = {}
            messages = [*self._messages, *self._recorded_images()]
            for topic, time, message in sorted(messages, key=lambda each: each[1]):
                kind = message.__msgtype__
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=self._store)
                writer.write(connections[topic], time, self._store.serialize_cdr(message, kind))
        return self.path

    def _recorded_images(self):
        for number, rgb in enumerate(self._images):
            height, width = rgb.shape[:2]
            yield (
                '/image',
                stamp(number),
                self.types['sensor_msgs/msg/Image'](
                    self.header(number), height, width, 'rgb8', 0, 3 * width, rgb.reshape(-1)
                ),
            )

    def header(self, number=None, nanoseconds=None):
        time = nanoseconds if nanoseconds is not None else 0 if number is None else stamp(number)
        parts = divmod(time, 1_000_000_000)
        time = self.types['builtin_interfaces/msg/Time'](*parts)
        return self.types['std_msgs/msg/Header'](time, '')

    def prompt(self, header, object_id=0, box=(0, 0, 0, 0), points=(), kinds=(), label=''):
        types = self.types
        region = types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
        return types['sam_tracker/msg/Prompt'](
            header,
            object_id,
            label,
            [types['sam_tracker/msg/ImagePoint'](*map(float, point)) for point in points],
            np.array(kinds, np.uint8),
            types['sam_tracker/msg/ImageBox'](*map(float, box)),
            types['sam_tracker/msg/Mask'](region, np.zeros(0, np.uint8), np.zeros(0, np.uint32)),
        )

    def detections(self, header, *found):
        """Return detections of boxes with scores, labels and ids."""
        types = self.types
        pose = types['geometry_msgs/msg/PoseWithCovariance'](
            types['geometry_msgs/msg/Pose'](
                types['geometry_msgs/msg/Point'](0.0, 0.0, 0.0),
                types['geometry_msgs/msg/Quaternion'](0.0, 0.0, 0.0, 1.0),
            ),
            np.zeros(36),
        )
        listed = []
        for box, score, label, identity in found:
            x, y, right, bottom = map(float, box)
            place = types['vision_msgs/msg/Point2D']((x + right) / 2, (y + bottom) / 2)
            hypothesis = types['vision_msgs/msg/ObjectHypothesis'](label, score)
            listed.append(
                types['vision_msgs/msg/Detection2D'](
                    header,
                    [types['vision_msgs/msg/ObjectHypothesisWithPose'](hypothesis, pose)],
                    types['vision_msgs/msg/BoundingBox2D'](
                        types['vision_msgs/msg/Pose2D'](place, 0.0), right - x, bottom - y
                    ),
                    identity,
                )
            )
        return types['vision_msgs/msg/Detection2DArray'](header, listed)


@pytest.fixture
def bag(store, images, tmp_path):
    return Bag(store, images, tmp_path / 'drive')


def label(bag, *options):
    out = bag.path.parent / 'out'
    status = main([str(bag.path), '-o', str(out), '--formats', '--prompts-from-bag', *options])
    folder = out / 'recordings/drive'
    return status, load_project(folder), folder / 'labels.jsonl'


@pytest.mark.parametrize('storage', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_what_an_operator_said_is_labelled_and_his_clicks_correct_labels(storage, bag, clip):
    first, third = clip.boxes[0, 0], clip.boxes[3, 0]
    centre = (third[:2] + third[2:]) / 2
    bag.add('/tracker/prompt', 1, bag.prompt(bag.header(0), box=first, label='thing'))
    # Without a stamp: on the newest image, which is number 3.
    bag.add('/tracker/prompt', 3, bag.prompt(bag.header(), 1, points=[centre], kinds=[1]))
    bag.add('/tracker/prompt', 4, bag.prompt(bag.header(), 1, label='mug'))
    bag.write(storage)
    status, project, labels = label(bag)
    assert status == 0 and not project.problems
    assert project.prompts.keys() == {1} and project.prompts[1].label == 'mug'
    said = project.prompts[1].by_frame
    assert said.keys() == {0, 3}
    assert said[0].prompt.box == pytest.approx(first) and said[0].stage is Stage.HAND
    # The click is read as the tracker understood it: with the mask that was there.
    assert said[3].stage is Stage.CORRECTED and said[3].corrected.any()
    before = labels.read_bytes()
    again, project, labels = label(bag)
    assert again == 0 and labels.read_bytes() == before
    assert project.prompts[1].by_frame[3].digest == said[3].digest


def test_recorded_prompts_that_make_no_sense_are_left_out_and_named(bag, clip):
    bag.add('/prompt', 0, bag.prompt(bag.header(nanoseconds=77), box=(1, 1, 9, 9)))
    bag.add('/prompt', 0, bag.prompt(bag.header(0), box=(500, 500, 900, 900)))
    bag.add('/prompt', 0, bag.prompt(bag.header(0), 5, points=[(3, 3)], kinds=[0]))
    bag.add('/prompt', 0, bag.prompt(bag.header(0), 9, label='nobody'))
    bag.add('/prompt', 2, bag.prompt(bag.header(2), box=clip.boxes[2, 0]))
    bag.write()
    status, project, _ = label(bag)
    assert status == 0
    # What was left out has used up no id.
    assert project.prompts.keys() == {1} and project.prompts[1].by_frame.keys() == {2}
    reasons = 'stamp 77', 'does not lie inside', 'are negative', 'no object 9'
    for number, (problem, reason) in enumerate(zip(project.problems, reasons, strict=True)):
        assert problem.startswith(f'prompt {number} is left out') and reason in problem


def test_an_object_that_was_made_before_the_recording_keeps_its_id_and_is_named(bag, clip):
    first, second = clip.boxes[2, :2]
    bag.add('/prompt', 2, bag.prompt(bag.header(2), 7, box=first))
    bag.add('/prompt', 2, bag.prompt(bag.header(2), box=second))
    bag.write()
    status, project, _ = label(bag)
    assert status == 0
    # A new object of the tracker came after those that it had.
    assert project.prompts.keys() == {7, 8}
    (problem,) = project.problems
    assert problem.startswith('prompt 0 is of object 7, which no earlier prompt made')


def test_tracked_detections_prompt_objects_where_they_are_first_and_last_seen(bag, clip):
    for number in (2, 5, 9):
        box = clip.boxes[number, 0]
        found = (box, 0.9, 'thing', 'track-7'), ((1, 1, 9, 9), 0.3, 'unsure', 'track-8')
        bag.add('/detections', number, bag.detections(bag.header(number), *found))
    bag.write()
    status, project, _ = label(bag, '/detections')
    assert status == 0
    assert project.prompts.keys() == {1} and project.prompts[1].label == 'thing'
    said = project.prompts[1].by_frame
    assert said.keys() == {2, 9}
    assert said[9].prompt.box == pytest.approx(clip.boxes[9, 0])
    assert {each.stage for each in said.values()} == {Stage.HAND}


def test_detections_without_ids_count_on_the_first_image_that_has_any(bag, clip):
    bag.add('/detections', 0, bag.detections(bag.header(0)))
    for number in (2, 5):
        boxes = [(clip.boxes[number, each], 0.9, 'thing', '') for each in range(2)]
        bag.add('/detections', number, bag.detections(bag.header(number), *boxes))
    bag.write()
    status, project, _ = label(bag)
    assert status == 0
    assert [each.by_frame.keys() for each in project.prompts.values()] == [{2}, {2}]


OUTSIDE = (500, 500, 900, 900)


def test_a_detection_that_makes_no_sense_costs_no_other_of_its_message(bag, clip):
    first, second = clip.boxes[2, :2]
    empty = (9, 9, 1, 1)
    found = [
        (OUTSIDE, 0.9, 'thing', 'track-1'),
        (empty, 0.9, 'thing', 'track-2'),
        (first, 0.9, 'thing', 'track-3'),
        (OUTSIDE, 0.9, 'thing', ''),
        (second, 0.9, 'thing', ''),
    ]
    bag.add('/detections', 2, bag.detections(bag.header(2), *found))
    bag.write()
    status, project, _ = label(bag)
    assert status == 0
    boxes = [each.by_frame[2].prompt.box for each in project.prompts.values()]
    assert boxes == [pytest.approx(first), pytest.approx(second)]
    reasons = (0, 'does not lie inside'), (1, 'is empty'), (3, 'does not lie inside')
    for problem, (number, reason) in zip(project.problems, reasons, strict=True):
        assert problem.startswith(f'detection {number} of message 0 is left out')
        assert reason in problem


def test_an_image_with_no_usable_detection_without_id_does_not_count_as_the_first(bag, clip):
    bag.add('/detections', 1, bag.detections(bag.header(1), (OUTSIDE, 0.9, 'thing', '')))
    bag.add('/detections', 3, bag.detections(bag.header(3), (clip.boxes[3, 0], 0.9, 'thing', '')))
    bag.write()
    status, project, _ = label(bag)
    assert status == 0
    assert [each.by_frame.keys() for each in project.prompts.values()] == [{3}]


def test_the_last_sighting_that_makes_sense_prompts_its_object(bag, clip):
    for number, box in ((2, clip.boxes[2, 0]), (5, clip.boxes[5, 0]), (9, OUTSIDE)):
        found = box, 0.9, 'thing', 'track-7'
        bag.add('/detections', number, bag.detections(bag.header(number), found))
    bag.write()
    status, project, _ = label(bag)
    assert status == 0
    assert project.prompts[1].by_frame.keys() == {2, 5}
    (problem,) = project.problems
    assert problem.startswith('detection 0 of message 2 is left out')


def test_of_several_topics_of_prompts_one_must_be_chosen(bag, clip, capsys):
    for topic in ('/left/prompt', '/right/prompt'):
        bag.add(topic, 0, bag.prompt(bag.header(0), box=clip.boxes[0, 0]))
    bag.write()
    assert label(bag)[0] == 1
    assert '/left/prompt, /right/prompt' in capsys.readouterr().err
    assert label(bag, '/up')[0] == 1
    assert "topic '/up' has none" in capsys.readouterr().err
    assert label(bag, '/left/prompt')[0] == 0


def test_a_recording_that_is_no_bag_has_no_prompts(folder, tmp_path, capsys):
    wish = [str(folder), '-o', str(tmp_path / 'out'), '--prompts-from-bag']
    assert main(wish) == 1
    assert 'is no bag' in capsys.readouterr().err
