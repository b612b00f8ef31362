# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of a living node: what may be set when, and what a refusal leaves as it was."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from rcl_interfaces.msg import SetParametersResult
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter

from sam_tracker.ros.parameters.declaration import Change, ParameterError, declared
from sam_tracker.ros.parameters.node_parameters import NodeParameters


@dataclass(frozen=True)
class Group:
    rate: float | None = declared(
        None, 'A rate.', kind=float, change=Change.LIVE, minimum=0.5, maximum=2.0
    )


@dataclass(frozen=True)
class Parameters:
    live: int = declared(5, 'A number.', change=Change.LIVE, minimum=1, maximum=9)
    fixed: str = declared('cpu', 'A text.')
    start: bool = declared(True, 'A choice.', change=Change.AT_START)
    group: Group = field(default_factory=Group)


@pytest.fixture
def context() -> Iterator[rclpy.Context]:
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.try_shutdown(context=context)


@pytest.fixture
def node(context) -> Iterator[Node]:
    node = Node('bare', context=context)
    yield node
    node.destroy_node()


def set_to(node: Node, **values: object) -> SetParametersResult:
    changes = [Parameter(name.replace('__', '.'), value=value) for name, value in values.items()]
    return node.set_parameters_atomically(changes)


def test_values_given_at_start_are_read_by_full_name(context):
    overrides = [Parameter('live', value=7), Parameter('group.rate', value=2)]
    node = Node('given', context=context, parameter_overrides=overrides)
    values = NodeParameters(node, Parameters).values
    assert values == Parameters(live=7, group=Group(rate=2.0))
    node.destroy_node()


@pytest.mark.parametrize(
    ('name', 'value'), [('live', 10), ('live', 'many'), ('group.rate', 3), ('group.rate', 'fast')]
)
def test_a_value_at_start_that_is_not_allowed_is_refused_by_name(context, name, value):
    node = Node('wrong', context=context, parameter_overrides=[Parameter(name, value=value)])
    with pytest.raises(ParameterError, match=name):
        NodeParameters(node, Parameters)
    node.destroy_node()


def test_a_change_is_told_once_it_is_accepted_and_not_when_it_is_none(node):
    told = []
    parameters = NodeParameters(node, Parameters, on_change=told.append)
    assert set_to(node, live=6, group__rate=1).successful
    assert told == [parameters.values] == [Parameters(live=6, group=Group(rate=1.0))]
    assert set_to(node, live=6).successful
    assert set_to(node, group__rate='auto').successful
    assert told[1:] == [Parameters(live=6)]


def test_nothing_changes_when_one_value_of_several_is_refused(node):
    told = []
    parameters = NodeParameters(node, Parameters, on_change=told.append)
    refused = set_to(node, live=6, group__rate=9)
    assert not refused.successful
    assert 'group.rate' in refused.reason
    assert '9' in refused.reason
    assert (parameters.values, told) == (Parameters(), [])


@pytest.mark.skipif(
    not hasattr(Node, 'add_post_set_parameters_callback'), reason='Humble cannot tell'
)
def test_nothing_changes_when_somebody_else_refuses(node):
    told, refuses = [], False
    # rclpy asks the callback that was added last first.
    node.add_on_set_parameters_callback(lambda _: SetParametersResult(successful=not refuses))
    parameters = NodeParameters(node, Parameters, on_change=told.append)
    refuses = True
    assert not set_to(node, live=6).successful
    assert (parameters.values, told) == (Parameters(), [])


def test_what_is_read_while_configuring_is_refused_later_with_the_way_out(node):
    configured = False
    parameters = NodeParameters(node, Parameters, configured=lambda: configured)
    assert set_to(node, fixed='cuda').successful
    configured = True
    refused = set_to(node, fixed='cpu')
    assert not refused.successful
    assert 'fixed is read when the node configures' in refused.reason
    assert 'cleanup' in refused.reason
    assert parameters.values.fixed == 'cuda'


def test_what_is_read_at_start_is_refused_for_ever(node):
    NodeParameters(node, Parameters, configured=lambda: False)
    refused = set_to(node, start=False)
    assert not refused.successful
    assert 'start is read when the node starts' in refused.reason


def test_every_parameter_may_be_set_to_the_value_it_has(node):
    parameters = NodeParameters(node, Parameters)
    for name in ('live', 'fixed', 'start', 'group.rate'):
        dumped = node.get_parameter(name)
        assert node.set_parameters([dumped])[0].successful, name
    assert parameters.values == Parameters()


def test_a_parameter_cannot_be_unset(node):
    parameters = NodeParameters(node, Parameters)
    assert not node.set_parameters([Parameter('group.rate')])[0].successful
    assert node.has_parameter('group.rate')
    assert parameters.values == Parameters()
