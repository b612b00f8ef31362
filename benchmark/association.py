# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Measures what detections give to the tracker, and what the association costs.

    python benchmark/association.py --otb FOLDER

The detector is the truth, disturbed: 30 % of the objects are missed on each frame, every fifth
frame has a false detection, corners move by 10 % of the side, and detections come three frames
(100 ms) late. It knows three classes, so that other objects of a clip may have the class of
object 1, and look-alikes do. Each clip is tracked without it, with it as by default, and with
corrections allowed: object 1 is prompted with its box on the first frame. Printed for each clip:
the share of the frames with the object on which it is tracked (IoU of the boxes 0.3 and more); how
often it was tracked again, of the times that it was not tracked for five frames and more, whether
it was away or something else was tracked; and whether it was tracked at the end. Then objects that
were never prompted: the time until a detection has started them; and the time of one association
of 64 detections with 64 objects. The last lines sum up what detections are to give.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
import statistics
import time

import numpy as np
from numpy.typing import NDArray
import torch

from sam_tracker.association.appearance import of_box, of_mask
from sam_tracker.association.associator import Associator
from sam_tracker.association.detections import Detections
from sam_tracker.association.history import TrackHistory
from sam_tracker.association.outcome import Effect
from sam_tracker.association.settings import AssociationSettings
from sam_tracker.association.tracked_objects import Sight, TrackedObjects, mask_share_table
from sam_tracker.core.boxes import Box, Region, box_iou
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.core.time import SECOND
from sam_tracker.evaluation.readers.otb import otb
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.nodes.tracker.tracked_objects import tracked_objects
from sam_tracker.tracking.track import Track, TrackState
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.video.generated import generate_clip
from sam_tracker.video.scene_plan import DIFFICULTIES

PERIOD = SECOND // 30
MISSES, FALSE, JITTER, LATE = 0.3, 0.2, 0.1, 3
CATCH_UP = 8
"""Frames through which a late prompt is propagated, as by default in the node."""
HIT = 0.3
"""IoU of boxes from which an object counts as tracked: small networks often mask a part of it."""
OFF = 5
"""Frames off the object, or without it, that make the next hit a re-acquisition."""
LOOK_PERIOD = 15
"""Frames between two looks at the colours of an object."""
CLASSES = ('mug', 'box', 'toy')
"""What the detector tells apart."""
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    name: str
    images: Sequence[Image]
    boxes: NDArray[np.float64]
    """[T, K, 4], NaN where an object is not visible."""
    labels: tuple[str, ...]
    """Classes of the K objects."""


def recorded(folder: Path) -> Iterator[Clip]:
    data = otb(folder)
    for name in data.sequence_names:
        sequence = data.open_sequence(name)
        boxes = np.array(sequence.targets[0].boxes)
        boxes[~sequence.targets[0].visible] = np.nan
        absent = folder / name.split('.')[0] / 'absent.txt'
        if absent.exists():
            gone = np.loadtxt(absent, dtype=np.int64, ndmin=1)
            boxes[gone[: len(boxes)].astype(bool)] = np.nan
        yield Clip(name, list(sequence.frames()), boxes[:, None], CLASSES[:1])


def generated(count: int, frames: int, difficulty: str) -> Iterator[Clip]:
    for scenario in ('re_entry', 'occlusion', 'look_alike'):
        for seed in range(10_000, 10_000 + count):
            clip = generate_clip(seed, frames, 192, difficulty, held_out=True, scenario=scenario)
            boxes = clip.boxes.astype(np.float64)
            boxes[~clip.visible] = np.nan
            twin = scenario == 'look_alike'
            labels = tuple(
                CLASSES[max(index - twin, 0) % len(CLASSES)] for index in range(boxes.shape[1])
            )
            yield Clip(f'{scenario}/{seed}', list(clip.frames), boxes, labels)


