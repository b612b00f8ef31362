# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The console with something to look at: a clip in a loop, the tracker, and the page.

`make console` runs it until Ctrl-C. Environment variables: VIDEO=clip.mp4 (instead of
the demonstration's), CHECKPOINT=weights.pt, PORT=8080.
"""

import os
from pathlib import Path
import sys
import time

from clip import clip_of_environment
from graph import DemoError, Graph

from sam_tracker.video.sources import silence_decoders

OUTPUT = Path(__file__).resolve().parents[1] / 'out' / 'console'
RATE = '15.0'
"""Images per second: what two cores track beside the page."""
START_TIMEOUT = 120.0
"""Seconds until the page is served."""


def main() -> int:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    silence_decoders()
    try:
        clip = clip_of_environment(os.environ, OUTPUT)
        with Graph(OUTPUT) as graph:
            run(graph, clip.path)
    except DemoError as error:
        sys.stderr.write(f'console: {error}\n')
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def run(graph: Graph, video: Path) -> None:
    """
    Start the nodes, print the address of the page, and wait.

    :raises DemoError: a node ended.
    """
    weights = {'checkpoint': path} if (path := os.environ.get('CHECKPOINT')) else {}
    graph.start('video_node', source=video, loop='true', rate=RATE)
    graph.start('tracker_node', **weights)
    graph.start(
        'console',
        port=os.environ.get('PORT') or 8080,
        recordings_folder=OUTPUT / 'recordings',
    )
    deadline = time.monotonic() + START_TIMEOUT
    while 'serving' not in (line := graph.last('console')):
        graph.check()
        if time.monotonic() > deadline:
            raise DemoError(f'the console does not start: {line}')
        time.sleep(0.1)
    address = line.partition('serving ')[2].partition(': ')[0]
    sys.stdout.write(f'console: open {address} (Ctrl-C ends it); logs in {OUTPUT}\n')
    sys.stdout.flush()
    while True:
        graph.check()
        time.sleep(0.5)


if __name__ == '__main__':
    sys.exit(main())
