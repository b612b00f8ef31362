# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Overrides of quality of service: honoured for images, named where they have no effect."""

from lifecycle_msgs.msg import Transition
import pytest
from rclpy.qos import ReliabilityPolicy

from ..conftest import Graph

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE


@pytest.fixture
def overridden(graph: Graph, random_checkpoint, new_tester):
    """The output of a tracker with overrides, once it is active; it listens to nothing."""
    program = graph.start(
        'sam_tracker.nodes.tracker.tracker_node',
        checkpoint=random_checkpoint,
        device='cpu',
        precision='float32',
        **{
            'qos_overrides./sam_tracker/overlay.publisher.reliability': 'best_effort',
            'qos_overrides./sam_tracker/tracks.publisher.reliability': 'best_effort',
        },
    )
    program.wait_for_output('waiting for images')
    return program, new_tester()


def test_published_images_follow_an_override_and_other_outputs_name_it(graph, overridden):
    program, tester = overridden

    def reliability(output: str) -> object:
        publishers = tester.node.get_publishers_info_by_topic(f'/sam_tracker/{output}')
        return publishers and publishers[0].qos_profile.reliability

    graph.wait_until(
        lambda: reliability('overlay') is ReliabilityPolicy.BEST_EFFORT, 'a best effort overlay'
    )
    assert reliability('label_image') is ReliabilityPolicy.RELIABLE
    assert "tracks.publisher.reliability' has no effect; this node can override" in program.output
    assert "overlay.publisher.reliability' has no effect" not in program.output
    # What was declared for the first publishers is there for the next ones.
    for transition in (DEACTIVATE, CLEANUP, CONFIGURE, ACTIVATE):
        assert tester.change(transition)
    assert reliability('overlay') is ReliabilityPolicy.BEST_EFFORT
