# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Write all files of one recording."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
import shutil
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.contact_sheet import contact_sheet, scaled_to_fit
from sam_tracker.core.time import SECOND
from sam_tracker.recording.frame import RecordedFrame, RecordingError
from sam_tracker.recording.overlay_video import OverlayVideo
from sam_tracker.recording.score_plot import Scores, scores, write_score_plot
from sam_tracker.recording.thinning import EvenlySpread
from sam_tracker.recording.track_files import TRACK_FILES, TrackFiles
from sam_tracker.rendering import draw_tracks

VIDEO = 'overlay.mp4'
CONTACT_SHEET = 'contact_sheet.png'
SCORE_PLOT = 'scores.png'

SHEET_PICTURES = 12
TILE_WIDTH = 480

# Points of a plotted line, at least as many as the plot has columns of pixels.
PLOTTED_IMAGES = 4096

LEAST_FREE = 32 << 20
"""Bytes that stay free on the disk, so that all files can be completed."""

SPACE_CHECK_PERIOD = 1.0
"""Seconds."""


class Recording:
    """
    Writes an overlay video, a contact sheet, a plot of the scores, and the tracks as text.

    Memory does not grow with the length of the recording.
    """

    def __init__(
        self,
        folder: Path,
        rate: float = 0.0,
        codec: str = 'auto',
        least_free: int = LEAST_FREE,
    ) -> None:
        """
        Create the folder and remove the files of an earlier recording from it.

        :param rate: pictures per second of the video; 0: estimated from the stamps.
        :param codec: of the video, as for ``OverlayVideo``.
        :param least_free: bytes that must stay free on the disk.
        :raises RecordingError: the folder or a file in it cannot be written.
        """
        self._folder = folder
        self._least_free = least_free
        self._next_check = 0.0
        self._video = OverlayVideo(folder / VIDEO, rate, codec)
        self._tiles: EvenlySpread[tuple[NDArray[np.uint8], str]] = EvenlySpread(4 * SHEET_PICTURES)
        self._scores: EvenlySpread[Scores] = EvenlySpread(PLOTTED_IMAGES)
        self._first_stamp: int | None = None
        self.images = 0
        """Number of recorded images."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._check_space()
            # Removed rather than truncated: a name may be a link or a pipe.
            for name in (VIDEO, CONTACT_SHEET, SCORE_PLOT, *TRACK_FILES):
                (folder / name).unlink(missing_ok=True)
            self._files = TrackFiles(folder)
        except OSError as error:
            raise _refused(folder, error) from error

    def add(self, frame: RecordedFrame, picture: NDArray[np.uint8]) -> None:
        """
        Record one image.

        :param picture: (height, width, 3) uint8 BGR; the tracks are drawn into it, and it is
            stored.
        :raises RecordingError: a file cannot be written, or the disk is full.
        """
        if self._first_stamp is None:
            self._first_stamp = frame.stamp
        seconds = (frame.stamp - self._first_stamp) / SECOND
        draw_tracks(picture, frame.tracks)
        try:
            self._check_space()
            self._files.add(frame)
        except OSError as error:
            raise _refused(self._folder, error) from error
        self._video.add(frame.stamp, picture)
        self.images += 1
        self._tiles.offer(
            lambda: (
                scaled_to_fit(picture, TILE_WIDTH, 2 * TILE_WIDTH),
                self._caption(frame, seconds),
            )
        )
        self._scores.offer(lambda: scores(frame, seconds))

    def finish(self) -> list[Path]:
        """
        Complete all files, each even if another one fails.

        :returns: their paths; without video, sheet and plot if no image was recorded.
        :raises RecordingError: a file cannot be completed.
        """
        paths: list[Path] = []
        with ExitStack() as steps:  # runs all of them, last to first, even if one raises
            for complete in (
                self._finish_plot,
                self._finish_sheet,
                self._video.finish,
                self._files.finish,
            ):
                steps.callback(self._finish_part, complete, paths)
        return paths

    def _finish_part(self, complete: Callable[[], list[Path]], paths: list[Path]) -> None:
        try:
            paths += complete()
        except OSError as error:
            raise _refused(self._folder, error) from error

    def _finish_sheet(self) -> list[Path]:
        tiles = self._tiles.selection(SHEET_PICTURES)
        if not tiles:
            return []
        sheet = contact_sheet([tile for tile, _ in tiles], [caption for _, caption in tiles])
        path = self._folder / CONTACT_SHEET
        written, encoded = cv2.imencode('.png', sheet)
        if not written:
            raise RecordingError(f'the contact sheet {str(path)!r} cannot be encoded')
        return _completed(path, lambda: path.write_bytes(encoded.tobytes()))

    def _finish_plot(self) -> list[Path]:
        if not self._scores.items:
            return []
        path = self._folder / SCORE_PLOT
        return _completed(path, lambda: write_score_plot(path, self._scores.items))

    def _caption(self, frame: RecordedFrame, seconds: float) -> str:
        seen = sum(track.box is not None for track in frame.tracks)
        return f'image {self.images}   {seconds:.2f} s   {seen} of {len(frame.tracks)} seen'

    def _check_space(self) -> None:
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + SPACE_CHECK_PERIOD
        free = shutil.disk_usage(self._folder).free
        if free < self._least_free:
            raise RecordingError(
                f'the disk of {str(self._folder)!r} is full: {free / 1e6:.1f} MB are left, and '
                f'{self._least_free / 1e6:.1f} MB must stay free'
            )


def _completed(path: Path, write: Callable[[], object]) -> list[Path]:
    """Write a file; remove it if that fails."""
    try:
        write()
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return [path]


def _refused(folder: Path, error: OSError) -> RecordingError:
    named = error.filename if error.filename else folder
    return RecordingError(f'{str(named)!r} cannot be written: {error.strerror or error}')
