# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The parameter files and the table of parameters, written from the declarations.

``python -m sam_tracker.ros.parameters.documents tracker > config/tracker.yaml`` renews a file
(``segmenter`` and ``localizer`` the others), ``... table`` prints a table of the tracker's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import sys
import textwrap
from types import MappingProxyType
from typing import Any

from sam_tracker.ros.parameters.declaration import Change, Declaration, declarations
from sam_tracker.ros.parameters.localizer import LocalizerParameters
from sam_tracker.ros.parameters.segmentation import SegmenterParameters
from sam_tracker.ros.parameters.tracker import TrackerParameters

HEAD = """\
# All parameters of the {node} node with their defaults. Written by
# `python -m sam_tracker.ros.parameters.documents {node}`; pass a copy as params_file:=PATH.
#
# {live}
# `auto` leaves the choice to the node.

# For a node of any name in any namespace.
/**:
  ros__parameters:
"""
LIVE = """\
Most are read when the node configures; those marked "live" take effect at once:
#   ros2 param set {name} {parameter} {value}"""


@dataclass(frozen=True)
class _Node:
    name: str
    parameters: type[Any]


NODES: Mapping[str, _Node] = MappingProxyType(
    {
        'tracker': _Node('/sam_tracker', TrackerParameters),
        'segmenter': _Node('/segmenter', SegmenterParameters),
        'localizer': _Node('/localizer', LocalizerParameters),
    }
)


def parameter_file(node: str) -> str:
    """Return the text of config/NODE.yaml; ``node`` is a key of ``NODES``."""
    blocks = []
    group = ''
    for declaration in declarations(NODES[node].parameters).values():
        *groups, name = declaration.name.split('.')
        lines = []
        if groups and groups[0] != group:
            lines.append(f'    {groups[0]}:')
        group = groups[0] if groups else ''
        indent = '      ' if groups else '    '
        comment = textwrap.wrap(
            _explanation(declaration), 92 - len(indent), break_on_hyphens=False
        )
        lines += [f'{indent}# {line}' for line in comment]
        lines.append(f'{indent}{name}: {_yaml(declaration.ros_default)}')
        blocks.append('\n'.join(lines) + '\n')
    return _head(node) + '\n'.join(blocks)


def _head(node: str) -> str:
    """Return the comment at the top of a file, with an example of a parameter that is live."""
    declared = declarations(NODES[node].parameters).values()
    example = next((each for each in declared if each.change is Change.LIVE), None)
    live = 'All are read when the node configures.'
    if example is not None:
        live = LIVE.format(
            name=NODES[node].name, parameter=example.name, value=_yaml(example.ros_default)
        )
    return HEAD.format(node=node, live=live)


def parameter_table(parameters: type[Any] = TrackerParameters) -> str:
    """Return a table of a node's parameters, in Markdown."""
    lines = ['| parameter | default | set | what it does |', '|---|---|---|---|']
    for declaration in declarations(parameters).values():
        explanation = _explanation(declaration, live=False)
        default = _yaml(declaration.ros_default)
        when = declaration.change.value
        lines.append(f'| `{declaration.name}` | `{default}` | {when} | {explanation} |')
    return '\n'.join(lines) + '\n'


def _explanation(declaration: Declaration, *, live: bool = True) -> str:
    """Return the description with the allowed values."""
    text = declaration.description
    if declaration.choices:
        text += f' One of {", ".join(declaration.choices)}.'
    elif declaration.minimum is not None and declaration.maximum is not None:
        unit = f' {declaration.unit}' if declaration.unit else ''
        step = f' in steps of {declaration.step}' if declaration.step else ''
        text += f' From {declaration.minimum:g} to {declaration.maximum:g}{unit}{step}.'
    if live and declaration.change is Change.LIVE:
        text += ' (live)'
    return text


def _yaml(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return f"'{value}'" if isinstance(value, str) else str(value)


def main() -> int:
    """Print the document that the command line names."""
    choices = [*NODES, 'table']
    if len(sys.argv) != 2 or sys.argv[1] not in choices:
        sys.stderr.write(f'usage: {sys.argv[0]} {"|".join(choices)}\n')
        return 2
    wanted = sys.argv[1]
    sys.stdout.write(parameter_table() if wanted == 'table' else parameter_file(wanted))
    return 0


if __name__ == '__main__':
    sys.exit(main())
