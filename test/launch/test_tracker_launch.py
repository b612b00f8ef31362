# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Two trackers of tracker.launch.py side by side, and what the launch arguments reach."""

import os
from pathlib import Path
import time
import unittest

import pytest

pytest.importorskip('launch_testing')
pytest.importorskip('launch_ros')

from ament_index_python.packages import get_package_share_directory
from geometry_msgs.msg import Point
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_testing.actions import ReadyToTest
import launch_testing.asserts
import numpy as np
from rcl_interfaces.srv import GetParameters
import rclpy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
import torch

from sam_tracker.msg import ImageBox, Prompt, TrackArray
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.srv import AddPrompt

os.environ.setdefault('ROS_DOMAIN_ID', '17')
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
SIDES = ('left', 'right')
PATIENCE = 60.0


def random_checkpoint() -> Path:
    torch.manual_seed(2)
    network = Sam2Network(configuration_named('nano'))
    with torch.no_grad():
        network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
    folder = Path(os.environ.get('ROS_LOG_DIR', '/tmp'))
    path = folder / f'sam_tracker_random_{os.getpid()}.pt'
    torch.save({'model': network.state_dict()}, path)
    return path


@pytest.mark.launch_test
def generate_test_description():
    checkpoint = random_checkpoint()
    file = Path(get_package_share_directory('sam_tracker')) / 'launch' / 'tracker.launch.py'
    return LaunchDescription(
        [
            SetEnvironmentVariable('OMP_NUM_THREADS', '1'),
            *(
                IncludeLaunchDescription(
                    PythonLaunchDescriptionSource(str(file)),
                    launch_arguments={
                        'namespace': side,
                        'image': f'/camera_{side}/image_raw',
                        'click_topic': f'/{side}/sam_tracker/overlay_mouse_left',
                        'checkpoint': str(checkpoint),
                        'device': 'cpu',
                    }.items(),
                )
                for side in SIDES
            ),
            ReadyToTest(),
        ]
    )


class TestTwoTrackers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rclpy.init()
        cls.node = rclpy.create_node('tester')

    @classmethod
    def tearDownClass(cls):
        cls.node.destroy_node()
        rclpy.shutdown()

    def spin_until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f'{what} did not happen'
            rclpy.spin_once(self.node, timeout_sec=0.05)

    def ask(self, kind, name, request):
        client = self.node.create_client(kind, name)
        assert client.wait_for_service(PATIENCE), f'no service {name}'
        future = client.call_async(request)
        self.spin_until(future.done, f'an answer of {name}')
        return future.result()

    def test_each_follows_its_own_camera(self):
        heard = {side: [] for side in SIDES}
        cameras = {}
        for side in SIDES:
            topic = f'/{side}/sam_tracker/tracks'
            self.node.create_subscription(TrackArray, topic, heard[side].append, 10)
            cameras[side] = self.node.create_publisher(Image, f'/camera_{side}/image_raw', 1)

        def see():
            for side, camera in cameras.items():
                header = Header(frame_id=side, stamp=self.node.get_clock().now().to_msg())
                picture = np.zeros((120, 160, 3), np.uint8)
                camera.publish(image_message(picture, 'rgb8', header))
            time.sleep(0.05)

        def seen():
            see()
            return all(heard.values())

        self.spin_until(seen, 'tracks of both')
        box = ImageBox(x_min=20.0, y_min=20.0, x_max=80.0, y_max=80.0)
        request = AddPrompt.Request(prompt=Prompt(label='left thing', box=box))
        answer = self.ask(AddPrompt, '/left/sam_tracker/add_prompt', request)
        assert answer.success, answer.message
        for messages in heard.values():
            messages.clear()
        self.spin_until(seen, 'tracks of both')
        assert [each.label for each in heard['left'][-1].tracks] == ['left thing']
        assert heard['right'][-1].tracks == []
        assert {side: heard[side][-1].header.frame_id for side in SIDES} == {
            side: side for side in SIDES
        }
        clicks = self.node.create_publisher(Point, '/right/sam_tracker/overlay_mouse_left', 1)
        self.spin_until(clicks.get_subscription_count, 'a subscription to clicks')
        clicks.publish(Point(x=50.0, y=50.0))

        def clicked():
            see()
            return any(message.tracks for message in heard['right'])

        self.spin_until(clicked, 'tracks of what was clicked')

    def test_arguments_go_before_the_parameter_file_and_empty_ones_do_not(self):
        request = GetParameters.Request(names=['device', 'model', 'maximum_objects'])
        answer = self.ask(GetParameters, '/right/sam_tracker/get_parameters', request)
        device, model, most = answer.values
        assert (device.string_value, model.string_value) == ('cpu', 'nano')
        assert most.integer_value == 64


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    def test_all_end_well(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
