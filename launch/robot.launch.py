# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Starts a tracker and a localizer for one camera with depth.

    ros2 launch sam_tracker robot.launch.py image:=/camera/color/image_raw \
      depth:=/camera/aligned_depth_to_color/image_raw camera_info:=/camera/color/camera_info

With one_process:=true they share a process (robot_node), and tracks go from one to the other
without DDS.

For several robots or cameras include it several times, each with a namespace and in a GroupAction,
as tracker.launch.py.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction
from launch.conditions import IfCondition, UnlessCondition
from launch.substitutions import LaunchConfiguration, PythonExpression
from launch_ros.actions import Node, SetParametersFromFile

from sam_tracker.ros.launch.camera_node import (
    BOOLEAN,
    RESPAWN_DELAY,
    TOPICS,
    USE_SIM_TIME,
    camera_node,
    given,
    parameter_scope,
    tool,
)
from sam_tracker.ros.parameters.tracker import TrackerParameters

ONE_PROCESS = LaunchConfiguration('one_process')
INPUTS = [(topic, LaunchConfiguration(topic)) for topic in ('depth', 'camera_info')]
"""Of the localizer, besides the tracks."""
RVIZ_LAYOUT = Path(get_package_share_directory('sam_tracker')) / 'config' / 'robot.rviz'


def generate_launch_description() -> LaunchDescription:
    localizer = Node(
        package='sam_tracker',
        executable='localizer_node',
        name='localizer',
        remappings=[('tracks', [TOPICS, '/tracks']), *INPUTS],
        condition=UnlessCondition(ONE_PROCESS),
        respawn=LaunchConfiguration('respawn'),
        respawn_delay=RESPAWN_DELAY,
        output='screen',
    )
    localizer_file = SetParametersFromFile(
        LaunchConfiguration('localizer_params_file'), condition=given('localizer_params_file')
    )
    rviz = tool(
        'rviz2',
        condition=IfCondition(LaunchConfiguration('rviz')),
        arguments=['--display-config', str(RVIZ_LAYOUT)],
        remappings=[
            ('/sam_tracker/overlay', [TOPICS, '/overlay']),
            *((f'/localizer/{output}', f'localizer/{output}') for output in ('markers', 'points')),
        ],
    )
    return camera_node(
        executable=PythonExpression(
            ["'robot_node' if '", ONE_PROCESS, "'.lower() == 'true' else 'tracker_node'"]
        ),
        name='sam_tracker',
        parameters=TrackerParameters,
        remappings=INPUTS,
        parameter_actions=[
            GroupAction([localizer_file], scoped=False, condition=IfCondition(ONE_PROCESS))
        ],
        arguments=[
            DeclareLaunchArgument(
                'one_process',
                default_value='false',
                choices=BOOLEAN,
                description='Whether tracker and localizer share a process.',
            ),
            DeclareLaunchArgument(
                'depth',
                default_value='depth',
                description='Topic of the depth images, registered to the images.',
            ),
            DeclareLaunchArgument(
                'camera_info',
                default_value='camera_info',
                description='Topic of the calibration of the images.',
            ),
            DeclareLaunchArgument(
                'localizer_params_file',
                default_value='',
                description='Parameters of the localizer; config/localizer.yaml has them all.',
            ),
            DeclareLaunchArgument(
                'rviz',
                default_value='false',
                choices=BOOLEAN,
                description='Whether to start RViz.',
            ),
        ],
        beside=[
            parameter_scope([localizer_file, USE_SIM_TIME, localizer]),
            parameter_scope([USE_SIM_TIME, rviz]),
        ],
    )
