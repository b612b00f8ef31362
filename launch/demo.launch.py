# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Starts a video as a camera, a tracker, and a tool to point with.

    ros2 launch sam_tracker demo.launch.py source:=clip.mp4 console:=true rviz:=true
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import Condition, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    SetEnvironmentVariable,
    SetLaunchConfiguration,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace, SetParameter
from launch_ros.parameter_descriptions import ParameterValue

from sam_tracker.ros.launch.camera_node import (
    BOOLEAN,
    PARAMETERS,
    TOPICS,
    USE_SIM_TIME,
    given,
    parameter_arguments,
    parameter_scope,
    tool,
)
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.ros.process.fast_dds import large_image_environment

TRACKER = Path(get_package_share_directory('sam_tracker')) / 'launch' / 'tracker.launch.py'
PASSED_ON = {
    'params_file': '',
    'console': 'false',
    'rviz': 'false',
    'respawn': 'false',
    'log_level': 'info',
}
"""Arguments of tracker.launch.py with their defaults, without the parameters of the node."""

ARGUMENTS = [
    DeclareLaunchArgument(
        'source',
        default_value='pattern',
        description='Path of a video or of a folder of images; pattern: a moving test pattern.',
    ),
    DeclareLaunchArgument(
        'loop', default_value='true', choices=BOOLEAN, description='Whether to repeat the video.'
    ),
    DeclareLaunchArgument(
        'rate', default_value='auto', description='Images per second; auto: as recorded.'
    ),
    DeclareLaunchArgument(
        'namespace', default_value='demo', description='Namespace of camera and tracker.'
    ),
    DeclareLaunchArgument('name', default_value='sam_tracker', description='Of the tracker.'),
    DeclareLaunchArgument(
        'click',
        default_value='none',
        choices=['none', 'rqt'],
        description='Tool for clicks besides the console: rqt_image_view, in which to tick the '
        'box beside "click location topic".',
    ),
    DeclareLaunchArgument(
        'use_sim_time',
        default_value='',
        choices=['', *BOOLEAN],
        description='Whether time comes from /clock.',
    ),
    *parameter_arguments(TrackerParameters),
    *(
        DeclareLaunchArgument(
            name, default_value=value, description='Passed on to tracker.launch.py.'
        )
        for name, value in PASSED_ON.items()
    ),
]


def clicking_with(name: str) -> Condition:
    """Return the condition that the argument ``click`` names this tool."""
    return Condition(predicate=lambda context: context.launch_configurations['click'] == name)


def generate_launch_description() -> LaunchDescription:
    camera = Node(
        package='sam_tracker',
        executable='video_node',
        parameters=[
            {
                'source': ParameterValue(LaunchConfiguration('source'), value_type=str),
                'loop': ParameterValue(LaunchConfiguration('loop'), value_type=bool),
                'rate': LaunchConfiguration('rate'),
                'wait_for_subscribers': 1,
            },
        ],
        output='screen',
    )
    image_transport = SetParameter(
        'image_transport',
        LaunchConfiguration('image_transport'),
        condition=given('image_transport'),
    )
    tracker = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(TRACKER)),
        launch_arguments=[
            ('namespace', ''),
            ('image', 'image'),
            ('click_topic', LaunchConfiguration('click_topic')),
            *(
                (name, LaunchConfiguration(name))
                for name in ('name', 'use_sim_time', *PARAMETERS, *PASSED_ON)
            ),
        ],
    )
    # rqt does not pass remappings to its plugins, so the tracker subscribes to their topic.
    click_topic = [
        SetLaunchConfiguration('click_topic', '~/click'),
        SetLaunchConfiguration(
            'click_topic', [TOPICS, '/overlay_mouse_left'], condition=clicking_with('rqt')
        ),
    ]
    rqt = tool('rqt_image_view', condition=clicking_with('rqt'), arguments=[[TOPICS, '/overlay']])
    environment = large_image_environment()
    return LaunchDescription(
        [
            *ARGUMENTS,
            GroupAction(
                [
                    PushRosNamespace(LaunchConfiguration('namespace')),
                    *(SetEnvironmentVariable(*each) for each in environment.items()),
                    parameter_scope([USE_SIM_TIME, image_transport, camera]),
                    *click_topic,
                    tracker,
                    parameter_scope([USE_SIM_TIME, rqt]),
                ]
            ),
        ]
    )
