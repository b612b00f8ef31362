# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of segmenting single images, and of the node that does nothing else."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import Change, declared
from sam_tracker.ros.parameters.image import ImageParameters
from sam_tracker.ros.parameters.network import NetworkParameters


@dataclass(frozen=True)
class SegmentationParameters:
    """How single images are segmented on request."""

    segment_timeout: float = declared(
        60.0,
        'How long `~/segment_image` works on a request before it answers that it could not.',
        change=Change.LIVE,
        minimum=0.1,
        maximum=3600.0,
        unit='s',
    )
    everything_points_per_side: int = declared(
        0,
        'Points along each side of the grid by which everything is looked for; the work grows '
        'with its square. 0: what suits the network, 16 for nano and 32 for the others.',
        change=Change.LIVE,
        minimum=0,
        maximum=256,
    )
    everything_predicted_iou: float = declared(
        -1.0,
        'Predicted IoU, 0 to 1, from which on a mask counts when everything is looked for. '
        'Negative: what suits the network, 0.5 for nano and 0.8 for the others.',
        change=Change.LIVE,
        minimum=-1.0,
        maximum=1.0,
    )
    everything_stability_score: float = declared(
        -1.0,
        'Stability score, 0 to 1, from which on a mask counts when everything is looked for. '
        'Negative: what suits the network, 0.4 for nano and 0.95 for the others.',
        change=Change.LIVE,
        minimum=-1.0,
        maximum=1.0,
    )
    everything_crop_layers: int = declared(
        0,
        'Layers of crops that are searched beside the whole image, for what is small in a large '
        'image; layer l has 4^l crops.',
        change=Change.LIVE,
        minimum=0,
        maximum=4,
    )
    text_model: str = declared(
        '',
        'Folder of a zero-shot object detector of transformers (OWLv2, Grounding DINO), which '
        'finds what a text names. Empty: texts are refused.',
    )
    text_threshold: float = declared(
        0.2,
        'Score above which something answers to a text.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=1.0,
    )


@dataclass(frozen=True)
class SegmenterParameters(SegmentationParameters, ImageParameters, NetworkParameters):
    """Of the segmenter node; each is the tracker node's of the same name."""
