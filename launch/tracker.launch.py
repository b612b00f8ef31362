# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Starts a tracker node for one camera.

    ros2 launch sam_tracker tracker.launch.py image:=/camera/color/image_raw rviz:=true

For several cameras include it several times, each with a namespace or name and in a GroupAction,
because launch passes the arguments of one include to the next in the same scope.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from sam_tracker.ros.launch.camera_node import (
    BOOLEAN,
    TOPICS,
    USE_SIM_TIME,
    camera_node,
    parameter_scope,
    tool,
)
from sam_tracker.ros.parameters.tracker import TrackerParameters

RVIZ_LAYOUT = Path(get_package_share_directory('sam_tracker')) / 'config' / 'tracker.rviz'


def generate_launch_description() -> LaunchDescription:
    rviz = tool(
        'rviz2',
        condition=IfCondition(LaunchConfiguration('rviz')),
        arguments=['--display-config', str(RVIZ_LAYOUT)],
        remappings=[
            (f'/sam_tracker/{output}', [TOPICS, f'/{output}'])
            for output in ('overlay', 'label_image')
        ],
    )
    console = Node(
        package='sam_tracker',
        executable='console',
        condition=IfCondition(LaunchConfiguration('console')),
        output='screen',
    )
    return camera_node(
        executable='tracker_node',
        name='sam_tracker',
        parameters=TrackerParameters,
        arguments=[
            DeclareLaunchArgument(
                'click_topic',
                default_value='~/click',
                description='Topic of clicks. rqt_image_view publishes them to the topic of its '
                'image with _mouse_left appended, by default.',
            ),
            DeclareLaunchArgument(
                'console',
                default_value='false',
                choices=BOOLEAN,
                description='Whether to serve the page of the console on http://127.0.0.1:8080.',
            ),
            DeclareLaunchArgument(
                'rviz',
                default_value='false',
                choices=BOOLEAN,
                description='Whether to start RViz.',
            ),
        ],
        remappings=[('~/click', LaunchConfiguration('click_topic'))],
        beside=[parameter_scope([USE_SIM_TIME, console, rviz])],
    )
