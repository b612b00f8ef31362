# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of segmenting single images, and of the node that does nothing else."""

from dataclasses import dataclass, field

from sam_tracker.core.run_length import MASK_ENCODINGS, MaskEncoding
from sam_tracker.ros.parameters.camera_node import CameraNodeParameters
from sam_tracker.ros.parameters.declaration import Change, declared
from sam_tracker.segmentation.generator_settings import MOST_LAYERS


@dataclass(frozen=True)
class RequestParameters:
    """What one request to `~/segment_image` may cost."""

    timeout: float = declared(
        60.0,
        'Time after which a request to `~/segment_image` is given up and answered.',
        change=Change.LIVE,
        minimum=0.1,
        maximum=3600.0,
        unit='s',
    )
    maximum_prompts: int = declared(
        256,
        'Prompts in one request; a request with more is refused.',
        change=Change.LIVE,
        minimum=1,
        maximum=65536,
    )
    maximum_megabytes: int = declared(
        64,
        'Size of all masks in one answer, one byte for each pixel of their regions; a request '
        'is given up when its masks exceed it.',
        change=Change.LIVE,
        minimum=1,
        maximum=4096,
        unit='MB',
    )


@dataclass(frozen=True)
class EverythingParameters:
    """How MODE_EVERYTHING of `~/segment_image` finds the objects of an image."""

    points_per_side: int | None = declared(
        None,
        'Points along each side of the grid of points that prompt the network; the work grows '
        'with its square. auto: what suits the network, 16 for nano and 32 for the others.',
        kind=int,
        change=Change.LIVE,
        minimum=1,
        maximum=256,
    )
    predicted_iou: float | None = declared(
        None,
        'Minimum predicted IoU of a mask. auto: what suits the network, 0.5 for nano and 0.8 for '
        'the others.',
        kind=float,
        change=Change.LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    stability_score: float | None = declared(
        None,
        'Minimum stability score of a mask. auto: what suits the network, 0.4 for nano and 0.95 '
        'for the others.',
        kind=float,
        change=Change.LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    crop_layers: int = declared(
        0,
        'Layers of crops that are searched besides the whole image, to find small objects in a '
        'large image; layer l has 4^l crops.',
        change=Change.LIVE,
        minimum=0,
        maximum=MOST_LAYERS,
    )


@dataclass(frozen=True)
class TextParameters:
    """The model that finds what a text names."""

    model: str = declared(
        '',
        'Folder of a model of transformers: a zero-shot detector (OWLv2, OWL-ViT, Grounding '
        'DINO), whose boxes are prompts, or CLIP or SigLIP, which score the masks that '
        'MODE_EVERYTHING finds. Empty: requests with a text are refused.',
    )
    threshold: float = declared(
        0.2,
        'Minimum score of a detection or a mask; what suits depends on the model.',
        change=Change.LIVE,
        minimum=0.0,
        maximum=1.0,
    )


@dataclass(frozen=True)
class MaskParameters:
    """How masks are sent."""

    mask_encoding: MaskEncoding = declared(  # noqa: RUF009  # a field, as of all others
        'bytes',
        'What messages carry for a mask. bytes: one for each pixel of its box, which readers use '
        "as they are; run_lengths: COCO's, a hundredth of that for a large mask, which readers "
        'decode with a helper.',
        choices=MASK_ENCODINGS,
    )


@dataclass(frozen=True)
class SegmentationParameters(MaskParameters):
    """How single images are segmented on request, and how masks are sent."""

    segmentation: RequestParameters = field(default_factory=RequestParameters)
    everything: EverythingParameters = field(default_factory=EverythingParameters)
    text: TextParameters = field(default_factory=TextParameters)


@dataclass(frozen=True)
class SegmenterParameters(SegmentationParameters, CameraNodeParameters):
    """The parameters of the segmenter node; each means what it means to the tracker node."""
