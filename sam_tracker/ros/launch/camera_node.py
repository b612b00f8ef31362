# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Shared by the launch files of the tracker and the segmenter.

Only this module and the launch files need launch and launch_ros, which no wheel of ROS 2 on PyPI
contains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import Action, Condition, LaunchContext, LaunchDescription, Substitution
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace, SetParameter, SetParametersFromFile

from sam_tracker.ros.parameters.declaration import Declaration, declarations
from sam_tracker.ros.process.fast_dds import large_image_environment

BOOLEAN = ['true', 'false', 'True', 'False']
PARAMETERS = (
    'model',
    'checkpoint',
    'image_size',
    'device',
    'precision',
    'cpu_threads',
    'image_transport',
    'autostart',
)
"""Parameters of the node that are launch arguments, too."""
RESPAWN_DELAY = 2.0
"""Seconds."""


class FullName(Substitution):
    """The name of the node with its namespace, wherever that was pushed."""

    def __init__(self, prefix: str, separator: str) -> None:
        """Have ``/robot/tracker`` written with a prefix and a separator instead of slashes."""
        super().__init__()
        self._prefix = prefix
        self._separator = separator

    def describe(self) -> str:
        return f'FullName({self._prefix!r}, {self._separator!r})'

    def perform(self, context: LaunchContext) -> str:
        configurations = context.launch_configurations
        namespace = configurations.get('ros_namespace', '').strip('/')
        parts = [*filter(None, namespace.split('/')), configurations['name']]
        return self._prefix + self._separator.join(parts)


TOPICS = FullName('/', '/')
LOGGER = FullName('', '.')


def camera_node(
    *,
    executable: str | Substitution,
    name: str,
    parameters: type[Any],
    arguments: Sequence[DeclareLaunchArgument] = (),
    remappings: Sequence[tuple[str, LaunchConfiguration]] = (),
    parameter_actions: Sequence[Action] = (),
    beside: Iterable[Action] = (),
) -> LaunchDescription:
    """
    Return the launch description of one node that subscribes to one camera.

    A parameter comes from, each taking precedence over the one before: the node's default, a
    ``SetParameter`` around the launch file, ``params_file``, a launch argument that was given.

    :param name: of the node, unless the launch argument ``name`` says otherwise.
    :param parameters: dataclass of the node's parameters.
    :param arguments: more launch arguments.
    :param remappings: besides that of ``image``.
    :param parameter_actions: set further parameters, before ``params_file`` does.
    :param beside: what else is started, in the namespace and with the environment of the node.
    """
    declared = declarations(parameters)
    node = Node(
        package='sam_tracker',
        executable=executable,
        name=LaunchConfiguration('name'),
        remappings=[('image', LaunchConfiguration('image')), *remappings],
        # Of this logger only, so that the middleware stays as quiet as it is.
        ros_arguments=['--log-level', [LOGGER, ':=', LaunchConfiguration('log_level')]],
        respawn=LaunchConfiguration('respawn'),
        respawn_delay=RESPAWN_DELAY,
        output='screen',
    )
    parameter_actions = [
        OpaqueFunction(function=_require_parameter_file),
        *parameter_actions,
        SetParametersFromFile(LaunchConfiguration('params_file'), condition=given('params_file')),
        *(
            SetParameter(name, LaunchConfiguration(name), condition=given(name))
            for name in PARAMETERS
        ),
        USE_SIM_TIME,
    ]
    return LaunchDescription(
        [
            *_arguments(name, declared),
            *arguments,
            GroupAction(
                [
                    PushRosNamespace(
                        LaunchConfiguration('namespace'), condition=given('namespace')
                    ),
                    *(
                        SetEnvironmentVariable(
                            variable,
                            value,
                            condition=IfCondition(LaunchConfiguration('fast_dds_profile')),
                        )
                        for variable, value in large_image_environment().items()
                    ),
                    parameter_scope([*parameter_actions, node]),
                    *beside,
                ]
            ),
        ]
    )


def given(argument: str) -> Condition:
    """Return the condition that a launch argument is not empty."""
    return Condition(predicate=lambda context: context.launch_configurations[argument] != '')


USE_SIM_TIME = SetParameter(
    'use_sim_time', LaunchConfiguration('use_sim_time'), condition=given('use_sim_time')
)
"""Passes the launch argument on to the nodes that follow, if it is given."""


def parameter_scope(actions: Sequence[Action]) -> GroupAction:
    """
    Return a group that keeps the parameters set in it for itself.

    Scopes of launch share the list to which SetParameter appends, so without a copy the arguments
    of one camera would reach the next one.
    """

    def copy(context: LaunchContext) -> None:
        configurations = context.launch_configurations
        configurations['global_params'] = list(configurations.get('global_params', []))

    return GroupAction([OpaqueFunction(function=copy), *actions])


def tool(package: str, *, condition: Condition, **options: object) -> Action:
    """Return a node of a package that may not be installed; then a line says so instead."""
    try:
        get_package_prefix(package)
    except PackageNotFoundError:
        message = f'{package} is not started: the package is not installed'
        return LogInfo(msg=message, condition=condition)
    return Node(package=package, executable=package, condition=condition, **options)


def parameter_arguments(parameters: type[Any]) -> list[DeclareLaunchArgument]:
    """Return the launch arguments for parameters of the node, all empty unless given."""
    return _parameter_arguments(declarations(parameters))


def _arguments(name: str, declared: dict[str, Declaration]) -> list[DeclareLaunchArgument]:
    return [
        DeclareLaunchArgument(
            'image', default_value='image', description='Topic of the camera images.'
        ),
        DeclareLaunchArgument(
            'namespace',
            default_value='',
            description='Namespace of the node, within a namespace that was pushed.',
        ),
        DeclareLaunchArgument(
            'name', default_value=name, description='Name of the node; outputs lie below it.'
        ),
        DeclareLaunchArgument(
            'params_file',
            default_value='',
            description='Parameter file. Parameters below that are given take precedence.',
        ),
        *_parameter_arguments(declared),
        DeclareLaunchArgument(
            'use_sim_time',
            default_value='',
            choices=['', *BOOLEAN],
            description='Whether time comes from /clock, as with a bag or a simulator.',
        ),
        DeclareLaunchArgument(
            'respawn',
            default_value='false',
            choices=BOOLEAN,
            description='Whether to start the node again when it ends by itself; without '
            'saved_objects.file a tracker has forgotten all objects then.',
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


def _parameter_arguments(declared: dict[str, Declaration]) -> list[DeclareLaunchArgument]:
    return [
        DeclareLaunchArgument(
            name,
            default_value='',
            description=f'Parameter of the node. {declared[name].description}',
        )
        for name in PARAMETERS
    ]


def _require_parameter_file(context: LaunchContext) -> None:
    """
    Check the launch argument ``params_file``; launch itself only warns.

    :raises FileNotFoundError: when there is no such file.
    """
    path = context.launch_configurations['params_file']
    if path and not Path(path).is_file():
        raise FileNotFoundError(f'params_file {path!r} is not a file')
