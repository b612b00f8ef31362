# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Several tracker nodes in one process share one network."""

import numpy as np
import pytest
from rclpy.lifecycle import LifecyclePublisher, TransitionCallbackReturn
from rclpy.parameter import Parameter

from sam_tracker.nodes.tracker.tracker_node import TrackerNode
from sam_tracker.ros.messages.masks import mask_pixels
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.process.managed_node import ManagedNode

from ..conftest import spinning

SIDES = ('left', 'right')
ENCODINGS = ('bytes', 'run_lengths')


@pytest.fixture
def trackers(graph, random_setup):
    nodes = [
        TrackerNode(
            setup=random_setup,
            node_name=f'{side}_tracker',
            namespace='/cell',
            context=graph.context,
            cli_args=['--ros-args', '-r', f'image:={side}/image'],
            parameter_overrides=[
                Parameter('maximum_objects', value=index + 1),
                Parameter('mask_encoding', value=ENCODINGS[index]),
                # The random network answers all prompts with much the same mask.
                Parameter('resolve_overlaps', value=False),
            ],
        )
        for index, side in enumerate(SIDES)
    ]
    with spinning(nodes, graph.context):
        yield nodes


def test_two_trackers_of_one_process_share_a_network_and_track_apart(
    trackers, new_camera, new_tester
):
    testers = [new_tester(namespace='/cell', node=f'{side}_tracker') for side in SIDES]
    for side, tester in zip(SIDES, testers, strict=True):
        tester.wait_until_active()
        new_camera(namespace='/cell', topic=f'{side}/image', rate=5.0, frame_id=side)
    left, right = trackers
    assert left.session.setup.network is right.session.setup.network
    for side, tester in zip(SIDES, testers, strict=True):
        tester.next_tracks()
        answer = tester.add_box(label=side)
        assert answer.success
        # In the form that this tracker was told to send.
        mask = answer.track.mask
        assert np.count_nonzero(mask_pixels(mask)) > 0
        assert [len(mask.data) > 0, len(mask.run_lengths) > 0] == [side == each for each in SIDES]
        message = tester.next_tracks(2)[1]
        assert message.header.frame_id == side
        assert [track.label for track in message.tracks] == [side]
    other = (100.0, 80.0, 140.0, 110.0)
    refused = testers[0].add_box(*other)
    assert refused.message == '1 objects are tracked, and maximum_objects is 1'
    assert testers[1].add_box(*other).success


def test_a_node_that_cannot_subscribe_stays_inactive_and_publishes_nothing(graph, random_setup):
    reliability = 'qos_overrides./blind/image.subscription.reliability'
    node = TrackerNode(
        setup=random_setup,
        namespace='/blind',
        context=graph.context,
        parameter_overrides=[
            Parameter(reliability, value='nonsense'),
            Parameter('autostart', value=False),
        ],
    )
    assert node.trigger_configure() is TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() is TransitionCallbackReturn.FAILURE
    assert node.state_name == 'inactive'
    publishers = [each for each in node.publishers if isinstance(each, LifecyclePublisher)]
    assert publishers
    assert not any(each.is_activated for each in publishers)
    assert 'cannot subscribe to /blind/image' in node.session.error
    assert node.trigger_cleanup() is TransitionCallbackReturn.SUCCESS
    assert not any(isinstance(each, LifecyclePublisher) for each in node.publishers)
    node.destroy_node()


def test_a_node_that_refuses_its_parameters_can_be_destroyed(graph, monkeypatch):
    made = []
    create = ManagedNode.__init__

    def remember(node: ManagedNode, *arguments: object, **options: object) -> None:
        made.append(node)
        create(node, *arguments, **options)

    monkeypatch.setattr(ManagedNode, '__init__', remember)
    with pytest.raises(ParameterError, match='precision must be one of'):
        TrackerNode(
            node_name='refusing',
            context=graph.context,
            parameter_overrides=[Parameter('precision', value='float8')],
        )
    # From Kilted on rclpy destroys a node whose constructor failed when its context ends.
    made[0].destroy_node()
