# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The localizer as a program over DDS; the test is the tracker and the camera."""

from functools import partial
import importlib.util
import signal

from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, PointCloud2

from sam_tracker.core.time import SECOND
from sam_tracker.msg import Track, Track3D
from sam_tracker.ros.camera.camera_info import pinhole_camera_info
from sam_tracker.ros.messages.prompt_requests import whole_mask_message

from .conftest import DISTANCE, HEIGHT, LOCALIZER, PATIENCE, WIDTH, Robot, depth


def test_objects_are_placed_under_the_header_of_their_image(robot, localizer):
    robot.play_until(lambda: len(robot.with_depth()) >= 5, 'places')
    message = robot.with_depth()[-1]
    assert message.header.frame_id == 'camera_optical_frame'
    assert message.depth_offset.nanosec == 0
    (track,) = message.tracks
    assert (track.object_id, track.label, track.state) == (7, 'mug', Track.STATE_TRACKED)
    assert track.method == Track3D.METHOD_DEPTH
    position = track.pose.pose.position
    assert [position.x, position.y, position.z] == pytest.approx([0.0, 0.0, DISTANCE], abs=1e-3)
    assert track.direction.z == pytest.approx(1.0, abs=1e-3)
    assert track.depth_share == pytest.approx(1.0)
    focal_length = robot.info.k[0]
    assert track.box_size.x == pytest.approx(40 * DISTANCE / focal_length, rel=0.05)
    covariance = np.array(track.pose.covariance).reshape(6, 6)
    assert (np.linalg.eigvalsh(covariance[:3, :3]) > 0).all() and not covariance[3:].any()
    assert localizer.end(signal.SIGINT) == 0
    assert 'Traceback' not in localizer.output


def test_millimetres_and_late_depth_are_used_and_said(robot, localizer):
    def send() -> None:
        robot.send_depth(depth(1000 * DISTANCE, np.uint16), '16UC1', late=30_000_000)
        robot.send_tracks()

    robot.play_until(robot.with_depth, 'places', send)
    message = robot.with_depth()[-1]
    assert message.depth_offset.nanosec == 30_000_000
    assert message.tracks[0].pose.pose.position.z == pytest.approx(DISTANCE, abs=1e-3)


def test_compressed_depth_is_subscribed_to_and_used(robot, start):
    quality = QoSProfile(depth=10)
    robot.depth = robot.listener.node.create_publisher(
        CompressedImage, 'depth/compressedDepth', quality
    )
    start(LOCALIZER, depth_transport='compressedDepth')
    robot.wait_for_the_localizer()

    def send() -> None:
        robot.send_compressed_depth(depth(1000 * DISTANCE, np.uint16))
        robot.send_tracks()

    robot.play_until(robot.with_depth, 'places', send)
    assert robot.with_depth()[-1].tracks[0].pose.pose.position.z == pytest.approx(
        DISTANCE, abs=1e-3
    )

    def send_garbage() -> None:
        robot.depth.publish(CompressedImage(header=robot.header(), format='16UC1; jpeg'))
        robot.send_tracks()

    robot.play_until(
        lambda: robot.problem("image format '16UC1; jpeg' is not depth"),
        'the warning',
        send_garbage,
    )


def test_an_object_that_comes_nearer_has_a_velocity_and_is_predicted_when_occluded(
    robot, localizer
):
    def approach() -> None:
        # So far away that it does not arrive before its places do, on a machine that is busy.
        robot.send_depth(depth(max(15.0 - 0.02 * (robot.number - start), 1.0)))
        robot.send_tracks()

    robot.play_until(robot.with_depth, 'places')
    start = robot.number
    robot.places.clear()
    robot.play_until(lambda: len(robot.with_depth()) >= 20, 'places', approach)
    assert robot.places[-1].tracks[0].velocity.z == pytest.approx(-0.2, rel=0.1)
    before = len(robot.places)
    robot.number += 1
    robot.send_depth(depth())
    robot.send_tracks(state=Track.STATE_OCCLUDED, mask=whole_mask_message(np.zeros((1, 1))))
    robot.listener.spin_until(
        lambda: robot.places[-1].tracks[0].state == Track.STATE_OCCLUDED, 'an occlusion', PATIENCE
    )
    assert len(robot.places) > before
    (track,) = robot.places[-1].tracks
    assert track.method == Track3D.METHOD_PREDICTED
    assert track.velocity.z < -0.16 and not any((track.direction.x, track.direction.z))


