# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Labelling of generated recordings with the bundled weights: quality, resumption and throughput.

    python benchmark/labelling.py directions --minutes 1 --rate 10 --kind bag --clips 1
    python benchmark/labelling.py corrections --clips 20 --rounds 3
    python benchmark/labelling.py killed --frames 300
    python benchmark/labelling.py throughput --clips 6 --frames 150
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np
import yaml

from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.evaluation.corrections import correcting_click
from sam_tracker.labelling.file_recordings import VideoRecording
from sam_tracker.labelling.labelled_track import LabelledTrack
from sam_tracker.labelling.labeller import Labeller
from sam_tracker.labelling.labels import LabelSet
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.networks.weights.catalogue import DEFAULT_CHECKPOINT
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.video.generated import GeneratedScene

SIZE = 256
FIRST_SEED = 10_000
CLICKS = 3
ALL_WRONG = 0.5
"""IoU with the truth below which a person first draws a box."""


def silent(*_: object) -> None:
    """Report nothing."""


def write_video(path: Path, frames: int, seed: int, difficulty: str, rate: int = 30) -> np.ndarray:
    """Write a generated clip frame by frame, and return the masks of object 1, packed [T, N]."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), rate, (SIZE, SIZE))
    scene = GeneratedScene(seed, SIZE, difficulty, held_out=True, duration=frames)
    masks = []
    for _, frame in zip(range(frames), scene.frames(), strict=False):
        writer.write(np.ascontiguousarray(frame.image[..., ::-1]))
        masks.append(np.packbits(frame.object_ids == 1))
    writer.release()
    return np.stack(masks)


def unpacked(masks: np.ndarray, number: int) -> np.ndarray:
    """Return one of packed masks [H, W]."""
    return np.unpackbits(masks[number]).reshape(SIZE, SIZE) > 0


def box_prompt(mask: np.ndarray) -> Prompt:
    """Return the box of a mask as a prompt."""
    extent = Prompt(mask=mask).extent
    assert extent is not None
    return Prompt(box=extent)


def overlaps(labels: LabelSet, masks: np.ndarray) -> np.ndarray:
    """Return J, the IoU with the truth, on every frame; 1 where both are empty."""
    return np.array(
        [overlap(each.tracks[0].mask, unpacked(masks, each.number)) for each in labels.images()]
    )


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return the IoU of two masks [H, W]; 1 where both are empty."""
    either = (truth | mask).sum()
    return (truth & mask).sum() / either if either else 1.0


def errors(track: LabelledTrack, masks: np.ndarray, number: int) -> int:
    """Return the wrong pixels of a label."""
    return int((track.mask ^ unpacked(masks, number)).sum())


def labeller(path: Path, out: Path, checkpoint: str) -> Labeller:
    network = load_network(checkpoint)
    settings = TrackerSettings.for_network(network.suited_settings)
    return Labeller(VideoRecording(path, silent), out, network, settings)


def write_bag(path: Path, frames: int, seed: int, difficulty: str, rate: int = 30) -> np.ndarray:
    """Write a generated clip as JPEG files in an mcap bag; return what ``write_video`` does."""
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    kind = 'sensor_msgs/msg/CompressedImage'
    time_type, header = (
        store.types[name] for name in ('builtin_interfaces/msg/Time', 'std_msgs/msg/Header')
    )
    scene = GeneratedScene(seed, SIZE, difficulty, held_out=True, duration=frames)
    masks = []
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection('/camera/compressed', kind, typestore=store)
        for number, frame in zip(range(frames), scene.frames(), strict=False):
            _, data = cv2.imencode('.jpg', np.ascontiguousarray(frame.image[..., ::-1]))
            stamp = 1_700_000_000 * SECOND + number * SECOND // rate
            message = store.types[kind](
                header(time_type(*divmod(stamp, SECOND)), 'camera'), 'jpeg', data.reshape(-1)
            )
            writer.write(connection, stamp, store.serialize_cdr(message, kind))
            masks.append(np.packbits(frame.object_ids == 1))
    return np.stack(masks)


def directions(options: argparse.Namespace, folder: Path) -> None:
    """
    Label recordings by the command: from the first frame, from the last, and from both.

    These are three objects of one run, which share the encoding of the images.
    """
    rows = []
    for seed in range(options.first_seed, options.first_seed + options.clips):
        place = folder / str(seed)
        place.mkdir()
        row = directions_of(options, place, seed)
        rows.append([*row.mean(1), row[:2].max(0).mean()])
    print(
        'mean J: {:.3f} forwards, {:.3f} backwards, {:.3f} joined, {:.3f} the better'.format(
            *np.mean(rows, 0)
        )
    )


