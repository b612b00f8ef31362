# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A page that shows the labels of a recording at a glance, in one file without scripts."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
import html
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.contact_sheet import contact_sheet, scaled_to_fit
from sam_tracker.core.time import SECOND
from sam_tracker.labelling.doubtful import DoubtfulStretch, doubtful_stretches
from sam_tracker.labelling.exports.export import Exported, replacing
from sam_tracker.labelling.exports.overlay import drawn, seen
from sam_tracker.labelling.labelled_track import Stage
from sam_tracker.rendering import object_colour

PICTURES = 12
TILE_WIDTH = 320
PLOT = (1000, 120)
"""Width and height of a plot, in pixels."""
MOST_DOUBTFUL = 20

STYLE = """\
body{font:15px system-ui,sans-serif;margin:2em auto;max-width:1040px;color:#222;background:#fff}
table{border-collapse:collapse}
td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}
svg{background:#f6f6f6;width:100%}img{width:100%}h2{margin-top:1.6em}"""


@dataclass
class _Summary:
    """What the report needs of one object, for recordings of any length."""

    visible: int = 0
    stages: dict[Stage, int] = field(default_factory=dict)
    confidence: NDArray[np.float64] = field(default_factory=lambda: np.full(PLOT[0], np.nan))
    """The lowest in each column of the plot; NaN: not visible."""
    doubt: NDArray[np.float64] = field(default_factory=lambda: np.zeros(PLOT[0]))
    """The highest in each column of the plot."""


def export_report(exported: Exported, folder: Path) -> None:
    """Write ``NAME.html``: a contact sheet, confidence and doubt over time, what to look at."""
    count = len(exported.recording.images)
    chosen = {round(number) for number in np.linspace(0, count - 1, min(PICTURES, count))}
    summaries = {object_id: _Summary() for object_id in exported.labels.names}
    tiles, captions = [], []
    pictures = exported.recording.read(0, count)
    first = exported.recording.images[0].stamp
    for image, rgb in zip(exported.labels.images(), pictures, strict=True):
        column = image.number * PLOT[0] // count
        for track in image.tracks:
            summary = summaries[track.object_id]
            summary.stages[track.stage] = summary.stages.get(track.stage, 0) + 1
            summary.doubt[column] = max(summary.doubt[column], track.doubt)
            if track.visible:
                summary.visible += 1
                lowest = np.fmin(summary.confidence[column], track.confidence)
                summary.confidence[column] = lowest
        if image.number in chosen:
            picture = drawn(rgb, image, exported.labels)
            tiles.append(scaled_to_fit(picture, TILE_WIDTH, 2 * TILE_WIDTH))
            seconds = (image.stamp - first) / SECOND
            captions.append(f'{image.number}   {seconds:.1f} s   {seen(image)} seen')
    doubtful = doubtful_stretches(exported.labels.images())[:MOST_DOUBTFUL]
    with replacing(folder / f'{exported.name}.html') as file:
        for part in _page(exported, summaries, _sheet(tiles, captions), doubtful):
            file.write(part.encode() + b'\n')


def _page(
    exported: Exported,
    summaries: dict[int, _Summary],
    sheet: str,
    doubtful: Sequence[DoubtfulStretch],
) -> Iterator[str]:
    name, images = html.escape(exported.name), exported.recording.images
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
    yield f'<style>{STYLE}</style><h1>{name}</h1>'
    seconds = (images[-1].stamp - images[0].stamp) / SECOND
    yield f'<p>{len(images)} images, {seconds:.1f} s, {len(summaries)} objects.</p>'
    for problem in exported.recording.problems:
        yield f'<p><b>Problem:</b> {html.escape(problem)}</p>'
    yield f'<img alt="Labelled images" src="data:image/jpeg;base64,{sheet}">'
    yield '<h2>Doubtful stretches</h2>'
    if not doubtful:
        yield '<p>None.</p>'
    else:
        yield '<table><tr><th>object<th>images<th>highest doubt</tr>'
        for each in doubtful:
            label = html.escape(exported.labels.category(each.object_id))
            yield (
                f'<tr><td>{each.object_id} {label}<td>{each.first} to {each.last}'
                f'<td>{each.doubt:.2f}</tr>'
            )
        yield '</table>'
    for object_id, summary in summaries.items():
        label = html.escape(exported.labels.category(object_id))
        stages = ', '.join(
            f'{summary.stages[stage]} {stage.value}' for stage in Stage if stage in summary.stages
        )
        yield f'<h2>{object_id} {label}</h2><p>Visible on {summary.visible} images; {stages}.</p>'
        yield _plot(summary, object_id)
    yield '<p>Line: confidence, 0 to 1. Red: doubt.</p></html>'


def _plot(summary: _Summary, object_id: int) -> str:
    """Return the confidence as a line, over the doubt as an area."""
    width, height = PLOT
    blue, green, red = object_colour(object_id)
    area = ' '.join(f'{x},{height * (1 - y):.0f}' for x, y in enumerate(summary.doubt))
    lines: list[list[tuple[int, float]]] = []
    run: list[tuple[int, float]] = []
    for x, value in enumerate([*summary.confidence, np.nan]):
        if np.isnan(value):
            # Short recordings leave columns empty.
            if len(run) > 0 and (x == width or x - run[-1][0] > max(width // 100, 2)):
                lines.append(run)
                run = []
        else:
            run.append((x, height * (1 - value)))
    if run:
        lines.append(run)
    drawn_lines = ''.join(
        f'<polyline fill="none" stroke="rgb({red},{green},{blue})" stroke-width="2" points="'
        + ' '.join(f'{x},{y:.0f}' for x, y in each)
        + '"/>'
        for each in lines
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="confidence and doubt">'
        f'<polygon fill="#d00" fill-opacity=".35" points="0,{height} {area} {width},{height}"/>'
        f'{drawn_lines}</svg>'
    )


def _sheet(tiles: Sequence[NDArray[np.uint8]], captions: Sequence[str]) -> str:
    sheet = contact_sheet(tiles, captions, tile_width=TILE_WIDTH)
    _, data = cv2.imencode('.jpg', sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return base64.b64encode(data.tobytes()).decode('ascii')
