# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A node is named as its executable is without ``_node``, wherever and however it is made."""

import pytest
import rclpy
from rclpy.parameter import Parameter

from sam_tracker.nodes.image_monitor_node import ImageMonitorNode
from sam_tracker.nodes.recorder_node import RecorderNode
from sam_tracker.nodes.video_node import VideoNode


@pytest.mark.parametrize(
    ('name', 'kind', 'parameters'),
    [
        ('image_monitor', ImageMonitorNode, {'frames': 3}),
        ('recorder', RecorderNode, {'stop_after': 3}),
        ('video', VideoNode, {'frames': 3}),
    ],
)
def test_a_node_takes_a_context_a_namespace_and_parameters(
    name, kind, parameters, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    context = rclpy.Context()
    rclpy.init(context=context)
    overrides = [Parameter(each, value=value) for each, value in parameters.items()]
    node = kind(context=context, namespace='left', parameter_overrides=overrides)
    try:
        assert node.get_fully_qualified_name() == f'/left/{name}'
        for each, value in parameters.items():
            assert node.get_parameter(each).value == value
    finally:
        node.destroy_node()
        rclpy.try_shutdown(context=context)