def directions_of(options: argparse.Namespace, folder: Path, seed: int) -> np.ndarray:
    """Label one recording; return J [3, T] forwards, backwards and joined."""
    frames = round(options.minutes * 60 * options.rate)
    path = folder / ('clip' if options.kind == 'bag' else 'clip.mp4')
    write = write_bag if options.kind == 'bag' else write_video
    masks = write(path, frames, seed, options.difficulty, options.rate)
    seen = [number for number in range(frames) if unpacked(masks, number).any()]
    first, last = (
        {'frame': number, 'box': [float(x), float(y), float(right - x), float(bottom - y)]}
        for number in (seen[0], seen[-1])
        for x, y, right, bottom in [box_prompt(unpacked(masks, number)).box]
    )
    objects = [{'prompts': prompts} for prompts in ([first], [last], [first, last])]
    (folder / 'prompts.yaml').write_text(yaml.safe_dump({'objects': objects}))
    command = [
        *(sys.executable, '-m', 'sam_tracker.labelling.label_command', str(path)),
        *('-o', str(folder / 'out'), '--prompts', str(folder / 'prompts.yaml')),
        *('--checkpoint', options.checkpoint, '--formats', *options.formats),
    ]
    start = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status:
        sys.exit(f'the command failed with status {status}')
    labels = LabelSet(folder / 'out/recordings/clip/labels.jsonl', {1: '', 2: '', 3: ''})
    values = np.array(
        [
            [overlap(track.mask, unpacked(masks, image.number)) for track in image.tracks]
            for image in labels.images()
        ]
    ).T
    processor = usage.ru_utime + usage.ru_stime
    print(
        f'seed {seed}, {options.kind}: {frames - values.shape[1]} of {frames} frames lost,'
        ' J {:.3f} forwards, {:.3f} backwards, {:.3f} joined,'.format(*values.mean(1)),
        f'peak {usage.ru_maxrss / 1024:.0f} MiB, {seconds:.0f} s, {processor:.0f} s of processor'
        ' time',
        flush=True,
    )
    return values


def corrected(
    work: Labeller, prompts: ObjectPrompts, track: LabelledTrack, number: int, truth: np.ndarray
) -> ObjectPrompts:
    """
    Correct one label as a person does: by a box if it is all wrong, and by three clicks.

    SAM 2's offline evaluation also has three clicks for each corrected frame (arXiv 2408.00714).

    :param truth: [H, W], not empty.
    """
    found, mask = prompts, track.mask
    if overlap(mask, truth) < ALL_WRONG:
        found = prompts.corrected(number, box_prompt(truth), track.mask, track.visible)
        mask = work.prompted({1: found}, 1, number).mask
    for _ in range(CLICKS):
        click = correcting_click(mask, truth)
        if click is None:
            break
        clicked = found.corrected(number, click, track.mask, track.visible)
        try:
            answer = work.prompted({1: clicked}, 1, number).mask
        except LabellingError:
            # The answer contradicts the clicks.
            break
        # Otherwise the person takes the click back.
        if overlap(answer, truth) > overlap(mask, truth):
            found, mask = clicked, answer
    if found is prompts:
        return prompts.corrected(number, box_prompt(truth), track.mask, track.visible)
    return found


def corrections(options: argparse.Namespace, folder: Path) -> None:
    """Correct the frame with the largest error, some times over."""
    history, seconds = [], []
    for seed in range(options.first_seed, options.first_seed + options.clips):
        path = folder / f'{seed}.mp4'
        masks = write_video(path, options.frames, seed, options.difficulty, options.rate)
        first = next(n for n in range(options.frames) if unpacked(masks, n).any())
        prompts = ObjectPrompts().added(first, box_prompt(unpacked(masks, first)))
        work = labeller(path, folder / str(seed), options.checkpoint)
        labels = work.label({1: prompts}).labels
        values = overlaps(labels, masks)
        row = [values.mean()]
        for _ in range(options.rounds):
            start = time.monotonic()
            found = {image.number: image.tracks[0] for image in labels.images()}
            number = max(
                (n for n in found if n not in prompts.by_frame and unpacked(masks, n).any()),
                key=lambda each: errors(found[each], masks, each),
            )
            track, truth = found[number], unpacked(masks, number)
            if options.true_masks:
                exact = Prompt(mask=truth)
                prompts = prompts.corrected(number, exact, track.mask, track.visible)
            else:
                prompts = corrected(work, prompts, track, number, truth)
            labels = work.label({1: prompts}).labels
            seconds.append(time.monotonic() - start)
            before, values = values, overlaps(labels, masks)
            row.append(values.mean())
            if options.verbose:
                print(f'  frame {number}: {before[number]:.2f} to {values[number]:.2f}')
        history.append(row)
        print(f'seed {seed}: ' + ' '.join(f'{value:.3f}' for value in row), flush=True)
    means = np.mean(history, 0)
    print('mean J by round: ' + ' '.join(f'{value:.3f}' for value in means))
    print(f'gained: {means[-1] - means[0]:+.3f}; seconds for a round: {np.median(seconds):.1f}')