class Detector:
    """The truth, disturbed; the same for the same clip."""

    def __init__(self, clip: Clip) -> None:
        random = np.random.default_rng(len(clip.images))
        height, width = clip.images[0].shape[:2]
        self.found = []
        for boxes in clip.boxes:
            rows = np.flatnonzero(~np.isnan(boxes[:, 0]))
            rows = rows[random.random(len(rows)) >= MISSES]
            kept = boxes[rows]
            labels = [clip.labels[row] for row in rows]
            sides = np.tile(kept[:, 2:] - kept[:, :2], 2)
            kept = kept + random.normal(0, JITTER / 2, kept.shape) * sides
            scores = random.uniform(0.6, 1.0, len(kept))
            if random.random() < FALSE:
                side = random.uniform(0.1, 0.4) * height
                corner = random.uniform(0, (width - side, height - side))
                kept = np.vstack((kept, [(*corner, *(corner + side))]))
                scores = np.append(scores, random.uniform(0.5, 0.9))
                labels.append(str(random.choice(clip.labels)))
            valid = (kept[:, 2] > kept[:, 0]) & (kept[:, 3] > kept[:, 1])
            self.found.append(Detections(kept, scores, tuple(labels))[valid])


class Run:
    """A tracker that is fed one clip, with or without detections, as by the node."""

    def __init__(self, clip: Clip, network: object, associator: Associator | None) -> None:
        self.clip, self.associator = clip, associator
        self.tracker = Tracker(network)
        self.detector = Detector(clip)
        self.history = TrackHistory(5 * SECOND)
        self.effects: Counter[Effect] = Counter()
        self.tracks: list[list[Track]] = []
        self.new: list[tuple[Box, int, int]] = []
        """Boxes of new objects, the frame that the detector has seen, and that of the prompt."""
        self.first = int(np.flatnonzero(~np.isnan(clip.boxes[:, 0, 0]))[0])
        """The first frame that shows object 1, which is prompted there."""

    def frame(self, index: int) -> Frame:
        return Frame(self.clip.images[index], index * PERIOD)

    def go(self, *, prompt: bool) -> None:
        for index in range(len(self.clip.images)):
            if prompt and index == self.first:
                box = Prompt(box=self.clip.boxes[index, 0])
                self.tracker.add_prompt(self.frame(index), box, label=self.clip.labels[0])
            tracks = self.tracker.step(self.frame(index))
            if self.associator is not None:
                self.remember(index, tracks)
                if index >= LATE:
                    self.detect(index - LATE, index)
                tracks = self.tracker.objects
            self.tracks.append(tracks)
            self.tracker.verify()

    def remember(self, index: int, tracks: list[Track]) -> None:
        objects = tracked_objects(tracks, index * PERIOD)
        self.associator.retain(objects.ids, objects.stamp)
        self.history.add(objects)
        for track in tracks:
            seen = track.state is TrackState.TRACKED
            if seen and index % LOOK_PERIOD == 0 and track.region is not None:
                colours = of_mask(self.clip.images[index], track.region, track.mask_crop)
                if colours is not None:
                    self.associator.look(track.object_id, colours, sure=track.confidence >= 0.5)

    def detect(self, seen: int, now: int) -> None:
        objects = self.history.nearest(seen * PERIOD)
        image = self.clip.images[seen]
        outcome = self.associator.associate(
            self.detector.found[seen], objects, lambda box: of_box(image, box)
        )
        for action in outcome.actions:
            present = {track.object_id: track for track in self.tracker.objects}
            track = present.get(action.object_id)
            if action.effect is Effect.EXPIRED:
                self.tracker.remove(action.object_id)
                continue
            if action.effect is Effect.FOUND_AGAIN and (
                track is None or track.state is TrackState.TRACKED
            ):
                continue
            steps = np.unique(np.linspace(seen + 1, now, CATCH_UP).astype(int))
            later = [self.frame(index) for index in steps if index > seen]
            try:
                answer = self.tracker.add_prompt(
                    self.frame(seen), Prompt(box=action.box), action.object_id or None,
                    action.label, later=later,
                )  # fmt: skip
            except PromptError:
                self.effects['refused'] += 1
                continue
            self.effects[action.effect] += 1
            if action.effect is Effect.NEW:
                self.new.append((action.box, seen, now))
            if action.effect is Effect.NEW and answer.object_id not in present:
                self.associator.started(answer.object_id, now * PERIOD)

    def overlaps(self, truth: int, object_id: int) -> NDArray[np.float64]:
        """Return [T] IoU of an object's box with a true one; NaN while that is not visible."""
        boxes = np.full((len(self.tracks), 4), np.nan)
        for index, tracks in enumerate(self.tracks):
            for track in tracks:
                if track.object_id == object_id and track.box is not None:
                    boxes[index] = track.box
        ious = box_iou(boxes, self.clip.boxes[:, truth])
        return np.where(np.isnan(self.clip.boxes[:, truth, 0]), np.nan, ious)


