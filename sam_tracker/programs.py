# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What the installed executables and console scripts start.

Importing torch and rclpy takes seconds, and whoever stops a program meanwhile should not see a
traceback of the imports. So nothing is imported here before an interrupt is provided for. Only
Python's own start, some hundredths of a second, is beyond our reach.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
import os
import signal

INTERRUPTED = 130
"""Exit code of a command that was interrupted, as shells have it; a node was asked to stop: 0."""


def run(module: str) -> int:
    """
    Return the exit code of a module's ``main``.

    :param module: such as ``sam_tracker.nodes.tracker.tracker_node``.
    """
    interrupted = 0 if module.startswith('sam_tracker.nodes.') else INTERRUPTED
    # Of a program in the background a shell may have SIGINT ignored, and so it stays.
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        if heeded:
            # Not an exception: libraries that are being imported may catch it.
            signal.signal(signal.SIGINT, lambda *_: os._exit(interrupted))
        main = import_module(module).main
        if heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return main()
    except KeyboardInterrupt:
        return interrupted


checkpoint = partial(run, 'sam_tracker.networks.weights.checkpoint_command')
image_monitor_node = partial(run, 'sam_tracker.nodes.image_monitor_node')
prompt_node = partial(run, 'sam_tracker.nodes.prompt.prompt_node')
recorder_node = partial(run, 'sam_tracker.nodes.recorder_node')
segment = partial(run, 'sam_tracker.segmentation.segment_command')
segmenter_node = partial(run, 'sam_tracker.nodes.segmenter.segmenter_node')
tracker_node = partial(run, 'sam_tracker.nodes.tracker.tracker_node')
video_node = partial(run, 'sam_tracker.nodes.video_node')
