# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Run a node as a program: start, spin, end, and exit code.

The exit code is 0 when the work is done or after SIGINT, SIGTERM or SIGHUP, 1 when the node
refuses its parameters, and 2 for an invalid command line; the last two with one line that names
the value. An error in a callback is logged, and the node continues: the error may come from rclpy
itself, which raises on malformed requests of other nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import os
import signal
import sys
import threading
import time
from types import FrameType

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNodeMixin
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.utilities import remove_ros_args

from sam_tracker.core.texts import error_text, printable
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.process.error_log import ErrorLog
from sam_tracker.ros.process.fast_dds import remove_abandoned_segments
from sam_tracker.ros.process.given_parameters import (
    warn_of_files_of_other_nodes,
    warn_of_ignored_overrides,
    warn_of_unknown_parameters,
)

FAULT = 1
REFUSED = 1
BAD_COMMAND_LINE = 2
ERROR_PAUSE = 0.02
"""Seconds after an error in a callback: an error that repeats itself must not fill the CPU."""


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
    others: Callable[[], Sequence[Node]] = tuple,
    grace: float | None = None,
) -> int:
    """
    Run a node until it finishes or receives a signal.

    :param name: of the program, for messages from before there is a node.
    :param make_node: makes the node, once ROS is initialised.
    :param args: the command line without the program's name; None: that of this process.
    :param refusals: besides ``ParameterError``, the errors with which the node says that it
        cannot do what is asked; their text is the one line.
    :param make_executor: makes the executor that spins the node, once there is one.
    :param others: returns further nodes to spin, which the node has made and destroys.
    :param grace: seconds within which the process ends once the node has finished or received a
        signal, even when one of its threads is busy in a library. The process then ends here.
        None: all threads are waited for.
    :returns: the exit code.
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
        interrupt = _Interrupt()
        # Before rclpy, which calls it. Not where it is ignored, as in the background of a shell.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupt)
        rclpy.init(args=arguments)
        _end_with_the_terminal()
    except (RuntimeError, UnicodeEncodeError) as error:
        logger.fatal(f'the command line cannot be read: {one_line(error)}')
        return BAD_COMMAND_LINE

    node, exit_code = None, FAULT
    try:
        node = make_node()
        warn_of_unknown_parameters(node, *others())
        warn_of_files_of_other_nodes(arguments, node, *others())
        if not isinstance(node, LifecycleNodeMixin):
            # Lifecycle nodes have all their topics once they are active.
            warn_of_ignored_overrides(node)
        executor = make_executor()
        for each in (node, *others()):
            executor.add_node(each)
        # Python handles SIGHUP when a callback runs next, and other timers may wait for /clock.
        node.create_timer(1.0, lambda: None, clock=Clock(clock_type=ClockType.STEADY_TIME))
        interrupt.spinning = True
        spin(executor, ErrorLog(node.get_logger()), (ParameterError, *refusals))
        exit_code = 0
    except NodeFinished as end:
        exit_code = end.exit_code
    except (KeyboardInterrupt, ExternalShutdownException):
        exit_code = 0
    except (ParameterError, ParameterException, *refusals) as error:
        logger.fatal(one_line(error))
        exit_code = REFUSED
    except Exception:
        # A signal ends ROS at once, also under code that is just using it.
        if rclpy.ok():
            raise
        exit_code = 0
    finally:
        # Ignore further signals during shutdown; launch sends one after five seconds.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if grace is not None:
            watchdog = threading.Thread(target=_exit_after, args=(grace, exit_code), daemon=True)
            watchdog.start()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    if grace is not None:
        # The interpreter would wait for threads of the executor that may be loading weights, and
        # crash when it is torn down under one that is inside torch.
        _exit(exit_code)
    return exit_code


class _Interrupt:
    """
    Handler of SIGINT: raises KeyboardInterrupt, but not for the first one while the node spins.

    That one leaves the end to rclpy alone, as after SIGTERM. An exception in the middle of a
    callback would leave half of its work, and while rclpy converts a message it becomes a
    RuntimeError. Who presses Ctrl-C again does not want to wait for the callback.
    """

    def __init__(self) -> None:
        self.spinning = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if not self.spinning:
            raise KeyboardInterrupt
        self.spinning = False


def _end_with_the_terminal() -> None:
    """
    Let SIGHUP, which comes when the terminal is closed, end the program as SIGTERM does.

    Not where it is ignored, as by nohup.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def spin(executor: Executor, errors: ErrorLog, ends: tuple[type[Exception], ...]) -> None:
    """
    Execute callbacks until ROS is shut down; an error in a callback is logged and survived.

    :param errors: receives what callbacks raise, and rclpy around them.
    :param ends: errors that end the program, besides ``NodeFinished``.
    """
    while executor.context.ok():
        try:
            executor.spin()
        except (NodeFinished, ExternalShutdownException, *ends):  # noqa: PERF203 -- not per turn
            raise
        except Exception as error:
            if executor.context.ok():
                errors.report('a callback failed', error)
                time.sleep(ERROR_PAUSE)
        else:
            return


def _exit_after(seconds: float, code: int) -> None:
    time.sleep(seconds)
    sys.stderr.write(f'still busy {seconds:g} s after the end was asked for: not waiting\n')
    _exit(code)


def _exit(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def one_line(error: Exception) -> str:
    """Return the text of an error as one line to print, without places in the C sources."""
    if isinstance(error, UnicodeEncodeError):
        # rclpy passes UTF-8 on; Python reads other bytes of the command line as surrogates.
        return f'{error.object!r} is not UTF-8'
    text = error_text(error).removeprefix('failed to initialize rcl: ')
    return printable(text.partition(', at /')[0])
