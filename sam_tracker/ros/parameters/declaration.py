# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Parameters declared once, as the fields of a dataclass.

A field's name, type and default are the parameter's; ``declared`` adds its description, its
range and when it may change. A field whose ``default_factory`` is another such dataclass is a
group: the field ``weight`` of the group ``motion`` is the parameter ``motion.weight``. The
declarations in the node, the validation of new values, the parameter files and the table in the
README all come from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
import enum
import math
from types import MappingProxyType
from typing import Any, TypeVar

Value = TypeVar('Value')
Values = TypeVar('Values')

AUTO = 'auto'
"""Value of a parameter that the node chooses itself; the field of the dataclass holds None."""
LONGEST_TEXT = 4096
"""Characters of a string, as of a path: it is repeated in log lines and diagnostics."""
TYPE_NAMES: Mapping[type[Any], str] = MappingProxyType(
    {bool: 'true or false', int: 'an integer', float: 'a number', str: 'a string'}
)


class ParameterError(ValueError):
    """An invalid parameter value; the text names parameter and value."""


class Change(enum.Enum):
    """When a parameter may be set to another value."""

    LIVE = 'at any time'
    UNCONFIGURED = 'while unconfigured'
    """The node reads it when it configures; later changes are refused."""
    AT_START = 'at start'


@dataclass(frozen=True)
class Declaration:
    """Name, type, range and description of a parameter."""

    name: str
    """With the names of its groups: ``motion.weight``."""
    kind: type[Any]
    """bool, int, float or str."""
    default: Any
    """None: ``auto``."""
    description: str
    change: Change
    minimum: float | None
    maximum: float | None
    step: int
    """Allowed integers are ``minimum`` plus a multiple of this; 0: all."""
    choices: tuple[str, ...]
    unit: str

    @property
    def automatic(self) -> bool:
        """Whether the value may be ``auto`` instead of one of ``kind``."""
        return self.default is None

    @property
    def ros_default(self) -> bool | int | float | str:
        value: bool | int | float | str = AUTO if self.automatic else self.default
        return value


def declared(
    default: Value,
    description: str,
    *,
    kind: type[Any] | None = None,
    change: Change = Change.UNCONFIGURED,
    minimum: float | None = None,
    maximum: float | None = None,
    step: int = 0,
    choices: tuple[str, ...] = (),
    unit: str = '',
) -> Value:
    """
    Return a dataclass field that is a parameter; see ``Declaration``.

    :param kind: type of the value; only given where the default is None, that is ``auto``.
    """
    facts = {
        'kind': type(default) if kind is None else kind,
        'description': description,
        'change': change,
        'minimum': minimum,
        'maximum': maximum,
        'step': step,
        'choices': choices,
        'unit': unit,
    }
    # The annotation says Value, as that of dataclasses.field does, for the sake of type checkers.
    return field(default=default, metadata=facts)


def declarations(kind: type[Any]) -> dict[str, Declaration]:
    """Return the declarations of a dataclass by full names, in its order."""
    found = {}
    for each in fields(kind):
        if each.default_factory is MISSING:
            found[each.name] = Declaration(each.name, default=each.default, **each.metadata)
            continue
        for name, inner in declarations(_group_type(each)).items():
            found[f'{each.name}.{name}'] = replace(inner, name=f'{each.name}.{name}')
    return found


def with_values(values: Values, changes: Mapping[str, object]) -> Values:
    """
    Return the dataclass with some values replaced.

    :param changes: ROS values by full names. An integer is accepted for a number, so that
        ``2`` will do for ``2.0``.
    :raises ParameterError: naming the first value that is of the wrong type, out of range, too
        long, or none of the choices.
    """
    known = declarations(type(values))
    for name, value in changes.items():
        values = _replaced(values, name, _checked(known[name], value))
    return values


def value_of(values: object, name: str) -> object:
    """Return the value of the parameter with that full name."""
    for part in name.split('.'):
        values = getattr(values, part)
    return values


def _group_type(each: Field[Any]) -> type[Any]:
    kind: type[Any] = each.default_factory  # type: ignore[assignment]
    return kind


def _replaced(values: Values, name: str, value: object) -> Values:
    first, _, rest = name.partition('.')
    if rest:
        value = _replaced(getattr(values, first), rest, value)
    return replace(values, **{first: value})  # type: ignore[type-var]


def _checked(declaration: Declaration, value: object) -> object:
    """Return the value for the dataclass."""
    name, kind = declaration.name, declaration.kind
    if declaration.automatic and value == AUTO:
        return None
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise ParameterError(
            f'{name} has {len(value)} characters, at most {LONGEST_TEXT} are allowed'
        )
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        expected = TYPE_NAMES[kind] + (f' or {AUTO}' if declaration.automatic else '')
        raise ParameterError(f'{name} must be {expected}, not {value!r}')
    if declaration.choices and value not in declaration.choices:
        choices = ', '.join(declaration.choices)
        raise ParameterError(f'{name} must be one of {choices}, not {value!r}')
    if isinstance(value, (int, float)) and kind is not bool:
        _require_in_range(declaration, value)
    return value


def _require_in_range(declaration: Declaration, value: float) -> None:
    low = -math.inf if declaration.minimum is None else declaration.minimum
    high = math.inf if declaration.maximum is None else declaration.maximum
    step = declaration.step
    if low <= value <= high and not (step and (value - low) % step):
        return
    allowed = f'from {low:g} to {high:g}' + (f' in steps of {step}' if step else '')
    raise ParameterError(f'{declaration.name} must be {allowed}, not {value:g}')
