# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of one node: declared at start, validated when set, read as one dataclass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import ParameterException

from sam_tracker.ros.parameters.declaration import (
    AUTO,
    TYPE_NAMES,
    Change,
    Declaration,
    ParameterError,
    declarations,
    value_of,
    with_values,
)

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.parameter import Parameter

Values = TypeVar('Values')


class NodeParameters(Generic[Values]):
    """
    Declares the parameters of a dataclass and holds their current values.

    A change that is not allowed is refused with the reason and nothing changes; setting a
    parameter to the value it has is always allowed, so that a dumped parameter file can be loaded.
    """

    def __init__(
        self,
        node: Node,
        kind: type[Values],
        *,
        configured: Callable[[], bool] = lambda: True,
        on_change: Callable[[Values], None] = lambda _: None,
    ) -> None:
        """
        Declare the parameters.

        :param configured: whether parameters that are read while configuring are in use.
        :param on_change: called with the new values after a change was accepted.
        :raises ParameterError: naming the first value given at start that is invalid.
        """
        self._node = node
        self._declared = declarations(kind)
        self._configured = configured
        self._on_change = on_change
        given = {name: _declare(node, each) for name, each in self._declared.items()}
        self._values = with_values(kind(), given)
        node.add_on_set_parameters_callback(self._validate)
        self._told_after = hasattr(node, 'add_post_set_parameters_callback')
        if self._told_after:
            node.add_post_set_parameters_callback(self._adopt)

    @property
    def values(self) -> Values:
        """The current values; immutable, so that one reading of it is consistent."""
        return self._values

    def _validate(self, changes: Sequence[Parameter]) -> SetParametersResult:
        try:
            changed = self._changed(changes)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        for name, declaration in self._declared.items():
            if value_of(changed, name) == value_of(self._values, name):
                continue
            if reason := self._refusal(declaration):
                return SetParametersResult(successful=False, reason=reason)
        if not self._told_after:
            # Humble has no callback for accepted changes. Callbacks run from the last added to
            # the first there, so only one of rclpy's own may still refuse.
            self._adopt(changes)
        return SetParametersResult(successful=True)

    def _adopt(self, changes: Sequence[Parameter]) -> None:
        before, self._values = self._values, self._changed(changes)
        if self._values != before:
            self._on_change(self._values)

    def _changed(self, changes: Sequence[Parameter]) -> Values:
        ours = {each.name: each.value for each in changes if each.name in self._declared}
        return with_values(self._values, ours)

    def _refusal(self, declaration: Declaration) -> str:
        """Return why a parameter may not be changed now, or an empty string."""
        if declaration.change is Change.AT_START:
            return f'{declaration.name} is read when the node starts: restart the node with it'
        if declaration.change is Change.UNCONFIGURED and self._configured():
            return (
                f'{declaration.name} is read when the node configures: set it while the node is '
                'unconfigured (ros2 lifecycle set NODE deactivate, then cleanup), or restart the '
                'node with it'
            )
        return ''


def declare(node: Node, kind: type[Values]) -> Values:
    """
    Declare parameters that never change, and return the values the node was started with.

    :raises ParameterError: naming the first value that is invalid.
    """
    return NodeParameters(node, kind).values


def _declare(node: Node, declaration: Declaration) -> object:
    kind = declaration.kind
    descriptor = ParameterDescriptor(
        description=declaration.description,
        additional_constraints=_constraints(declaration),
        # An integer is accepted for a number, and auto for either; ``with_values`` checks types.
        dynamic_typing=declaration.automatic or kind is float,
    )
    if kind is float:
        descriptor.floating_point_range = _range(FloatingPointRange, declaration, math.inf)
    elif kind is int:
        descriptor.integer_range = _range(IntegerRange, declaration, 2**63 - 1)
    try:
        name, default = declaration.name, declaration.ros_default
        return node.declare_parameter(name, default, descriptor).value
    except ParameterException as error:
        raise ParameterError(str(error)) from error


def _range(kind: type[Any], declaration: Declaration, most: float) -> list[Any]:
    if declaration.minimum is None and declaration.maximum is None:
        return []
    number = declaration.kind
    low = -most if declaration.minimum is None else declaration.minimum
    high = most if declaration.maximum is None else declaration.maximum
    step = number(declaration.step)
    return [kind(from_value=number(low), to_value=number(high), step=step)]


def _constraints(declaration: Declaration) -> str:
    choices = ''
    if declaration.choices:
        choices = f'one of {", ".join(declaration.choices)}'
    elif declaration.automatic:
        choices = f'{TYPE_NAMES[declaration.kind]} or {AUTO}'
    return '; '.join(filter(None, (choices, f'set {declaration.change.value}')))
