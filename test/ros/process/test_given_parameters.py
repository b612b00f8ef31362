# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters that were given at start and have no effect are named in a warning."""

import pytest
import rclpy
from rclpy.parameter import Parameter

from sam_tracker.ros.process.given_parameters import (
    parameter_overrides,
    warn_of_files_of_other_nodes,
    warn_of_unknown_parameters,
)


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def node(domain):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node(
        'camera',
        context=context,
        namespace='robot/left',
        parameter_overrides=[Parameter('lenght', value=3)],
    )
    log = Log()
    node.get_logger = lambda: log
    yield node
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def test_a_parameter_that_is_not_declared_is_named_on_every_distribution(node):
    node.declare_parameter('length', 1)
    assert list(parameter_overrides(node)) == ['lenght']
    warn_of_unknown_parameters(node)
    assert node.get_logger().lines == [
        "parameter 'lenght' is unknown and has no effect; did you mean 'length'?"
    ]


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        ('camera: {ros__parameters: {width: 3}}', '/camera'),
        (
            '/robot/camera: {ros__parameters: {lens: {focus: 3.0}, lenght: 1, width: 3}}',
            '/robot/camera',
        ),
        (
            '{/robot/*: {ros__parameters: {width: 3}}, robot: {right: {camera: {ros__parameters: '
            '{width: 3}}}}, arm: {ros__parameters: {joints: 7}}}',
            '/robot/*, /robot/right/camera',
        ),
    ],
)
def test_a_file_with_parameters_of_the_node_for_other_nodes_is_named(
    node, tmp_path, content, named
):
    node.declare_parameter('width', 1)
    node.declare_parameter('lens.focus', 1.0)
    file = tmp_path / 'parameters.yaml'
    file.write_text(content)
    warn_of_files_of_other_nodes(['--ros-args', '--params-file', str(file)], node)
    assert node.get_logger().lines == [
        f'parameter file {str(file)!r} has no effect: it has parameters of this node for {named}, '
        'and none for /robot/left/camera'
    ]


@pytest.mark.parametrize(
    'content',
    [
        '{arm: {ros__parameters: {joints: 7, use_sim_time: true}}, base: {ros__parameters: {}}}',
        '{display: {ros__parameters: {width: 3, height: 4, title: robot}}}',
        '{base: {ros__parameters: {use_sim_time: true}}}',
        '',
        'camera',
    ],
)
def test_a_file_for_other_nodes_of_the_robot_is_none_to_warn_of(node, tmp_path, content):
    node.declare_parameter('width', 1)
    file = tmp_path / 'parameters.yaml'
    file.write_text(content)
    warn_of_files_of_other_nodes(['--ros-args', '--params-file', str(file)], node)
    assert not node.get_logger().lines


@pytest.mark.parametrize(
    'section',
    [
        *('/**', '/robot/left/camera', 'robot/left/camera', '/robot/*/camera', '/**/camera'),
        # The two stars of rcl also match nothing.
        *('/robot/left/**/camera', '/robot/left/camera/**'),
    ],
)
def test_a_file_that_names_the_node_among_others_is_none_to_warn_of(node, tmp_path, section):
    file = tmp_path / 'parameters.yaml'
    file.write_text(
        f'{{other: {{ros__parameters: {{}}}}, {section}: {{ros__parameters: {{width: 3}}}}}}'
    )
    warn_of_files_of_other_nodes(['--ros-args', '--params-file', str(file)], node)
    assert not node.get_logger().lines


def test_a_file_that_yaml_cannot_read_is_left_to_rcl(node, tmp_path):
    file = tmp_path / 'parameters.yaml'
    file.write_text('camera: !robot {}')
    warn_of_files_of_other_nodes(
        ['--params-file', str(file), '--params-file', str(tmp_path)], node
    )
    assert not node.get_logger().lines
