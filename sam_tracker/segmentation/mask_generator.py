# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Everything there is on an image: a grid of points is asked, and the good and different masks stay.

The rules are SAM's (arXiv 2304.02643, appendix B): candidates pass by predicted IoU and by
stability, of those with nearly the same box the best one stays, and small holes and specks go.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
import torch

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Pixels, frame_size
from sam_tracker.core.prompt import POSITIVE
from sam_tracker.networks.api import MaskCandidates
from sam_tracker.networks.mask_images import mask_boxes, tightened
from sam_tracker.networks.masks import input_logits
from sam_tracker.segmentation.generator_settings import MaskGeneratorSettings
from sam_tracker.segmentation.image_crops import ImageCrop, image_crops, point_grid
from sam_tracker.segmentation.image_segmenter import (
    LARGEST_BATCH,
    EncodedImage,
    ImageSegmenter,
    mask_candidates,
)
from sam_tracker.segmentation.mask_candidate import MaskCandidate
from sam_tracker.segmentation.mask_filters import (
    Boxes,
    distinct,
    mended,
    near_inner_edge,
    stability_scores,
)

__all__ = ['GenerationProgress', 'MaskGenerator', 'MaskGeneratorSettings']

MASK_CELL = 4
"""Network pixels, to each side, for which the decoder says one logit."""


@dataclass(frozen=True)
class GenerationProgress:
    """How far the search has come."""

    points_done: int
    """Points that have been asked."""
    points: int
    """Points to ask in all, on all crops."""
    crops_done: int
    """Crops that are finished."""
    crops: int
    """Crops to look at, the whole image among them."""
    found: int
    """Masks of finished crops, and those of the present one as they are made."""


@dataclass(frozen=True, eq=False)
class Promising:
    """N candidates that passed on one crop: not their masks, but how to get them again."""

    points: NDArray[np.int64]
    """[N], index of the point in the grid."""
    choices: NDArray[np.int64]
    """[N], which of the three candidates of that point."""
    predicted_iou: NDArray[np.float64]
    """[N]."""
    boxes: Boxes
    """[N, 4] in pixels of the crop, to a network pixel."""

    def taken(self, chosen: NDArray[np.int64]) -> Promising:
        """Return those of the given indices, in that order."""
        return Promising(
            self.points[chosen],
            self.choices[chosen],
            self.predicted_iou[chosen],
            self.boxes[chosen],
        )


