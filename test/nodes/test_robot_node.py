# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tracker and localizer in one process, for two robots in one graph, and a manager of both."""

from functools import partial
import signal

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from sam_tracker.msg import Track3D, Track3DArray
from sam_tracker.ros.camera.camera_info import pinhole_camera_info

from ..conftest import PATIENCE, wait_until
from .conftest import HEIGHT, WIDTH, Camera

wait = partial(wait_until, patience=2 * PATIENCE)

ROBOTS = {'robot1': ('mug', 2.0), 'robot2': ('cup', 3.0)}
"""With the label of an object, and the distance of everything in metres."""


class DepthCamera(Camera):
    """Publishes depth and calibration with every image."""

    def __init__(self, graph, distance: float, **options) -> None:
        super().__init__(graph, silent=True, rate=5.0, **options)
        self.distance = distance
        self.depth = self.node.create_publisher(Image, 'depth', QoSProfile(depth=10))
        self.camera_info = self.node.create_publisher(
            CameraInfo, 'camera_info', QoSProfile(depth=10)
        )
        self.silent = False

    def publish(self) -> Header:
        header = super().publish()
        values = np.full((HEIGHT, WIDTH), 1000 * self.distance, np.uint16)
        depth = Image(header=header, height=HEIGHT, width=WIDTH, encoding='16UC1')
        depth.step = 2 * WIDTH
        depth.data.frombytes(values.tobytes())
        self.depth.publish(depth)
        info = pinhole_camera_info(WIDTH, HEIGHT, 60.0)
        info.header = header
        self.camera_info.publish(info)
        return header


@pytest.fixture
def cameras(graph):
    made = [
        DepthCamera(graph, distance, namespace=f'/{robot}', frame_id=robot)
        for robot, (_, distance) in ROBOTS.items()
    ]
    yield made
    for camera in made:
        camera.close()


def placed(heard: list[Track3DArray]) -> list[Track3D]:
    """Return the tracks whose position was measured."""
    tracks = [track for message in heard for track in message.tracks]
    return [track for track in tracks if track.method == Track3D.METHOD_DEPTH]


def test_two_robots_with_a_process_each_share_a_graph(
    graph, random_checkpoint, new_tester, cameras
):
    programs = [
        graph.start(
            'sam_tracker.nodes.robot_node',
            *('-r', f'__ns:=/{robot}'),
            checkpoint=random_checkpoint,
            device='cpu',
            precision='float32',
            service_timeout=PATIENCE,
        )
        for robot in ROBOTS
    ]
    trackers = [new_tester(namespace=f'/{robot}') for robot in ROBOTS]
    localizers = [new_tester(namespace=f'/{robot}', node='localizer') for robot in ROBOTS]
    places: list[list[Track3DArray]] = [[], []]
    for each, heard in zip(localizers, places, strict=True):
        each.wait_until_active()
        each.listen(Track3DArray, 'tracks_3d', heard)
    for tracker, (label, _) in zip(trackers, ROBOTS.values(), strict=True):
        tracker.wait_until_active()
        tracker.next_tracks()
        assert tracker.add_box(label=label).success

    wait(lambda: all(map(placed, places)), 'places of both robots')
    for robot, heard in zip(ROBOTS, places, strict=True):
        label, distance = ROBOTS[robot]
        assert {message.header.frame_id for message in heard} == {robot}
        assert {track.label for track in placed(heard)} == {label}
        assert placed(heard)[-1].pose.pose.position.z == pytest.approx(distance, abs=1e-3)
    for each in localizers:
        each.diagnosed(lambda status, _: status.level == DiagnosticStatus.OK, 'no fault')
    node = trackers[0].node
    names = [
        f'{namespace}/{name}'
        for name, namespace in node.get_node_names_and_namespaces()
        if namespace.strip('/') in ROBOTS and name in ('sam_tracker', 'localizer')
    ]
    assert sorted(names) == sorted(
        f'/{robot}/{name}' for robot in ROBOTS for name in ('sam_tracker', 'localizer')
    )
    # Of the tester alone: the localizer has the tracks without a topic.
    assert node.count_subscribers('/robot1/sam_tracker/tracks') == 1

    # Each node has its own lifecycle: without localizer the tracker goes on.
    assert localizers[0].change(Transition.TRANSITION_DEACTIVATE)
    assert trackers[0].next_tracks()[0].tracks[0].label == 'mug'
    assert localizers[0].change(Transition.TRANSITION_ACTIVATE)
    before = len(places[0])
    wait(lambda: len(places[0]) > before, 'places again')
    for program in programs:
        assert program.end(signal.SIGINT) == 0
        assert 'Traceback' not in program.output, program.output


@pytest.mark.parametrize(
    'modules',
    [('tracker.tracker_node', 'localizer.localizer_node'), ('robot_node',)],
    ids=['a process each', 'one process'],
)
def test_a_lifecycle_manager_starts_pauses_resets_and_shuts_down_tracker_and_localizer(
    graph, random_checkpoint, new_tester, cameras, modules
):
    namespace, (label, distance) = '/robot1', ROBOTS['robot1']
    # Listens before the programs start, as a manager that waits for its nodes.
    tracker = new_tester(namespace=namespace)
    localizer = new_tester(namespace=namespace, node='localizer')
    places: list[Track3DArray] = []
    localizer.listen(Track3DArray, 'tracks_3d', places)
    nodes = (tracker, localizer)
    programs = [
        graph.start(
            f'sam_tracker.nodes.{module}',
            *('-r', f'__ns:={namespace}', '-r', 'tracks:=sam_tracker/tracks'),
            autostart=False,
            checkpoint=random_checkpoint,
            device='cpu',
            precision='float32',
            service_timeout=PATIENCE,
        )
        for module in modules
    ]

    def change(transition: str, state: str, *, reverse: bool = False) -> None:
        """One transition of all nodes, each node after the one before, as Nav2's manager does."""
        for node in reversed(nodes) if reverse else nodes:
            assert node.change(getattr(Transition, f'TRANSITION_{transition}')), transition
            assert node.state() == state

    for node in nodes:
        node.wait_for_state('unconfigured')
    for _ in range(2):
        change('CONFIGURE', 'inactive')
        change('ACTIVATE', 'active')
        tracker.next_tracks()
        assert not tracker.object_ids()  # a cleanup forgets them
        assert tracker.add_box(label=label).success
        places.clear()
        wait(lambda: placed(places), 'places')
        change('DEACTIVATE', 'inactive', reverse=True)
        # Paused and resumed: the objects are still there.
        change('ACTIVATE', 'active')
        assert tracker.next_tracks()[0].tracks[0].label == label
        places.clear()
        wait(lambda: placed(places), 'places after the pause')
        assert placed(places)[-1].pose.pose.position.z == pytest.approx(distance, abs=1e-3)
        change('DEACTIVATE', 'inactive', reverse=True)
        change('CLEANUP', 'unconfigured', reverse=True)
    change('UNCONFIGURED_SHUTDOWN', 'finalized', reverse=True)
    for program in programs:
        assert program.end(signal.SIGINT) == 0
        assert 'Traceback' not in program.output, program.output
