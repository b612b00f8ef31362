# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Processor time of the tracking thread for each image, by what is subscribed to.

    python benchmark/tracking_thread.py

A session tracks one large object through full HD images on this thread; its publisher and its
renderer run on threads of their own, as in the node. The object is a bright rectangle of
1050x720 pixels that moves over a dark background; nano runs on one CPU thread.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
import statistics
import sys
import time

import numpy as np
from numpy.typing import NDArray
import rclpy
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.msg import ImageBox, Prompt, TrackArray
from sam_tracker.nodes.network_setup import set_up_network
from sam_tracker.nodes.tracker.tracking_session import TrackingSession
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages.stamps import time_message
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.ros.process.managed_node import ManagedNode

WIDTH, HEIGHT = 1920, 1080
OBJECT = (1050, 720)
SUBSCRIPTIONS: dict[str, list[tuple[type, str]]] = {
    'nothing': [],
    'tracks': [(TrackArray, 'tracks')],
    'tracks, label image, overlay': [
        (TrackArray, 'tracks'),
        (Image, 'label_image'),
        (Image, 'overlay'),
    ],
}


def picture(index: int) -> NDArray[np.uint8]:
    """Return [H, W, 3] BGR."""
    pixels = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    x, y = 300 + 4 * (index % 50), 180
    pixels[y : y + OBJECT[1], x : x + OBJECT[0]] = 40, 60, 220
    return pixels


def message(index: int) -> Image:
    header = Header(stamp=time_message(time.time_ns()))
    return image_message(picture(index), 'bgr8', header)


@contextmanager
def bench_node() -> Iterator[ManagedNode]:
    rclpy.init()
    node = ManagedNode('bench_tracker')
    try:
        yield node
    finally:
        node.destroy_node()
        rclpy.shutdown()


def measure(session: TrackingSession, images: int) -> list[float]:
    """Return the processor time of this thread for each image, in ms."""
    times = []
    for index in range(images):
        image = session.intake.receive(message(index))
        assert image is not None
        start = time.thread_time()
        session._process(image)
        times.append(1000 * (time.thread_time() - start))
    return times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--images', type=int, default=60, help='for each row')
    arguments = parser.parse_args()
    parameters = TrackerParameters(device='cpu', cpu_threads=1)
    with bench_node() as node:
        session = TrackingSession(node, set_up_network(parameters), parameters)
        session.output.start()
        for publisher in node.publishers:
            if isinstance(publisher, LifecyclePublisher):
                publisher.on_activate(None)
        session.intake.receive(message(0))
        x, y = 300.0, 180.0
        box = ImageBox(x_min=x, y_min=y, x_max=x + OBJECT[0], y_max=y + OBJECT[1])
        session.prompt(Prompt(box=box), catch_up_frames=1)
        sys.stdout.write(f'{"subscribed to":30} {"median ms":>10} {"object":>12}\n')
        for name, wanted in SUBSCRIPTIONS.items():
            made = [
                node.create_subscription(kind, f'~/{topic}', lambda _: None, 1)
                for kind, topic in wanted
            ]
            while session.output.wanted != bool(wanted):
                time.sleep(0.01)
            times = measure(session, arguments.images)
            assert session.newest is not None
            region = session.newest.tracks[0].region
            size = 'lost' if region is None else f'{region.width}x{region.height}'
            sys.stdout.write(f'{name:30} {statistics.median(times):10.2f} {size:>12}\n')
            for subscription in made:
                node.destroy_subscription(subscription)
        session.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