def killed(options: argparse.Namespace, folder: Path) -> None:
    """Kill a run at random moments of its work, and compare with one that was left alone."""
    path = folder / 'clip.mp4'
    masks = write_video(path, options.frames, FIRST_SEED, options.difficulty)
    x, y, right, bottom = box_prompt(unpacked(masks, 0)).box
    command = [
        *(sys.executable, '-m', 'sam_tracker.labelling.label_command', str(path), '--box'),
        *map(str, (x, y, right - x, bottom - y)),
        *('--checkpoint', options.checkpoint, '--formats'),
        '-o',
    ]
    subprocess.run([*command, str(folder / 'alone')], check=True)
    whole = written(folder / 'alone')
    generator, kills = random.Random(0), 0
    for share in sorted(generator.random() for _ in range(options.kills)):
        process = subprocess.Popen([*command, str(folder / 'killed')])
        while process.poll() is None and written(folder / 'killed') < share * whole:
            time.sleep(0.05)
        time.sleep(generator.uniform(0, 1))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    subprocess.run([*command, str(folder / 'killed')], check=True)
    texts = [
        (folder / name / 'recordings/clip/labels.jsonl').read_bytes()
        for name in ('alone', 'killed')
    ]
    print(
        f'killed {kills} times; the bytes are {"the same" if texts[0] == texts[1] else "others"}'
    )


def throughput(options: argparse.Namespace, folder: Path) -> None:
    """
    Label recordings by the command: in 1 and 2 processes, and on a Ray cluster of 1 and 2 CPUs.

    Each is run twice, in turn, since other load of the machine changes; the start of the processes
    counts, the start of the cluster does not.
    """
    (folder / 'prompts').mkdir()
    paths = []
    for number in range(options.clips):
        paths.append(folder / f'{number}.mp4')
        masks = write_video(
            paths[-1], options.frames, FIRST_SEED + number, options.difficulty, options.rate
        )
        first = next(n for n in range(options.frames) if unpacked(masks, n).any())
        x, y, right, bottom = map(float, box_prompt(unpacked(masks, first)).box)
        prompt = {'frame': first, 'box': [x, y, right - x, bottom - y]}
        (folder / 'prompts' / f'{number}.yaml').write_text(
            yaml.safe_dump({'objects': [{'prompts': [prompt]}]})
        )
    seconds: dict[str, list[float]] = {}
    for turn in range(2):
        for pool in ('workers', 'ray'):
            for count in (1, 2):
                name = f'--{pool} {count}' if pool == 'workers' else f'Ray with {count} CPUs'
                out = folder / f'{pool}{count}_{turn}'
                with pool_options(pool, count) as chosen:
                    command = [
                        *(sys.executable, '-m', 'sam_tracker.labelling.label_command'),
                        *(*map(str, paths), '-o', str(out), '--prompts', str(folder / 'prompts')),
                        *('--checkpoint', options.checkpoint, '--formats', *chosen),
                    ]
                    start = time.monotonic()
                    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                    seconds.setdefault(name, []).append(time.monotonic() - start)
    base = sum(seconds['--workers 1'])
    for name, each in seconds.items():
        print(
            f'{name}: {60 * 2 * options.clips / sum(each):.1f} recordings/minute,'
            f' {2 * options.clips * options.frames / sum(each):.1f} images/s,'
            f' {base / sum(each):.2f} times --workers 1'
            f' ({" and ".join(f"{value:.0f}" for value in each)} s)'
        )


@contextmanager
def pool_options(pool: str, count: int) -> Iterator[list[str]]:
    """Yield the options of the command for a pool; a Ray cluster lasts as long as it is used."""
    if pool == 'workers':
        yield ['--workers', str(count)]
        return
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': count})
    try:
        yield ['--ray', cluster.address]
    finally:
        cluster.shutdown()


def written(folder: Path) -> int:
    """Return the bytes of all stretches of a run, finished or not."""
    total = 0
    for path in folder.glob('recordings/clip/work/stretches/*'):
        # It may just have been finished, under another name.
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def main(args: Sequence[str] | None = None) -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('what', choices=['directions', 'corrections', 'killed', 'throughput'])
    parser.add_argument('--minutes', type=float, default=1.0, help='length of a recording')
    parser.add_argument('--rate', type=int, default=30, help='images per second')
    parser.add_argument('--frames', type=int, default=90, help='length of a clip')
    parser.add_argument('--clips', type=int, default=20)
    parser.add_argument('--first-seed', type=int, default=FIRST_SEED, help='of the clips')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument(
        '--true-masks', action='store_true', help='corrections are the true masks, no clicks'
    )
    parser.add_argument('--kills', type=int, default=5)
    parser.add_argument('--difficulty', default='medium')
    parser.add_argument('--kind', choices=['mp4', 'bag'], default='mp4', help='of recordings')
    parser.add_argument('--checkpoint', default=DEFAULT_CHECKPOINT)
    parser.add_argument('--formats', nargs='*', default=[], help='that directions writes')
    parser.add_argument('--verbose', action='store_true')
    options = parser.parse_args(args)
    measurements = {
        'directions': directions,
        'corrections': corrections,
        'killed': killed,
        'throughput': throughput,
    }
    with tempfile.TemporaryDirectory() as folder:
        measurements[options.what](options, Path(folder))


if __name__ == '__main__':
    main()
