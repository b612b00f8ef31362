# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Warnings about parameters that were given at start and have no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import difflib
import itertools
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from rclpy.node import Node

QOS_OVERRIDES = 'qos_overrides.'
"""Beginning of the parameters with which rclpy overrides the quality of service of a topic."""

OF_ALL_NODES = {'use_sim_time', 'start_type_description_service'}
"""Parameters that every node has."""


def warn_of_unknown_parameters(node: Node, *others: Node) -> None:
    """Log a warning for every parameter given to nodes of which none has declared that name."""
    nodes = (node, *others)
    known = [name for each in nodes for name in each.get_parameters_by_prefix('')]
    for given in dict.fromkeys(name for each in nodes for name in parameter_overrides(each)):
        if given in known or given.startswith(QOS_OVERRIDES):
            continue
        similar = difflib.get_close_matches(given, known, n=1)
        hint = f'; did you mean {similar[0]!r}?' if similar else ''
        node.get_logger().warning(f'parameter {given!r} is unknown and has no effect{hint}')


def warn_of_ignored_overrides(node: Node) -> None:
    """
    Log a warning for every ``qos_overrides`` parameter that no topic of the node has declared.

    For a node that has created its publishers and subscriptions, which declare them.
    """
    possible = sorted(node.get_parameters_by_prefix(QOS_OVERRIDES.rstrip('.')))
    for given in parameter_overrides(node):
        if given.startswith(QOS_OVERRIDES) and not node.has_parameter(given):
            node.get_logger().warning(
                f'parameter {given!r} has no effect; this node can override '
                f'{", ".join(possible) or "nothing"}'
            )


def parameter_overrides(node: Node) -> Mapping[str, Any]:
    """
    Return the parameters given to a node on its command line, in a file or in its constructor.

    rclpy has no public way to read those that were not declared. A test of this function runs on
    every distribution; where the attribute is gone, the only loss is a warning.
    """
    overrides: Mapping[str, Any] = getattr(node, '_parameter_overrides', {})
    return overrides


def warn_of_files_of_other_nodes(arguments: Sequence[str], node: Node, *others: Node) -> None:
    """
    Log a warning for every parameter file that has parameters of the nodes for other nodes only.

    rcl ignores such a file silently, and the nodes run with their defaults. Files in which the
    nodes do not appear at all are usual: one launch file gives one file to all nodes of a robot.

    :param arguments: the command line; rcl has read the files that it names.
    """
    nodes = (node, *others)
    names = [each.get_fully_qualified_name() for each in nodes]
    known = {name for each in nodes for name in each.get_parameters_by_prefix('')} - OF_ALL_NODES
    for option, file in itertools.pairwise(arguments):
        # A pipe, as of a process substitution, cannot be read a second time.
        if option != '--params-file' or not Path(file).is_file():
            continue
        try:
            sections = dict(_sections(yaml.safe_load(Path(file).read_bytes())))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
            # rcl has read it, by another parser.
            continue
        if any(_is_for(section, name) for section in sections for name in names):
            continue
        alike = [
            section
            for section, given in sections.items()
            if 2 * len(known.intersection(given)) > len(given)
        ]
        if alike:
            node.get_logger().warning(
                f'parameter file {file!r} has no effect: it has parameters of this node for '
                f'{", ".join(alike)}, and none for {" or ".join(names)}'
            )


def _sections(content: object, above: str = '') -> Iterator[tuple[str, list[str]]]:
    """Return the nodes for which there are parameters, with namespaces, and the parameters."""
    if not isinstance(content, dict):
        return
    for key, below in content.items():
        if key == 'ros__parameters':
            yield above, list(_parameters(below))
        else:
            yield from _sections(below, f'{above}/{str(key).strip("/")}')


def _parameters(content: object, above: str = '') -> Iterator[str]:
    """Return full names of parameters."""
    if not isinstance(content, dict):
        return
    for key, below in content.items():
        name = f'{above}{key}'
        if isinstance(below, dict):
            yield from _parameters(below, f'{name}.')
        else:
            yield name


def _is_for(section: str, name: str) -> bool:
    """Return whether a section, which may have the wildcards of rcl, is for a node."""
    pattern = section.replace('/**', r'(/\w+)*').replace('/*', r'/\w+')
    return re.fullmatch(pattern, name) is not None
