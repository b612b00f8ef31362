# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Automatic mask generation: find all objects of an image by a grid of prompt points.

The rules are SAM's (arXiv 2304.02643, appendix B): candidates are filtered by predicted IoU and
stability, duplicates are removed by non-maximum suppression of their boxes, and small holes and
regions are removed.
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
from sam_tracker.networks.batching import LARGEST_BATCH
from sam_tracker.networks.mask_images import mask_boxes, tightened
from sam_tracker.networks.masks import input_logits
from sam_tracker.segmentation.generator_settings import MaskGeneratorSettings
from sam_tracker.segmentation.image_crops import ImageCrop, image_crops, point_grid
from sam_tracker.segmentation.image_segmenter import (
    EncodedImage,
    ImageSegmenter,
    mask_candidates,
)
from sam_tracker.segmentation.mask_candidate import MaskCandidate
from sam_tracker.segmentation.mask_filters import (
    Boxes,
    distinct,
    near_inner_edge,
    stability_scores,
    without_small_parts,
)

__all__ = ['GenerationProgress', 'MaskGenerator', 'MaskGeneratorSettings']

MASK_CELL = 4
"""Stride of the decoder's mask logits, in network pixels."""


@dataclass(frozen=True)
class GenerationProgress:
    """Progress of a search."""

    points_done: int
    """Points decoded so far."""
    points: int
    """Points of all crops."""
    crops: int
    """All crops, including the whole image."""
    found: int
    """Masks found so far, in finished crops and in the present one."""


@dataclass(frozen=True, eq=False)
class Promising:
    """N candidates of one crop that passed the filters, without masks: see ``MaskGenerator``."""

    points: NDArray[np.int64]
    """[N], index of the point in the grid."""
    choices: NDArray[np.int64]
    """[N], which of the three candidates of that point."""
    predicted_iou: NDArray[np.float64]
    """[N]."""
    boxes: Boxes
    """[N, 4] in pixels of the crop, exact to one network pixel."""

    def taken(self, chosen: NDArray[np.int64]) -> Promising:
        """Return the candidates with the given indices, in that order."""
        return Promising(
            self.points[chosen],
            self.choices[chosen],
            self.predicted_iou[chosen],
            self.boxes[chosen],
        )


class MaskGenerator:
    """
    Finds all objects of an image.

    In a first pass over the grid only boxes and scores are stored. The points of the selected
    candidates are then decoded again for their masks, which are as large as the image. This costs
    a few batches, and memory does not depend on the number of points.
    """

    def __init__(
        self, segmenter: ImageSegmenter, settings: MaskGeneratorSettings | None = None
    ) -> None:
        """
        Store segmenter and settings.

        :param settings: None: those that suit the segmenter's network.
        """
        self.segmenter = segmenter
        self.settings = settings or MaskGeneratorSettings.for_network(
            segmenter.network.suited_settings
        )

    def generate(
        self, image: Pixels, progress: Callable[[GenerationProgress], None] | None = None
    ) -> list[MaskCandidate]:
        """
        Run ``steps`` to the end.

        :param image: RGB, uint8 [H, W, 3].
        :param progress: called after each step.
        :returns: the masks, best first.
        :raises FrameError: shape or type of the image is wrong.
        """
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
        Search in slices: each ``next`` encodes one crop or decodes one batch of points.

        The generator may be closed at any yield. Other work may use the network between slices.

        :param image: RGB, uint8 [H, W, 3]; must not be modified before the end.
        :returns: a generator that returns the masks, best first.
        :raises FrameError: shape or type of the image is wrong; raised by this call.
        """
        return self._steps(image, *frame_size(image))

    def _steps(
        self, image: Pixels, width: int, height: int
    ) -> Generator[GenerationProgress, None, list[MaskCandidate]]:
        settings = self.settings
        crops = image_crops(width, height, settings.crop_layers, settings.crop_overlap)
        points = sum(settings.points_of_layer(crop.layer) ** 2 for crop in crops)
        progress = GenerationProgress(0, points, len(crops), 0)
        found: list[tuple[int, MaskCandidate]] = []
        for crop in crops:
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
            # Each mask needs its point to be decoded again, so ``points_per_batch`` applies too.
            at_once = min(settings.masks_per_batch, settings.points_per_batch)
            for start in range(0, len(best.points), at_once):
                part = best.taken(np.arange(len(best.points))[start:][:at_once])
                made = self._masks(encoded, grid, part, crop, (width, height))
                found += [(crop.layer, candidate) for candidate in made]
                progress = replace(progress, found=len(found))
                yield progress
        return _without_duplicates(found, settings)

    def _promising(
        self,
        encoded: EncodedImage,
        grid: NDArray[np.float64],
        batch: slice,
        crop: ImageCrop,
        size: tuple[int, int],
    ) -> Promising:
        """Decode one batch of points and return the candidates that pass the filters."""
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
        """Select from the candidates of one crop, best first."""
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
        """Decode one batch of candidates again, and resize their masks to the image."""
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
        """Remove small holes and regions of a candidate, and convert it to image coordinates."""
        region, mask = candidate.region, candidate.mask_crop
        if region is not None:
            mask = without_small_parts(mask, self.settings.minimum_area)
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
        """Decode the candidates of points [N, 2], each a prompt of its own."""
        network_points = encoded.scale.points_to_network(points)[:, None]
        labels = np.full((len(points), 1), POSITIVE)
        return self.segmenter.decode(encoded, network_points, labels, None, several=True)


def _measured(mask_logits: torch.Tensor, scale: ImageScale, offset: float) -> torch.Tensor:
    """Return [N, 6] for [N, s, s]: stability, greatest logit, and box, at network input size."""
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
    """Convert [N, 4] from inclusive network pixels to half open pixels of the image."""
    corners = boxes.reshape(-1, 2, 2) + np.array([[0.0], [1.0]])
    return (corners * scale.pixel).reshape(-1, 4)


def _without_duplicates(
    found: Sequence[tuple[int, MaskCandidate]], settings: MaskGeneratorSettings
) -> list[MaskCandidate]:
    """
    Remove duplicates across crops, and those that the removal of small regions has made; sort.

    :param found: non-empty candidates, each with the layer of its crop. Masks of smaller crops
        take precedence, because they have a higher resolution.
    """
    ranked = sorted(found, key=lambda one: (-one[0], -one[1].predicted_iou))
    boxes = np.array([_box(candidate) for _, candidate in ranked]).reshape(-1, 4)
    kept = [ranked[index][1] for index in distinct(boxes, settings.box_overlap)]
    kept.sort(key=lambda candidate: -candidate.predicted_iou)
    return kept[: settings.maximum_masks]


def _box(candidate: MaskCandidate) -> NDArray[np.float64]:
    assert candidate.box is not None
    return candidate.box