class MaskGenerator:
    """
    Finds all objects of an image.

    Masks are as large as the image, so none is kept before it is known to stay. While the grid is
    asked, only boxes and scores are; those points whose masks survive are then asked again, which
    costs a few batches more and makes memory independent of the number of points.
    """

    def __init__(
        self, segmenter: ImageSegmenter, settings: MaskGeneratorSettings | None = None
    ) -> None:
        """
        Take a segmenter to ask.

        :param settings: what suits the segmenter's network where left out.
        """
        self.segmenter = segmenter
        self.settings = settings or MaskGeneratorSettings.for_network(
            segmenter.network.suited_settings
        )

    def generate(
        self, image: Pixels, progress: Callable[[GenerationProgress], None] | None = None
    ) -> list[MaskCandidate]:
        """Run ``steps`` to the end, telling ``progress`` after each how far it is."""
        steps = self.steps(image)
        while True:
            try:
                reached = next(steps)
            except StopIteration as end:
                return list(end.value)
            if progress is not None:
                progress(reached)

    def steps(self, image: Pixels) -> Generator[GenerationProgress, None, list[MaskCandidate]]:
        """
        Search in slices: each ``next`` encodes one crop, or asks one batch of points.

        The result, what the generator returns, is the masks best first. It may be abandoned at
        any yield, and lets go of everything then; other work may use the network between slices.

        :param image: RGB, uint8 [H, W, 3]; not to be changed before the end.

        Raises ``FrameError`` at once when it is no such image.
        """
        return self._steps(image, *frame_size(image))

    def _steps(
        self, image: Pixels, width: int, height: int
    ) -> Generator[GenerationProgress, None, list[MaskCandidate]]:
        settings = self.settings
        crops = image_crops(width, height, settings.crop_layers, settings.crop_overlap)
        points = sum(settings.points_of_layer(crop.layer) ** 2 for crop in crops)
        progress = GenerationProgress(0, points, 0, len(crops), 0)
        found: list[tuple[int, MaskCandidate]] = []
        for number, crop in enumerate(crops):
            encoded = self.segmenter.encode(image[crop.region.slices])
            yield progress
            grid = point_grid(
                crop.region.width, crop.region.height, settings.points_of_layer(crop.layer)
            )
            passed = []
            for start in range(0, len(grid), settings.points_per_batch):
                batch = slice(start, start + settings.points_per_batch)
                passed.append(self._promising(encoded, grid, batch, crop, (width, height)))
                done = progress.points_done + len(grid[batch])
                progress = replace(progress, points_done=done)
                yield progress
            best = self._best(passed)
            # Their points are asked again, so there may not be more masks than points at once.
            at_once = min(settings.masks_per_batch, settings.points_per_batch)
            for start in range(0, len(best.points), at_once):
                part = best.taken(np.arange(len(best.points))[start:][:at_once])
                made = self._masks(encoded, grid, part, crop, (width, height))
                found += [(crop.layer, candidate) for candidate in made]
                progress = replace(progress, found=len(found))
                yield progress
            progress = replace(progress, crops_done=number + 1)
        return _without_duplicates(found, settings)

    def _promising(
        self,
        encoded: EncodedImage,
        grid: NDArray[np.float64],
        batch: slice,
        crop: ImageCrop,
        size: tuple[int, int],
    ) -> Promising:
        """Ask one batch of points, and measure which of their candidates pass."""
        settings, scale = self.settings, encoded.scale
        decoded = self._ask(encoded, grid[batch])
        with torch.inference_mode():
            predicted = decoded.predicted_iou.float().flatten()
            good = torch.nonzero(predicted >= settings.predicted_iou)[:, 0]
            logits = decoded.mask_logits.flatten(0, 1)[good]
            measured = [
                _measured(part, scale, settings.stability_offset)
                for part in logits.split(LARGEST_BATCH)
            ]
            numbers = torch.cat(
                (torch.stack((good.float(), predicted[good]), dim=1), torch.cat(measured)), dim=1
            )
            known = numbers.cpu().numpy().astype(np.float64)
        index, predicted_iou, stability, peak = known[:, :4].T
        boxes = _boxes_to_image(known[:, 4:], scale)
        region = crop.region
        passed = (peak > 0) & (stability >= settings.stability_score)
        passed &= ~near_inner_edge(
            boxes + np.array([region.x, region.y, region.x, region.y]),
            region,
            *size,
            reach=MASK_CELL * scale.pixel,
        )
        point, choice = np.divmod(index.astype(np.int64), decoded.predicted_iou.shape[1])
        everything = Promising(point + batch.start, choice, predicted_iou, boxes)
        return everything.taken(np.flatnonzero(passed))

    def _best(self, passed: Sequence[Promising]) -> Promising:
        """Return what stays of one crop's candidates, best first."""
        joined = Promising(
            np.concatenate([part.points for part in passed]),
            np.concatenate([part.choices for part in passed]),
            np.concatenate([part.predicted_iou for part in passed]),
            np.concatenate([part.boxes for part in passed]),
        )
        ranked = joined.taken(np.argsort(-joined.predicted_iou, kind='stable'))
        return ranked.taken(
            distinct(ranked.boxes, self.settings.box_overlap, self.settings.maximum_masks)
        )

    def _masks(
        self,
        encoded: EncodedImage,
        grid: NDArray[np.float64],
        wanted: Promising,
        crop: ImageCrop,
        size: tuple[int, int],
    ) -> list[MaskCandidate]:
        """Ask for one batch of candidates again, and bring their masks to the image."""
        points, rows = np.unique(wanted.points, return_inverse=True)
        decoded = self._ask(encoded, grid[points])
        with torch.inference_mode():
            chosen = rows, wanted.choices
            candidates = mask_candidates(
                decoded.mask_logits[chosen],
                decoded.predicted_iou[chosen],
                encoded.scale,
                self.settings.stability_offset,
            )
        placed = [
            self._placed(candidate, grid[point], crop.region, size, whole=crop.layer == 0)
            for candidate, point in zip(candidates, wanted.points, strict=True)
        ]
        return [candidate for candidate in placed if candidate.region is not None]

    def _placed(
        self,
        candidate: MaskCandidate,
        point: NDArray[np.float64],
        crop: Region,
        size: tuple[int, int],
        whole: bool,
    ) -> MaskCandidate:
        """Mend a candidate of a crop and say it in pixels of the image."""
        region, mask = candidate.region, candidate.mask_crop
        if region is not None:
            mask = mended(mask, self.settings.minimum_area)
            inside = Region(crop.x + region.x, crop.y + region.y, region.width, region.height)
            region, mask = tightened(inside, mask)
        return replace(
            candidate,
            image_size=size,
            region=region,
            mask_crop=mask,
            point=(float(point[0]) + crop.x, float(point[1]) + crop.y),
            logits=candidate.logits if whole else None,
        )

    def _ask(self, encoded: EncodedImage, points: NDArray[np.float64]) -> MaskCandidates:
        """Decode the candidates of points [N, 2], each for itself."""
        network_points = encoded.scale.points_to_network(points)[:, None]
        labels = np.full((len(points), 1), POSITIVE)
        return self.segmenter.decode(encoded, network_points, labels, None, several=True)


def _measured(mask_logits: torch.Tensor, scale: ImageScale, offset: float) -> torch.Tensor:
    """[N, s, s] to [N, 6]: stability, greatest logit, and box, at the network's input size."""
    full = input_logits(mask_logits[:, None], scale)[:, 0]
    return torch.cat(
        (
            stability_scores(full, offset)[:, None],
            full.amax((-2, -1))[:, None],
            mask_boxes(full),
        ),
        dim=1,
    )


def _boxes_to_image(boxes: NDArray[np.float64], scale: ImageScale) -> Boxes:
    """[N, 4] inclusive network pixels to [N, 4] half open pixels of the image."""
    corners = boxes.reshape(-1, 2, 2) + np.array([[0.0], [1.0]])
    return (corners * scale.pixel).reshape(-1, 4)


def _without_duplicates(
    found: Sequence[tuple[int, MaskCandidate]], settings: MaskGeneratorSettings
) -> list[MaskCandidate]:
    """
    Drop what several crops found, and masks that mending has made alike; sort the rest.

    :param found: candidates that are not empty, with the layer of the crop that each is from.
        Smaller crops have seen things larger, so their masks are kept first.
    """
    ranked = sorted(found, key=lambda one: (-one[0], -one[1].predicted_iou))
    boxes = np.array([_box(candidate) for _, candidate in ranked]).reshape(-1, 4)
    kept = [ranked[index][1] for index in distinct(boxes, settings.box_overlap)]
    kept.sort(key=lambda candidate: -candidate.predicted_iou)
    return kept[: settings.maximum_masks]


def _box(candidate: MaskCandidate) -> NDArray[np.float64]:
    assert candidate.box is not None
    return candidate.box
