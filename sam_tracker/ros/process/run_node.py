# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Running a node as a program: start, spin, end, and what the shell is told.

A program ends with 0 when its work is done or somebody asked it to stop (SIGINT, SIGTERM), with 1
when the node cannot do what its parameters ask for, and with 2 when the command line cannot be
read; the last two with one line that names the value. Only a fault of ours ends in a traceback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import difflib
import signal
import sys

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.utilities import remove_ros_args

from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.process.fast_dds import remove_abandoned_segments

REFUSED = 1
BAD_COMMAND_LINE = 2


class NodeFinished(Exception):  # noqa: N818 -- an end, not an error
    """Raised in a callback: the node has done its work and the program ends."""

    def __init__(self, exit_code: int = 0) -> None:
        super().__init__(f'finished with exit code {exit_code}')
        self.exit_code = exit_code


def run_node(
    name: str,
    make_node: Callable[[], Node],
    args: Sequence[str] | None = None,
    *,
    refusals: tuple[type[Exception], ...] = (),
    make_executor: Callable[[], Executor] = SingleThreadedExecutor,
) -> int:
    """
    Run a node until it finishes or is asked to stop, and return the exit code.

    Args:
        name: of the program, for messages from before there is a node.
        make_node: makes the node, once ROS is initialised.
        args: the command line without the program's name; None for that of this process.
        refusals: besides ParameterError, the errors with which the node says that it cannot do
            what is asked; their text is the one line.
        make_executor: makes what spins the node.

    """
    arguments = list(sys.argv[1:] if args is None else args)
    logger = get_logger(name)
    try:
        # The C library takes the first argument for the name of the program.
        if unexpected := remove_ros_args([name, *arguments])[1:]:
            raise RuntimeError(
                f'unexpected argument {unexpected[0]!r}; parameters go behind --ros-args, as in '
                '--ros-args -p name:=value'
            )
        remove_abandoned_segments()
        rclpy.init(args=arguments)
    except RuntimeError as error:
        logger.fatal(f'the command line cannot be read: {one_line(error)}')
        return BAD_COMMAND_LINE

    node = None
    try:
        node = make_node()
        warn_of_unknown_parameters(node)
        executor = make_executor()
        executor.add_node(node)
        executor.spin()
    except NodeFinished as end:
        return end.exit_code
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except (ParameterError, ParameterException, *refusals) as error:
        logger.fatal(one_line(error))
        return REFUSED
    except Exception:
        # A signal ends ROS at once, also in the middle of what was just using it.
        if rclpy.ok():
            raise
    finally:
        # Whoever is impatient sends a second signal, and so does launch after five seconds: let
        # the end come to its end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def warn_of_unknown_parameters(node: Node) -> None:
    """Log a warning for every parameter given to a node that has declared none of that name."""
    known = list(node.get_parameters_by_prefix(''))
    for given in node._parameter_overrides:
        # Subscriptions that are made later declare the overrides of their quality of service then.
        if given in known or given.startswith('qos_overrides.'):
            continue
        similar = difflib.get_close_matches(given, known, n=1)
        hint = f'; did you mean {similar[0]!r}?' if similar else ''
        node.get_logger().warning(f'parameter {given!r} is unknown and has no effect{hint}')


def one_line(error: Exception) -> str:
    """Return the text of an error without line breaks and without places in the C sources."""
    text = ' '.join(str(error).split()).removeprefix('failed to initialize rcl: ')
    return text.partition(', at /')[0]
