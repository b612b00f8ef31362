# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Demonstration: a camera, the tracker, prompts and the recorder, each in its own process.

`make demo` runs it. Images, prompts and tracks go through DDS. Environment variables:

    VIDEO=clip.mp4 BOX=x,y,w,h   any video, and the box of an object on its first frame (LABEL=mug)
    VIDEO=generated              a generated clip, whose objects leave and return
    CHECKPOINT=weights.pt        instead of the weights that come with the package
    OUTPUT=folder                for the recording, instead of out/demo

The exit code is not 0 if nothing was tracked.
"""

from collections.abc import Mapping
import os
from pathlib import Path
import sys
import time

from clip import Clip, clip_of_environment
from graph import START_TIMEOUT, DemoError, Graph, exit_code, say
import numpy as np
from observer import Observer
from tqdm import tqdm

from sam_tracker.core.time import SECOND
from sam_tracker.recording.frame import RecordedTrack
from sam_tracker.video.sources import silence_decoders

OUTPUT = Path(os.environ.get('OUTPUT') or Path(__file__).resolve().parents[1] / 'out' / 'demo')

RESULTS = ('contact_sheet.png', 'scores.png', 'overlay.mp4', 'tracks.jsonl')

IDLE = 4.0
"""Seconds without an image after which the recording is complete."""


def main() -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    silence_decoders()
    for name in RESULTS:
        # Removed, so that files of an earlier run are not mistaken for results of this one.
        (OUTPUT / name).unlink(missing_ok=True)
    clip = clip_of_environment(os.environ, OUTPUT)
    with Graph(OUTPUT) as graph:
        say(f'playing {clip.path} in ROS_DOMAIN_ID={graph.domain}')
        observer = Observer()
        try:
            play(graph, clip, observer)
        finally:
            observer.close()
    report(clip, observer)


def play(graph: Graph, clip: Clip, observer: Observer) -> None:
    """Start the nodes, prompt on the first image, and wait for the recording to be complete."""
    # With a fixed reliability no node has to resubscribe when the camera starts.
    reliable = {'image_reliability': 'reliable'}
    weights = {'checkpoint': path} if (path := os.environ.get('CHECKPOINT')) else {}
    graph.start('tracker_node', **reliable, **weights)
    graph.start(
        'recorder_node',
        'tracks:=sam_tracker/tracks',
        output_folder=OUTPUT,
        idle_timeout=IDLE,
        **reliable,
    )
    prompts = start_prompts(graph, clip)
    # The camera starts when recorder, prompts and observer have subscribed to the tracks, and
    # waits for the subscriptions of tracker and recorder: no node misses the first frame.
    graph.wait_for(
        lambda: observer.listeners >= len(prompts) + 2, 'listeners', meanwhile=observer.check
    )
    graph.start('video_node', source=clip.path, wait_for_subscribers=2)
    graph.wait_for(lambda: observer.stamps, 'tracks', meanwhile=observer.check)
    with tqdm(total=clip.frame_count, unit='image', disable=None) as progress:
        while graph.running('recorder_node'):
            time.sleep(0.1)
            graph.check()
            progress.update(len(observer.stamps) - progress.n)
    graph.check()
    for prompt in prompts:
        graph.wait(prompt, START_TIMEOUT)
        lines = graph.log(prompt).read_text().splitlines()
        say(next(line for line in lines if not line.startswith('prompt_node: waiting')))
    # Diagnostics are published every second; the last ones count all images.
    time.sleep(1.5)
    graph.end('tracker_node')


def start_prompts(graph: Graph, clip: Clip) -> list[str]:
    """Start one prompt for each box of the clip, on the first image; return their names."""
    prompts: list[str] = []
    for label, (x_min, y_min, x_max, y_max) in clip.boxes.items():
        box = [str(each) for each in (x_min, y_min, x_max - x_min, y_max - y_min)]
        prompts.append(f'prompt_node_{len(prompts) + 1}')
        what = ('--box', *box, '--label', label, '--next-image')
        graph.run(prompts[-1], 'prompt_node', *what, '--timeout', str(START_TIMEOUT))
    return prompts


def report(clip: Clip, observer: Observer) -> None:
    """
    Print what was tracked, how fast, and where the results are.

    :raises DemoError: nothing was tracked.
    """
    stamps = observer.stamps
    seconds = (stamps[-1] - stamps[0]) / SECOND
    rate = (len(stamps) - 1) / seconds if seconds else 0.0
    median, p95 = 1000 * np.percentile(observer.latencies, [50, 95])
    say(
        f'{len(stamps)} images processed at {rate:.1f} Hz; from the stamp of an image to the '
        f'arrival of its tracks: median {median:.0f} ms, 95 % {p95:.0f} ms'
    )
    say(dropped(clip, observer))
    for label in clip.boxes:
        seen = observer.tracks.get(label, {})
        say(f'{label}: seen on {len(seen)} images' + compared(clip, label, seen, stamps[0]))
    if not observer.tracks:
        raise DemoError(f'nothing was tracked; the logs are in {OUTPUT}')
    for name in RESULTS:
        say(str(OUTPUT / name))


def dropped(clip: Clip, observer: Observer) -> str:
    """Return the number of images that were not tracked, by reason."""
    reasons = dict(observer.dropped)
    published = int(observer.diagnostics.get('images published', 0))
    if clip.frame_count:
        # The tracker only counts images that it missed after the first one that it received.
        reasons['before the tracker subscribed'] = max(clip.frame_count - published, 0)
    count = sum(reasons.values())
    details = ', '.join(f'{each} {reason}' for reason, each in reasons.items() if each)
    return f'{count} of {len(observer.stamps) + count} images dropped' + (
        f': {details}' if details else ''
    )


def compared(clip: Clip, label: str, seen: Mapping[int, RecordedTrack], first: int) -> str:
    """Compare the masks with the truth, if there is one, on the images that show the object."""
    truth = clip.truth.get(label)
    if truth is None:
        return ''
    agreements = []
    for stamp, track in seen.items():
        number = round((stamp - first) * clip.rate / SECOND)
        if number < len(truth) and truth[number].any():
            mask = np.zeros_like(truth[number])
            (x, y), (height, width) = track.mask_origin, track.mask.shape
            mask[y : y + height, x : x + width] = track.mask != 0
            agreements.append(np.sum(mask & truth[number]) / np.sum(mask | truth[number]))
    if not agreements:
        return ''
    good = sum(each > 0.5 for each in agreements)
    return (
        f', mask IoU with the truth {np.mean(agreements):.2f} on average, above 0.5 on {good} of '
        f'{len(agreements)}'
    )


if __name__ == '__main__':
    sys.exit(exit_code(main))