def test_the_points_carry_the_ids_of_their_objects(robot, localizer):
    clouds = robot.listener.listen(PointCloud2, 'localizer/points')
    robot.play_until(lambda: any(each.width for each in clouds), 'points')
    cloud = next(each for each in clouds if each.width)
    assert [field.name for field in cloud.fields] == ['x', 'y', 'z', 'object_id']
    kind = np.dtype([('xyz', '<f4', 3), ('object_id', '<u4')])
    points = np.frombuffer(cloud.data, kind)
    assert len(points) == cloud.width > 1000
    assert (points['object_id'] == 7).all()
    np.testing.assert_allclose(points['xyz'][:, 2], DISTANCE, rtol=1e-5)


def test_markers_show_box_name_and_nothing_of_before(robot, localizer):
    messages = pytest.importorskip('visualization_msgs.msg')
    heard = robot.listener.listen(messages.MarkerArray, 'localizer/markers')
    robot.play_until(lambda: any(len(each.markers) > 1 for each in heard), 'markers')
    first, box, name = next(each for each in heard if len(each.markers) > 1).markers[:3]
    assert first.action == messages.Marker.DELETEALL
    assert (box.type, box.id) == (messages.Marker.CUBE, 7)
    assert box.pose.position.z == pytest.approx(DISTANCE, abs=0.01)
    assert box.scale.x > 0.1 and box.color.a > 0
    assert name.text == '7 mug'


def test_bad_input_is_named_in_diagnostics_and_costs_nothing_later(robot, localizer):
    good = robot.info
    no_number = pinhole_camera_info(WIDTH, HEIGHT, 60.0)
    no_number.k[0] = float('nan')
    outside = whole_mask_message(np.ones((HEIGHT, WIDTH), np.uint8))
    outside.region.x_offset = 100

    def send(values=None, encoding='32FC1', late=0, info=good, **changes) -> None:
        robot.info = info
        robot.send_depth(depth() if values is None else values, encoding, late)
        robot.send_tracks(**changes)

    def placed(method: int) -> bool:
        return any(each.tracks[0].method == method for each in robot.places)

    faults = {
        'the depth image has 80x60 pixels and the image 160x120': {'values': depth()[:60, :80]},
        "image encoding 'mono8' is not depth": {'values': depth(1, np.uint8), 'encoding': 'mono8'},
        'no depth image within 0.05 s': {'late': 10 * SECOND},
        'the intrinsic matrix is not finite: [nan': {'info': no_number},
        'camera_info is for images of 320x120': {
            'info': pinhole_camera_info(2 * WIDTH, HEIGHT, 60.0)
        },
        'the mask of object 7, 160x120 pixels at (100, 0), leaves the image': {'mask': outside},
    }
    for complaint, changes in faults.items():
        robot.play_until(partial(robot.problem, complaint), complaint, partial(send, **changes))
        robot.number += 200  # beyond the depth that came with false stamps
        robot.places.clear()
        robot.play_until(partial(placed, Track3D.METHOD_DEPTH), f'places after {complaint}', send)
    nothing = partial(send, values=np.zeros((HEIGHT, WIDTH), np.float32))
    empty = 'no depth from 0.1 to 20 m on any of 1 visible objects'
    told = len(robot.diagnostics)
    # On single images is no fault.
    robot.play_until(
        lambda: len(robot.diagnostics) > told + 3,
        'more diagnostics',
        lambda: nothing() if robot.number % 5 == 0 else send(),
    )
    assert not robot.problem(empty)
    robot.places.clear()
    # Without any measured pixel there is a direction, and no distance, once none is predicted.
    robot.play_until(partial(placed, Track3D.METHOD_NONE), 'places without depth', nothing)
    track = robot.places[-1].tracks[0]
    assert track.direction.z > 0.9 and track.pose.pose.orientation.w == 0.0
    robot.play_until(partial(robot.problem, empty), empty, nothing)

    def send_unregistered() -> None:
        robot.send_depth(depth(), frame='depth_optical_frame')
        robot.send_tracks()

    other = "the depth image has frame 'depth_optical_frame' and the image 'camera_optical_frame'"
    robot.places.clear()
    robot.play_until(partial(robot.problem, other), other, send_unregistered)
    robot.play_until(partial(placed, Track3D.METHOD_DEPTH), 'places of it', send_unregistered)
    localizer.end(signal.SIGTERM)
    assert 'Traceback' not in localizer.output