def regained(ious: NDArray[np.float64]) -> tuple[int, int]:
    """Return how often an object was tracked again, and how often it should have been."""
    off = count = 0
    missed = False
    for iou in ious:
        if iou >= HIT:
            count += off >= OFF
            off = 0
            missed = False
        elif np.isnan(iou) or iou < 0.1:
            off += 1
            missed = missed or not np.isnan(iou)
    # An object that is away at the end, and was not seen since, could not be tracked again.
    return count, count + (off >= OFF and missed)


VARIANTS = {
    'alone': None,
    'found again': AssociationSettings(),
    'and corrected': replace(AssociationSettings(), correct=True),
}


Totals = dict[str, Counter[str]]
"""For each variant, numbers of clips and of re-acquisitions."""


def compare(clips: Iterator[Clip], network: object) -> Totals:
    """Track clips in all variants, and print and return how well."""
    print(f'{"":24} {"tracked, regained, at the end":24}')
    print(f'{"clip":18} {"frames":>6}' + ''.join(f' {name:>20}' for name in VARIANTS))
    totals: Totals = {name: Counter() for name in VARIANTS}
    for clip in clips:
        cells, prompts, kept_alone = [], [], False
        for name, settings in VARIANTS.items():
            run = Run(clip, network, None if settings is None else Associator(settings))
            run.go(prompt=True)
            ious = run.overlaps(0, 1)
            known = ious[~np.isnan(ious)]
            share, (again, times) = float(np.mean(known >= HIT)), regained(ious)
            kept = bool(np.mean(known[-10:]) >= 0.5)
            kept_alone = kept_alone or (settings is None and kept)
            lost = kept_alone and not kept
            totals[name].update(
                tracked=share, regained=again, times=times, kept=kept, identities_lost=lost
            )
            cells.append(f' {share:8.3f} {again:2} of {times:1} {"yes" if kept else "no":>3}')
            prompts.append(str(sum(run.effects.values())))
        made = ' and '.join(prompts[1:])
        print(f'{clip.name:18} {len(known):6}{"".join(cells)}   {made} prompts', flush=True)
    for name, counts in totals.items():
        print(f'{name:14} ' + ', '.join(f'{key} {value:g}' for key, value in counts.items()))
    return totals


def new_objects(clips: Iterator[Clip], network: object) -> float:
    """
    Print how long it takes until objects that nobody prompts are prompted and tracked.

    :returns: the median of the latter, in seconds.
    """
    prompted: list[float] = []
    tracked: list[float] = []
    missed = false = 0
    for clip in clips:
        run = Run(clip, network, Associator(replace(AssociationSettings(), new_objects=True)))
        run.go(prompt=False)
        for box, seen, _ in run.new:
            ious = box_iou(box, clip.boxes[seen])
            false += not (ious >= HIT).any()
        ids = {track.object_id for tracks in run.tracks for track in tracks}
        for truth in range(clip.boxes.shape[1]):
            visible = np.flatnonzero(~np.isnan(clip.boxes[:, truth, 0]))
            if len(visible) < SECOND // PERIOD:
                continue
            prompts = [
                now for box, seen, now in run.new if box_iou(box, clip.boxes[seen, truth]) >= HIT
            ]
            if not prompts:
                missed += 1
                continue
            prompted.append((prompts[0] - visible[0]) * PERIOD / SECOND)
            hits = [run.overlaps(truth, each) >= HIT for each in ids]
            firsts = [int(np.argmax(hit)) for hit in hits if hit.any()]
            tracked += [(first - visible[0]) * PERIOD / SECOND for first in sorted(firsts)[:1]]
    for name, delays in (('prompted', prompted), ('tracked', tracked)):
        median, most = np.percentile(delays, (50, 90)) if delays else (np.nan, np.nan)
        print(
            f'new objects: {len(delays)} {name} after {median:.2f} s (median; 90 %: {most:.2f} s)'
        )
    print(f'new objects: {missed} not prompted, {false} prompts on nothing', flush=True)
    return float(np.median(tracked)) if tracked else np.nan


