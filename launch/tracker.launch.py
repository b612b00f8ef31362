# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Starts one tracker node for one camera; include it once for each camera, with a namespace or name.

    ros2 launch sam_tracker tracker.launch.py image:=/camera/color/image_raw rviz:=true
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from sam_tracker.ros.process.fast_dds import large_image_environment

SHARE = Path(get_package_share_directory('sam_tracker'))
BOOLEAN = ['true', 'false']

ARGUMENTS = [
    DeclareLaunchArgument(
        'image', default_value='image', description='Topic of the camera images.'
    ),
    DeclareLaunchArgument(
        'click_topic',
        default_value='~/click',
        description='Topic of clicks. rqt_image_view publishes them to the topic of its image '
        'with _mouse_left behind it, unless told otherwise.',
    ),
    DeclareLaunchArgument('namespace', default_value='', description='Namespace of the node.'),
    DeclareLaunchArgument(
        'name', default_value='sam_tracker', description='Name of the node; outputs lie below it.'
    ),
    DeclareLaunchArgument(
        'params_file',
        default_value=str(SHARE / 'config' / 'tracker.yaml'),
        description='Parameter file. The arguments below go before it where they are not empty.',
    ),
    DeclareLaunchArgument(
        'model', default_value='', description='nano, tiny, small, base_plus or large.'
    ),
    DeclareLaunchArgument(
        'checkpoint', default_value='', description='Path of a checkpoint to use instead.'
    ),
    DeclareLaunchArgument('device', default_value='', description='auto, cpu, cuda or cuda:N.'),
    DeclareLaunchArgument('image_transport', default_value='', description='raw or compressed.'),
    DeclareLaunchArgument(
        'autostart',
        default_value='true',
        choices=BOOLEAN,
        description='Whether the node configures and activates itself.',
    ),
    DeclareLaunchArgument(
        'use_sim_time',
        default_value='false',
        choices=BOOLEAN,
        description='Whether time comes from /clock, as with a bag or a simulator.',
    ),
    DeclareLaunchArgument(
        'rviz', default_value='false', choices=BOOLEAN, description='Whether to start RViz.'
    ),
    DeclareLaunchArgument(
        'fast_dds_profile',
        default_value='true',
        choices=BOOLEAN,
        description='Whether Fast DDS gets memory for large images (config/'
        'fastdds_large_images.xml), unless the environment names a profile already.',
    ),
    DeclareLaunchArgument('log_level', default_value='info', description='Of the node.'),
]


def nodes(context: LaunchContext) -> list[Node]:
    """Return the nodes for the values of the arguments."""
    values = context.launch_configurations
    given = ('model', 'checkpoint', 'device', 'image_transport')
    parameters = {name: values[name] for name in given if values[name]}
    for name in ('autostart', 'use_sim_time'):
        parameters[name] = values[name] == 'true'
    environment = large_image_environment() if values['fast_dds_profile'] == 'true' else {}
    tracker = Node(
        package='sam_tracker',
        executable='tracker_node',
        namespace=values['namespace'],
        name=values['name'],
        parameters=[values['params_file'], parameters],
        remappings=[('image', values['image']), ('~/click', values['click_topic'])],
        ros_arguments=['--log-level', f'{logger_name(values)}:={values["log_level"]}'],
        additional_env=environment,
        output='screen',
    )
    if values['rviz'] == 'false':
        return [tracker]
    outputs = f'/{values["namespace"].strip("/")}/{values["name"]}'.replace('//', '/')
    rviz = Node(
        package='rviz2',
        executable='rviz2',
        namespace=values['namespace'],
        arguments=['--display-config', str(SHARE / 'config' / 'tracker.rviz')],
        parameters=[{'use_sim_time': parameters['use_sim_time']}],
        remappings=[
            (f'/sam_tracker/{output}', f'{outputs}/{output}')
            for output in ('overlay', 'label_image')
        ],
        additional_env=environment,
    )
    return [tracker, rviz]


def logger_name(values: dict[str, str]) -> str:
    """Return what the node's logger is called, so that the middleware stays as quiet as it is."""
    return '.'.join(filter(None, [*values['namespace'].split('/'), values['name']]))


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=nodes)])