def test_what_is_missing_is_named_also_while_nobody_subscribes(listener, start):
    robot = Robot(listener, subscribes=False)
    program = start(LOCALIZER, **{'depth.warning': 0.5})
    robot.wait_for_the_localizer()

    def send(values: np.ndarray, late: int = 0) -> None:
        robot.send_depth(values, late=late)
        robot.send_tracks()

    outside = whole_mask_message(np.ones((HEIGHT, WIDTH), np.uint8))
    outside.region.x_offset = 100

    faults = {
        'no camera_info has come': partial(send, depth()),
        'the mask of object 7': lambda: robot.send_tracks(mask=outside),
        'the depth image has 80x60 pixels': partial(send, depth()[:60, :80]),
        'no depth image within 0.05 s': partial(send, depth(), 10 * SECOND),
        'no depth image for': robot.send_tracks,
        'no tracks for': lambda: robot.send_depth(depth()),
    }
    robot.info, calibration = None, robot.info
    for complaint, cause in faults.items():
        robot.play_until(partial(robot.problem, complaint), complaint, cause)
        robot.info = calibration
        robot.number += 200  # beyond the depth that came with false stamps
    assert program.process.poll() is None


def test_the_ground_gives_a_distance_that_is_marked(robot, start, tmp_path):
    file = tmp_path / 'parameters.yaml'
    file.write_text(
        '/**:\n  ros__parameters:\n    ground: {source: mounting, height: 1.0, pitch: 20.0}\n'
        '    depth: {patience: 0.0, warning: 0.1}\n'
    )
    program = start(LOCALIZER, '--ros-args', '--params-file', str(file))
    robot.wait_for_the_localizer()
    robot.play_until(lambda: robot.places, 'places', robot.send_tracks)
    message = robot.places[-1]
    assert not message.has_depth
    (track,) = message.tracks
    assert track.method == Track3D.METHOD_GROUND
    # The lowest row of the mask lies atan(20 / f) below the axis.
    angle = np.radians(20.0) + np.arctan(19.5 / robot.info.k[0])
    away = 1.0 / np.tan(angle)
    assert track.pose.pose.position.z == pytest.approx(away / np.cos(np.radians(20.0)), rel=0.02)

    def send_empty() -> None:
        robot.send_depth(np.zeros((HEIGHT, WIDTH), np.float32))
        robot.send_tracks()

    robot.play_until(robot.with_depth, 'places beside depth', send_empty)
    told = len(robot.diagnostics)
    robot.play_until(lambda: len(robot.diagnostics) > told + 3, 'more diagnostics', send_empty)
    assert robot.places[-1].tracks[0].method == Track3D.METHOD_GROUND
    assert not robot.problem('no depth from')
    # Not killed: Fast DDS once crashed in this process when its node was destroyed after that.
    program.end(signal.SIGTERM)


@pytest.mark.skipif(importlib.util.find_spec('tf2_ros') is not None, reason='tf2_ros is installed')
def test_a_target_frame_without_tf2_ros_is_refused_by_name(robot, start):
    program = start(LOCALIZER, target_frame='odom')
    program.wait_for_output("target_frame 'odom' needs tf2_ros, which is not installed")
    robot.listener.spin_until(
        lambda: any(
            status.level == DiagnosticStatus.ERROR and 'needs tf2_ros' in status.message
            for message in robot.diagnostics
            for status in message.status
        ),
        'the error in diagnostics',
        PATIENCE,
    )
    assert program.end(signal.SIGINT) == 0
