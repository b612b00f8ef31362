# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a tracker that may be set at any time, through its parameter services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import ParameterDescriptor, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter, parameter_value_to_python

from sam_tracker.ros.parameters.declaration import Change

if TYPE_CHECKING:
    from sam_tracker.nodes.console.tracker_link import TrackerLink

TIMEOUT = 10.0
"""Seconds for each answer; while a node configures they come late."""
TEXT_MODEL = 'text.model'
"""Parameter that names the model of words; empty: there is none."""


async def live_parameters(link: TrackerLink) -> dict[str, Any]:
    """
    Return the live parameters with their ranges, and whether words can be searched for.

    :raises ServiceError: the tracker does not answer.
    """
    listed = await link.call('list_parameters', ListParameters.Request(), TIMEOUT)
    names = sorted(listed.result.names)
    described = await link.call(
        'describe_parameters', DescribeParameters.Request(names=names), TIMEOUT
    )
    live = [each for each in described.descriptors if _is_live(each)]
    asked = [each.name for each in live] + [name for name in names if name == TEXT_MODEL]
    answer = await link.call('get_parameters', GetParameters.Request(names=asked), TIMEOUT)
    values = dict(zip(asked, answer.values, strict=True))
    return {
        'words': bool(TEXT_MODEL in values and values[TEXT_MODEL].string_value),
        'parameters': [_fields(each, values[each.name]) for each in live],
    }


async def set_parameter(link: TrackerLink, name: str, value: bool | int | float | str) -> str:
    """
    Set a parameter and return why that was refused, or an empty string.

    :raises ServiceError: the tracker does not answer.
    """
    message = Parameter(name, value=value).to_parameter_msg()
    request = SetParameters.Request(parameters=[message])
    answer = await link.call('set_parameters', request, TIMEOUT)
    (result,) = answer.results
    return '' if result.successful else result.reason or f'{name} was not set'


def _is_live(descriptor: ParameterDescriptor) -> bool:
    return str(descriptor.additional_constraints).endswith(f'set {Change.LIVE.value}')


def _fields(descriptor: ParameterDescriptor, value: ParameterValue) -> dict[str, Any]:
    ranges = [*descriptor.floating_point_range, *descriptor.integer_range]
    return {
        'name': descriptor.name,
        'value': parameter_value_to_python(value),
        'integer': value.type == ParameterType.PARAMETER_INTEGER,
        'description': descriptor.description,
        'range': [ranges[0].from_value, ranges[0].to_value] if ranges else None,
    }
