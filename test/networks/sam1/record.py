# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Record what the published SAM answers, with ViT-B in full on a quarter of its input.

PyPI's ``segment-anything`` needs ``torchvision``, which this package does not::

    python3 -m venv sam && sam/bin/pip install segment-anything==1.0 torch torchvision
    sam/bin/python test/networks/sam1/record.py test/data/sam1/reference.npz

Its weights are random, made by ``seeded_weights``; nothing is downloaded.
"""

from functools import partial
import importlib.metadata
import json
from pathlib import Path
import sys
from unittest import mock

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from networks.sam1 import scene
from networks.seeded_weights import seeded_weights
from networks.torchvision_operators import name_operators

PACKAGES = ('segment-anything', 'torchvision', 'torch', 'numpy')
SEED = 2


def main(path: Path) -> None:
    torch.set_num_threads(1)
    name_operators()
    with torch.inference_mode():
        answers = record(build())
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    np.savez_compressed(path, versions=json.dumps(versions), seed=SEED, **answers)
    print(f'{path}: {path.stat().st_size} bytes, {versions}')  # noqa: T201


def build():
    """Build ``build_sam_vit_b`` for a smaller input, which that function has no word for."""
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    side = scene.SIZE // 16
    network = Sam(
        image_encoder=ImageEncoderViT(
            img_size=scene.SIZE,
            embed_dim=768,
            depth=12,
            num_heads=12,
            global_attn_indexes=(2, 5, 8, 11),
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=14,
        ),
        prompt_encoder=PromptEncoder(256, (side, side), (scene.SIZE, scene.SIZE), 16),
        mask_decoder=MaskDecoder(
            transformer_dim=256, transformer=TwoWayTransformer(2, 256, 8, 2048)
        ),
    ).eval()
    state = network.state_dict()
    weights = seeded_weights({name: value.shape for name, value in state.items()}, SEED)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network


def record(network) -> dict[str, np.ndarray]:
    from segment_anything import SamPredictor

    predictor = SamPredictor(network)
    predictor.set_image(scene.image())
    answers = {'embedding': predictor.features[0, ::4].numpy()}
    for name, question in scene.QUESTIONS.items():
        for several in (False, True):
            masks, scores, logits = predictor.predict(
                np.array(question.points) if question.points else None,
                np.array(question.labels) if question.labels else None,
                None if question.box is None else np.array(question.box),
                scene.mask_logits()[None] if question.mask else None,
                multimask_output=several,
                return_logits=True,
            )
            key = f'{name}, several' if several else name
            answers[f'{key}: image logits'] = masks[:, ::5, ::5]
            answers[f'{key}: scores'] = scores
            answers[f'{key}: logits'] = logits[:, ::2, ::2]
    return answers | everything(network)


def suppressed(boxes, scores, categories, iou_threshold) -> torch.Tensor:
    """Stand in for torchvision's ``batched_nms``, which is compiled, for a single category."""
    assert not categories.any()
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    kept: list[int] = []
    for index in scores.argsort(descending=True).tolist():
        low = torch.maximum(boxes[kept, :2], boxes[index, :2])
        high = torch.minimum(boxes[kept, 2:], boxes[index, 2:])
        shared = (high - low).clamp(min=0).prod(1)
        if not (shared / (area[kept] + area[index] - shared) > iou_threshold).any():
            kept.append(index)
    return torch.tensor(kept)


def everything(network) -> dict[str, np.ndarray]:
    from segment_anything import SamAutomaticMaskGenerator
    from segment_anything.utils.amg import build_point_grid

    image = scene.image_of_the_input_size()
    per_side = scene.GENERATOR['points_per_side']
    # SAM takes the middle of a pixel for a whole number, and its grid does not: by half a pixel
    # its points lie elsewhere than they say. Here they lie where this package puts them.
    pixel = np.array([1 / image.shape[1], 1 / image.shape[0]])
    generator = SamAutomaticMaskGenerator(
        network,
        points_per_side=None,
        point_grids=[build_point_grid(per_side) - pixel / 2],
        pred_iou_thresh=scene.GENERATOR['predicted_iou'],
        stability_score_thresh=scene.GENERATOR['stability_score'],
        box_nms_thresh=scene.GENERATOR['box_overlap'],
    )
    with mock.patch('segment_anything.automatic_mask_generator.batched_nms', suppressed):
        found = generator.generate(image)
    found.sort(key=lambda one: one['predicted_iou'], reverse=True)
    print(f'{len(found)} masks of everything')  # noqa: T201
    return {
        'everything: masks': np.packbits([one['segmentation'] for one in found], axis=-1),
        'everything: scores': np.array([one['predicted_iou'] for one in found]),
        'everything: stability': np.array([one['stability_score'] for one in found]),
    }


if __name__ == '__main__':
    main(Path(sys.argv[1]))
