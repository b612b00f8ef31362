# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Entry points of the installed executables and console scripts.

Importing torch and rclpy takes seconds, and a program stopped meanwhile should not print a
traceback. So the handler for interrupts is set before the imports. Only the start of Python
itself, some hundredths of a second, is not covered.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
import os
from pathlib import Path
import signal
import sys

INTERRUPTED = 130
"""Exit code of an interrupted command, as in shells; that of an interrupted node is 0."""


def run(module: str) -> int:
    """
    Import a module, run its ``main`` and return the exit code.

    :param module: such as ``sam_tracker.nodes.tracker.tracker_node``.
    """
    _open_standard_streams()
    interrupted = 0 if module.startswith('sam_tracker.nodes.') else INTERRUPTED
    # Shells start background programs with SIGINT ignored; it stays ignored.
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        if interruptible:
            # Exit at once: an exception might be caught by a library that is being imported.
            signal.signal(signal.SIGINT, lambda *_: os._exit(interrupted))
        main = import_module(module).main
        if interruptible:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return main()
    except KeyboardInterrupt:
        return interrupted


def _open_standard_streams() -> None:
    """Open the streams that the program was started without: libraries write to them unasked."""
    for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
        if getattr(sys, name) is None:
            # In this order each gets its own descriptor, as the lowest that is free.
            stream = Path(os.devnull).open(mode)  # noqa: SIM115 -- until the end
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


cameras_node = partial(run, 'sam_tracker.nodes.tracker.cameras_node')
checkpoint = partial(run, 'sam_tracker.networks.weights.checkpoint_command')
console = partial(run, 'sam_tracker.nodes.console.console')
export = partial(run, 'sam_tracker.networks.exported.export_command')
image_monitor_node = partial(run, 'sam_tracker.nodes.image_monitor_node')
label = partial(run, 'sam_tracker.labelling.label_command')
localizer_node = partial(run, 'sam_tracker.nodes.localizer.localizer_node')
prompt_node = partial(run, 'sam_tracker.nodes.prompt.prompt_node')
recorder_node = partial(run, 'sam_tracker.nodes.recorder_node')
robot_node = partial(run, 'sam_tracker.nodes.robot_node')
segment = partial(run, 'sam_tracker.segmentation.segment_command')
segmenter_node = partial(run, 'sam_tracker.nodes.segmenter.segmenter_node')
tracker_node = partial(run, 'sam_tracker.nodes.tracker.tracker_node')
video_node = partial(run, 'sam_tracker.nodes.video_node')
