# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Prompts a tracker from the command line.

The exit code is 0 on success, 1 if the tracker refuses or does not answer, and 2 for an invalid
command line.
"""

from collections.abc import Sequence
import sys

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.utilities import remove_ros_args

from sam_tracker.core.texts import printable
from sam_tracker.image_files import ImageFileError
from sam_tracker.nodes.prompt.client import TrackerClient, TrackerClientError
from sam_tracker.nodes.prompt.command import parse, run
from sam_tracker.ros.process.run_node import BAD_COMMAND_LINE, REFUSED, one_line

NAME = 'prompt_node'
"""Name of the program in its messages."""


def main(args: Sequence[str] | None = None) -> int:
    """Execute the command line and return the exit code."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        # ROS arguments are removed, because argparse would refuse them.
        options = parse(remove_ros_args([NAME, *arguments])[1:])
        rclpy.init(args=arguments)
    except (RuntimeError, UnicodeEncodeError) as error:
        _fail(error)
        return BAD_COMMAND_LINE
    try:
        node = rclpy.create_node('prompt')
        client = TrackerClient(node, options.tracker, lambda line: _say(f'{line} ...'))
        return run(options, client)
    except (TrackerClientError, ImageFileError) as error:
        return _fail(error)
    except (KeyboardInterrupt, ExternalShutdownException):
        return _fail('interrupted')
    finally:
        rclpy.try_shutdown()


def _say(line: str) -> None:
    sys.stderr.write(f'{NAME}: {printable(line)}\n')


def _fail(error: Exception | str) -> int:
    _say(one_line(error) if isinstance(error, Exception) else error)
    return REFUSED


if __name__ == '__main__':
    sys.exit(main())
