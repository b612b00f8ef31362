# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The package at work: a camera made of a generated clip, and a second process that receives it.

`make demo` runs it. The images go from one process to the other through DDS; the last one and the
measured rate and latency are left in out/demo.
"""

import json
from pathlib import Path
import sys

from graph import DemoError, Graph

OUTPUT = Path(__file__).resolve().parents[1] / 'out' / 'demo'
FRAMES = 150


def say(line: str) -> None:
    sys.stdout.write(f'demo: {line}\n')
    sys.stdout.flush()


def main() -> int:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    picture, report = OUTPUT / 'last_image.png', OUTPUT / 'images.json'
    try:
        with Graph(OUTPUT) as graph:
            say(f'ROS_DOMAIN_ID={graph.domain}, logs in {OUTPUT}')
            graph.start('image_monitor_node', frames=FRAMES, picture=picture, report=report)
            graph.start('video_node', frames=FRAMES, wait_for_subscribers=1)
            graph.wait('image_monitor_node', 60)
            graph.wait('video_node', 20)
    except DemoError as error:
        sys.stderr.write(f'demo: {error}\n')
        return 1
    figures = json.loads(report.read_text())
    say(
        f'{figures["received"]} images received through DDS at {figures["rate"]:.1f} Hz, '
        f'median latency {figures["latency"]["median"]:.1f} ms, lost {figures["lost"]}'
    )
    say(f'the last image: {picture}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
