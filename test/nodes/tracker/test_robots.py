# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Several robots by namespace, parameters by wildcards, and a manager that drives the nodes."""

from functools import partial

from lifecycle_msgs.msg import Transition
import pytest
from rclpy.action import ActionClient

from sam_tracker.action import Follow
from sam_tracker.msg import TrackEvent
from sam_tracker.nodes.tracker.tracker_node import TrackerNode

from ...conftest import PATIENCE, wait_until
from ..conftest import spinning

wait = partial(wait_until, patience=2 * PATIENCE)

ROBOTS = ('robot1', 'robot2')
PARAMETERS = """
/**:
  ros__parameters:
    autostart: false
    maximum_objects: 3
    # The random network answers all prompts with much the same mask.
    resolve_overlaps: false
/robot2/**:
  ros__parameters:
    maximum_objects: 1
"""


@pytest.fixture(scope='module')
def robots(graph, random_setup, tmp_path_factory):
    """The trackers of two robots, one parameter file for all, started by nobody."""
    file = tmp_path_factory.mktemp('parameters') / 'robots.yaml'
    file.write_text(PARAMETERS)
    nodes = [
        TrackerNode(
            setup=random_setup,
            namespace=f'/{robot}',
            context=graph.context,
            cli_args=['--ros-args', '--params-file', str(file)],
        )
        for robot in ROBOTS
    ]
    with spinning(nodes, graph.context):
        yield nodes


def test_a_manager_drives_two_robots_that_do_not_hear_each_other(
    robots, graph, new_tester, new_camera
):
    testers = [new_tester(namespace=f'/{robot}') for robot in ROBOTS]
    assert [tester.state() for tester in testers] == ['unconfigured'] * 2
    # As Nav2's lifecycle manager does: all nodes are configured, then all are activated.
    for name, state in (('CONFIGURE', 'inactive'), ('ACTIVATE', 'active')):
        for tester in testers:
            assert tester.change(getattr(Transition, f'TRANSITION_{name}'))
            assert tester.state() == state
    for robot in ROBOTS:
        new_camera(namespace=f'/{robot}', rate=5.0, frame_id=robot)

    events: list[list[TrackEvent]] = [[], []]
    for tester, heard in zip(testers, events, strict=True):
        tester.listen(TrackEvent, 'events', heard)
        tester.next_tracks()
    first, second = testers
    client = ActionClient(first.node, Follow, f'{first.name}/follow')
    assert client.wait_for_server(PATIENCE)
    feedback: list = []
    sent = first.in_executor(
        client.send_goal_async,
        Follow.Goal(prompt=first.box_prompt(label='mug')),
        feedback_callback=lambda each: feedback.append(each.feedback),
    )
    wait(lambda: sent.done() and feedback, 'feedback')
    assert feedback[0].header.frame_id == 'robot1'
    wait(lambda: events[0], 'an event of the first robot')
    assert second.add_box(label='cup').success
    assert second.add_box(100.0, 60.0, 140.0, 110.0).message.endswith('maximum_objects is 1')
    wait(lambda: events[1], 'an event of the second robot')
    for robot, heard, label in zip(ROBOTS, events, ('mug', 'cup'), strict=True):
        assert {(each.header.frame_id, each.track.label) for each in heard} == {(robot, label)}

    # And back, in the opposite order; what waits for an object is told.
    result = first.in_executor(sent.result().get_result_async)
    for name, state in (('DEACTIVATE', 'inactive'), ('CLEANUP', 'unconfigured')):
        for tester in reversed(testers):
            assert tester.change(getattr(Transition, f'TRANSITION_{name}'))
            assert tester.state() == state
    wait(result.done, 'the end of the goal')
    assert result.result().result.end == Follow.Result.END_STOPPED
    client.destroy()