def scene(count: int, random: np.random.Generator, stamp: int) -> TrackedObjects:
    corners = random.uniform(0, (1800, 1000), (count, 2))
    sides = random.uniform(30, 120, (count, 2))
    crop = np.full((64, 64), 255, np.uint8)
    return TrackedObjects(
        stamp=stamp,
        ids=tuple(range(1, count + 1)),
        labels=('person',) * count,
        sight=np.full(count, Sight.SEEN, np.int64),
        boxes=np.concatenate((corners, corners + sides), axis=1),
        masks=np.array([mask_share_table(Region(0, 0, 64, 64), crop)] * count),
    )


def cost(count: int) -> float:
    """Print and return the median time of an association, in milliseconds."""
    random = np.random.default_rng(0)
    associator = Associator(replace(AssociationSettings(), new_objects=True, correct=True))
    objects = scene(count, random, 0)
    spent = []

    def nothing(_: Box) -> None:
        return None

    for number in range(500):
        boxes = objects.boxes + random.normal(0, 4, objects.boxes.shape)
        found = Detections(boxes, random.uniform(0.5, 1, count), ('person',) * count)
        start = time.process_time()
        associator.associate(found, replace(objects, stamp=number * PERIOD), nothing)
        spent.append(time.process_time() - start)
    spent = [1000 * each for each in spent[20:]]
    print(
        f'{count} detections with {count} objects: median {statistics.median(spent):.2f} ms of '
        f'processor time, least {min(spent):.2f} ms'
    )
    return statistics.median(spent)


def sum_up(totals: Sequence[Totals]) -> None:
    """Print what detections give, over all clips."""
    alone, *with_detections = (
        sum((each[name] for each in totals), Counter[str]()) for name in VARIANTS
    )
    for name, counts in zip(list(VARIANTS)[1:], with_detections, strict=True):
        print(
            f'{name}: {counts["identities_lost"]} identities lost that the tracker alone kept (of '
            f'{alone["kept"]}); tracked again {counts["regained"]} of {counts["times"]} times, '
            f'alone {alone["regained"]} of {alone["times"]}'
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--otb', type=Path, help='a folder in the layout of OTB')
    parser.add_argument('--clips', type=int, default=2, help='generated, of each scenario')
    parser.add_argument('--frames', type=int, default=150, help='of each generated clip')
    parser.add_argument('--difficulty', choices=DIFFICULTIES, default='medium', help='of the same')
    parser.add_argument('--network', default='nano')
    options = parser.parse_args()
    torch.set_num_threads(1)
    cost(8)
    milliseconds = cost(64)
    network = load_network(options.network)
    delay, totals = np.nan, []
    if options.clips:
        delay = new_objects(
            generated(-(-options.clips // 3), options.frames, options.difficulty), network
        )
        totals.append(
            compare(generated(options.clips, options.frames, options.difficulty), network)
        )
    if options.otb is not None:
        totals.append(compare(recorded(options.otb), network))
    print()
    if totals:
        sum_up(totals)
    print(f'new objects tracked after {delay:.2f} s (median)')
    print(f'association of 64 detections with 64 objects: {milliseconds:.2f} ms (median)')


if __name__ == '__main__':
    main()
