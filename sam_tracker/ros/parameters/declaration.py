# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Parameters declared once, as the fields of a dataclass.

A field's name, type and default are the parameter's; ``declared`` adds what only ROS asks for: a
description, a range, and when the value may change. Everything else is made from this: the
declarations in the node, the answers to ``ros2 param set``, the parameter file, the table in the
documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
import enum
import math
from typing import TYPE_CHECKING, Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException

if TYPE_CHECKING:
    from rclpy.node import Node

Value = TypeVar('Value')
Values = TypeVar('Values')


class ParameterError(ValueError):
    """A parameter value that cannot be; the text names parameter and value."""


class Change(enum.Enum):
    """When a parameter may be set."""

    LIVE = 'at any time'
    UNCONFIGURED = 'while unconfigured'
    """It is read when the node configures; later it is refused, not silently ignored."""
    AT_START = 'at start'


@dataclass(frozen=True)
class Declaration:
    """What is known of a parameter besides its name, type and default."""

    description: str
    change: Change = Change.UNCONFIGURED
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ''


def declared(
    default: Value,
    description: str,
    *,
    change: Change = Change.UNCONFIGURED,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    unit: str = '',
) -> Value:
    """Return a dataclass field that is a parameter; see ``Declaration``."""
    made = Declaration(description, change, minimum, maximum, choices, unit)
    # A field, although the type checker is told what it will hold, as dataclasses.field does.
    return field(default=default, metadata={'declaration': made})


def declaration(of: Field[Any]) -> Declaration:
    """Return what a field made by ``declared`` declares."""
    result: Declaration = of.metadata['declaration']
    return result


def declare(node: Node, kind: type[Values]) -> Values:
    """
    Declare every parameter of a dataclass and return the values the node was started with.

    Raises ``ParameterError`` naming the first value that cannot be.
    """
    return with_values(kind(), {each.name: _declare(node, each) for each in fields(kind)})  # type: ignore[arg-type]


def with_values(values: Values, changes: Mapping[str, object]) -> Values:
    """
    Return the dataclass with some values replaced.

    A whole number serves where a floating point one is meant, since YAML makes no difference that
    a person would see.

    Raises ``ParameterError`` naming the first value that has the wrong type, lies out of range or
    is none of the choices.
    """
    known = {each.name: each for each in fields(values)}  # type: ignore[arg-type]
    checked = {name: _checked(known[name], value) for name, value in changes.items()}
    return replace(values, **checked)  # type: ignore[type-var]


def refusal(kind: type[Any], changes: Iterable[str], *, configured: bool) -> str:
    """Return why these parameters may not be set in this state of the node, or an empty string."""
    known = {each.name: declaration(each) for each in fields(kind)}
    for name in changes:
        if name not in known:
            continue
        change = known[name].change
        if change is Change.AT_START:
            return f'{name} is read once, when the node starts: give it in the parameter file'
        if change is Change.UNCONFIGURED and configured:
            return (
                f'{name} is read when the node configures: set it while the node is unconfigured '
                '(ros2 lifecycle set NODE deactivate, then cleanup), or restart the node with it'
            )
    return ''


def _declare(node: Node, each: Field[Any]) -> object:
    declared_as = declaration(each)
    descriptor = ParameterDescriptor(
        description=declared_as.description,
        additional_constraints=_constraints(declared_as),
        read_only=declared_as.change is Change.AT_START,
        # A whole number for a floating point parameter is met with understanding, not a crash.
        dynamic_typing=isinstance(each.default, float),
    )
    if isinstance(each.default, float):
        descriptor.floating_point_range = _range(FloatingPointRange, declared_as, math.inf)
    elif isinstance(each.default, int) and not isinstance(each.default, bool):
        descriptor.integer_range = _range(IntegerRange, declared_as, 2**63 - 1)
    try:
        return node.declare_parameter(each.name, each.default, descriptor).value
    except ParameterException as error:
        raise ParameterError(str(error)) from error


def _range(kind: type[Any], declared_as: Declaration, most: float) -> list[Any]:
    if declared_as.minimum is None and declared_as.maximum is None:
        return []
    number = int if kind is IntegerRange else float
    low = -most if declared_as.minimum is None else declared_as.minimum
    high = most if declared_as.maximum is None else declared_as.maximum
    return [kind(from_value=number(low), to_value=number(high))]


def _constraints(declared_as: Declaration) -> str:
    choices = f'one of {", ".join(declared_as.choices)}' if declared_as.choices else ''
    return '; '.join(filter(None, (choices, f'set {declared_as.change.value}')))


def _checked(each: Field[Any], value: object) -> object:
    declared_as, name = declaration(each), each.name
    if isinstance(each.default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(each.default):
        expected = TYPE_NAMES[type(each.default)]
        raise ParameterError(f'{name} must be {expected}, not {value!r}')
    if declared_as.choices and value not in declared_as.choices:
        raise ParameterError(
            f'{name} must be one of {", ".join(declared_as.choices)}, not {value!r}'
        )
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low = -math.inf if declared_as.minimum is None else declared_as.minimum
        high = math.inf if declared_as.maximum is None else declared_as.maximum
        if not low <= value <= high:
            raise ParameterError(f'{name} must be from {low:g} to {high:g}, not {value:g}')
    return value


TYPE_NAMES: Mapping[type[Any], str] = {
    bool: 'true or false',
    int: 'a whole number',
    float: 'a number',
    str: 'text',
}
