# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Several cameras in one process: apart from each other, on one network."""

import signal
import time

import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.nodes.tracker.cameras_node import MOST_CAMERAS, CamerasNode, camera_namespaces
from sam_tracker.ros.messages.stamps import time_message
from sam_tracker.ros.parameters.declaration import ParameterError

from ..conftest import Camera

NAMESPACES = ('/left', '/right', '/dead')


class SillyCamera(Camera):
    """May send images that cannot be read."""

    silly = False

    def publish(self) -> Header:
        if not self.silly:
            return super().publish()
        header = Header(frame_id=self.frame_id, stamp=time_message(time.time_ns()))
        depth = Image(header=header, height=2, width=2, step=8, encoding='32FC1', data=bytes(16))
        self.publisher.publish(depth)
        return header


def test_the_namespace_of_a_topic_names_its_camera():
    assert camera_namespaces(['/left/image_raw', '/robot/right/image', '/image']) == {
        '/left/image_raw': '/left',
        '/robot/right/image': '/robot/right',
        '/image': '/',
    }


@pytest.mark.parametrize(
    ('topics', 'named'),
    [
        ([], r'cameras is empty: .* \[/left/image_raw, /right/image_raw\]'),
        (['/a/x', '/b/x', '/b/y'], '2 topics in the namespace /b'),
        (['/a/x', '/a/x'], '2 topics in the namespace /a'),
        ([f'/{index}/image' for index in range(MOST_CAMERAS + 1)], '17 topics; at most 16'),
    ],
)
def test_a_list_of_cameras_that_cannot_be_told_apart_is_refused(topics, named):
    with pytest.raises(ParameterError, match=named):
        camera_namespaces(topics)


@pytest.mark.parametrize('topic', ['', 'left camera', '/left//image', '~image'])
def test_a_name_that_is_no_topic_is_refused_by_value(graph, topic):
    with pytest.raises(ParameterError, match=f"cameras has the topic '{topic}': .*topic name"):
        CamerasNode(
            context=graph.context,
            parameter_overrides=[Parameter('cameras', value=['/left/image', topic])],
        )


def test_without_cameras_or_weights_the_node_says_why(graph):
    with pytest.raises(ParameterError, match='cameras is empty'):
        CamerasNode(context=graph.context)
    with pytest.raises(CheckpointError, match=r'/nowhere\.pt'):
        CamerasNode(
            context=graph.context,
            parameter_overrides=[
                Parameter('cameras', value=['/left/image']),
                Parameter('checkpoint', value='/nowhere.pt'),
            ],
        )


@pytest.fixture
def silly_camera(graph, new_camera):
    """The right one; the left one is of the usual kind."""
    new_camera(namespace='/left', rate=5.0, frame_id='/left')
    camera = SillyCamera(graph, namespace='/right', rate=5.0, frame_id='/right')
    yield camera
    camera.close()


def test_cameras_are_tracked_apart_whatever_the_others_send(
    graph, random_checkpoint, new_tester, silly_camera, tmp_path
):
    parameters = tmp_path / 'parameters.yaml'
    parameters.write_text('/left/sam_tracker:\n  ros__parameters:\n    maximum_objects: 3\n')
    program = graph.start(
        'sam_tracker.nodes.tracker.cameras_node',
        '--params-file',
        str(parameters),
        checkpoint=random_checkpoint,
        device='cpu',
        precision='float32',
        resolve_overlaps='false',
        cameras='[/left/image, /right/image, /dead/image]',
        no_such_parameter='1',
    )
    testers = {name: new_tester(namespace=name) for name in NAMESPACES}
    for tester in testers.values():
        tester.wait_until_active()
    left, right = testers['/left'], testers['/right']
    for name in ('/left', '/right'):
        testers[name].next_tracks()
        assert testers[name].add_box(label=name).success
        message = testers[name].next_tracks(2)[1]
        assert message.header.frame_id == name
        assert [track.label for track in message.tracks] == [name]
    # What one camera sends can no longer be read, and another has never sent anything.
    silly_camera.silly = True
    right.diagnosed(lambda status, _: '32FC1' in status.message, 'an unreadable image')
    assert [track.label for track in left.next_tracks(3)[-1].tracks] == ['/left']
    assert testers['/dead'].tracks == []
    # Each has objects and parameters of its own.
    limits = [each.call('get_parameters', names=['maximum_objects']) for each in (left, right)]
    assert limits[0].values[0].integer_value == 3 != limits[1].values[0].integer_value
    assert right.call('reset').success
    assert right.object_ids() == []
    assert left.object_ids() == [1]
    silly_camera.silly = False
    right.next_tracks()
    program.wait_for_output("parameter 'no_such_parameter' is unknown")
    assert "parameter 'resolve_overlaps' is unknown" not in program.output
    assert program.end(signal.SIGINT) == 0
    assert 'Traceback' not in program.output
