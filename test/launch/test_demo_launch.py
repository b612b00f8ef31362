# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""demo.launch.py: a camera made of the test pattern, and a tracker of it."""

import os
from pathlib import Path
import time
import unittest

import pytest

pytest.importorskip('launch_testing')
pytest.importorskip('launch_ros')

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_testing.actions import ReadyToTest
import launch_testing.asserts
import rclpy
import torch

from sam_tracker.msg import ImageBox, Prompt, TrackArray
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.srv import AddPrompt

os.environ.setdefault('ROS_DOMAIN_ID', '18')
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
PATIENCE = 60.0


def random_checkpoint() -> Path:
    torch.manual_seed(2)
    network = Sam2Network(configuration_named('nano'))
    folder = Path(os.environ.get('ROS_LOG_DIR', '/tmp'))
    path = folder / f'sam_tracker_random_{os.getpid()}.pt'
    torch.save({'model': network.state_dict()}, path)
    return path


@pytest.mark.launch_test
def generate_test_description():
    file = Path(get_package_share_directory('sam_tracker')) / 'launch' / 'demo.launch.py'
    demo = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(file)),
        launch_arguments={
            'checkpoint': str(random_checkpoint()),
            'device': 'cpu',
            'rate': '10.0',
        }.items(),
    )
    return LaunchDescription([SetEnvironmentVariable('OMP_NUM_THREADS', '1'), demo, ReadyToTest()])


class TestDemo(unittest.TestCase):
    def test_the_pattern_is_tracked_once_something_is_pointed_at(self):
        rclpy.init()
        node = rclpy.create_node('tester')
        heard = []
        node.create_subscription(TrackArray, '/demo/sam_tracker/tracks', heard.append, 10)
        client = node.create_client(AddPrompt, '/demo/sam_tracker/add_prompt')

        def spin_until(condition, what):
            end = time.monotonic() + PATIENCE
            while not condition():
                assert time.monotonic() < end, f'{what} did not happen'
                rclpy.spin_once(node, timeout_sec=0.05)

        spin_until(lambda: heard, 'tracks')
        topic = '/demo/sam_tracker/click'
        spin_until(lambda: node.count_subscribers(topic) == 1, 'a subscription to clicks')
        box = ImageBox(x_min=20.0, y_min=20.0, x_max=80.0, y_max=80.0)
        future = client.call_async(AddPrompt.Request(prompt=Prompt(label='thing', box=box)))
        spin_until(future.done, 'an answer')
        assert future.result().success, future.result().message
        heard.clear()
        spin_until(lambda: heard and heard[-1].tracks, 'tracks of the object')
        assert heard[-1].tracks[0].label == 'thing'
        node.destroy_node()
        rclpy.shutdown()


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    def test_all_end_well(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
