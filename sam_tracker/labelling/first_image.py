# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts for the objects that are found on the first image of a recording."""

from pathlib import Path

from sam_tracker.core.object_ids import LARGEST_ID
from sam_tracker.core.prompt import Prompt, checked_label
from sam_tracker.labelling.prompts import ObjectPrompts, Prompts
from sam_tracker.labelling.recording import LabellingError, Recording
from sam_tracker.networks.api import VideoNetwork


def named_objects(
    recording: Recording, text: str, model: Path, threshold: float, device: str
) -> Prompts:
    """Return a box for each object of the first image that a text names."""
    from sam_tracker.segmentation.text_grounder import TextGrounder

    (first,) = recording.read(0, 1)
    found = TextGrounder(model, device).ground(first, text, threshold=threshold)
    if not found:
        raise LabellingError(f'{text!r} is not found on the first image')
    return {
        object_id: ObjectPrompts(checked_label(each.label)).added(0, Prompt(box=each.box))
        for object_id, each in enumerate(found[:LARGEST_ID], 1)
    }


def all_objects(recording: Recording, network: VideoNetwork) -> Prompts:
    """Return a mask prompt for each object that is found on the first image."""
    from sam_tracker.segmentation.image_segmenter import ImageSegmenter
    from sam_tracker.segmentation.mask_generator import MaskGenerator

    (first,) = recording.read(0, 1)
    candidates = MaskGenerator(ImageSegmenter(network)).generate(first)
    if not candidates:
        raise LabellingError('no object is found on the first image')
    return {
        object_id: ObjectPrompts().added(0, Prompt(mask=candidate.mask))
        for object_id, candidate in enumerate(candidates[:LARGEST_ID], 1)
    }
