# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A camera made of a video, a tracker, and something to point with.

    ros2 launch sam_tracker demo.launch.py source:=clip.mp4 click:=rqt rviz:=true
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from sam_tracker.ros.process.fast_dds import large_image_environment

SHARE = Path(get_package_share_directory('sam_tracker'))
BOOLEAN = ['true', 'false']
PASSED_ON = {
    'params_file': str(SHARE / 'config' / 'tracker.yaml'),
    'model': '',
    'checkpoint': '',
    'device': '',
    'rviz': 'false',
    'log_level': 'info',
}
"""Arguments of tracker.launch.py that may be given here too."""

ARGUMENTS = [
    DeclareLaunchArgument(
        'source',
        default_value='pattern',
        description='Path of a video or of a folder of images, or pattern: a moving test pattern.',
    ),
    DeclareLaunchArgument(
        'loop', default_value='true', choices=BOOLEAN, description='Whether to play it for ever.'
    ),
    DeclareLaunchArgument(
        'rate', default_value='0.0', description='Images per second; 0: as recorded.'
    ),
    DeclareLaunchArgument(
        'namespace', default_value='demo', description='Namespace of camera and tracker.'
    ),
    DeclareLaunchArgument(
        'click',
        default_value='none',
        choices=['none', 'rqt', 'window'],
        description='What to point with: rqt_image_view, where the box beside "click location '
        'topic" is to be ticked, or the window of prompt_node.',
    ),
    *(
        DeclareLaunchArgument(
            name, default_value=value, description='Passed on to tracker.launch.py.'
        )
        for name, value in PASSED_ON.items()
    ),
]


def actions(context: LaunchContext) -> list[Node | IncludeLaunchDescription]:
    """Return what is to be started for the values of the arguments."""
    values = context.launch_configurations
    namespace = '/' + values['namespace'].strip('/')
    tracker = f'{namespace}/sam_tracker'.replace('//', '/')
    # rqt passes no remappings on to its plugins: the tracker listens where they publish.
    click_topic = f'{tracker}/overlay_mouse_left' if values['click'] == 'rqt' else '~/click'
    camera = Node(
        package='sam_tracker',
        executable='video_node',
        namespace=namespace,
        parameters=[
            {
                'source': values['source'],
                'loop': values['loop'] == 'true',
                'rate': float(values['rate']),
                'wait_for_subscribers': 1,
            }
        ],
        additional_env=large_image_environment(),
        output='screen',
    )
    included = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / 'launch' / 'tracker.launch.py')),
        launch_arguments=[
            ('namespace', namespace),
            ('image', 'image'),
            ('click_topic', click_topic),
            *((name, values[name]) for name in PASSED_ON),
        ],
    )
    pointing = {
        'none': [],
        'rqt': [
            Node(
                package='rqt_image_view',
                executable='rqt_image_view',
                arguments=[f'{tracker}/overlay'],
            )
        ],
        'window': [
            Node(
                package='sam_tracker',
                executable='prompt_node',
                namespace=namespace,
                output='screen',
            )
        ],
    }
    return [camera, included, *pointing[values['click']]]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=actions)])
