# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The parameter file and the table of parameters, written from the declarations.

``python -m sam_tracker.ros.parameters.documents yaml > config/tracker.yaml`` renews the file,
``... table`` prints what the README shows.
"""

from dataclasses import Field, fields
import sys
import textwrap
from typing import Any

from sam_tracker.ros.parameters.declaration import Change, declaration
from sam_tracker.ros.parameters.tracker import TrackerParameters

HEAD = """\
# All parameters of the tracker node with their defaults. Written by
# `python -m sam_tracker.ros.parameters.documents yaml`; pass your copy as params_file:=PATH.
#
# Most are read when the node configures; the ones marked "live" take effect at once:
#   ros2 param set /sam_tracker service_timeout 5.0

# Whatever the node is called and whatever its namespace.
/**:
  ros__parameters:
"""


def parameter_file() -> str:
    """Return the text of config/tracker.yaml."""
    blocks = [HEAD]
    for each in fields(TrackerParameters):
        comment = textwrap.wrap(_explanation(each), 90, break_on_hyphens=False)
        lines = [*(f'    # {line}' for line in comment), f'    {each.name}: {_yaml(each.default)}']
        blocks.append('\n'.join(lines) + '\n')
    return blocks[0] + '\n'.join(blocks[1:])


def parameter_table() -> str:
    """Return the table of parameters, in Markdown."""
    lines = ['| parameter | default | set | what it does |', '|---|---|---|---|']
    for each in fields(TrackerParameters):
        explanation = _explanation(each, live=False)
        when = declaration(each).change.value
        lines.append(f'| `{each.name}` | `{_yaml(each.default)}` | {when} | {explanation} |')
    return '\n'.join(lines) + '\n'


def _explanation(each: Field[Any], *, live: bool = True) -> str:
    """Return the description with the values that are allowed."""
    declared_as = declaration(each)
    text = declared_as.description
    if declared_as.choices:
        text += f' One of {", ".join(declared_as.choices)}.'
    elif declared_as.minimum is not None and declared_as.maximum is not None:
        unit = f' {declared_as.unit}' if declared_as.unit else ''
        text += f' From {declared_as.minimum:g} to {declared_as.maximum:g}{unit}.'
    if live and declared_as.change is Change.LIVE:
        text += ' (live)'
    return text


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return f"'{value}'" if isinstance(value, str) else str(value)


def main() -> int:
    documents = {'yaml': parameter_file, 'table': parameter_table}
    if len(sys.argv) != 2 or sys.argv[1] not in documents:
        sys.stderr.write(f'usage: {sys.argv[0]} {"|".join(documents)}\n')
        return 2
    sys.stdout.write(documents[sys.argv[1]]())
    return 0


if __name__ == '__main__':
    sys.exit(main())
