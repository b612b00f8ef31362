# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Masks scored by a text, with tiny CLIP and SigLIP models in folders as published ones lie in.

Their image halves are random. The last layer of the text half is planted, so that the words of
each colour point where the image half sees that colour.
"""

from pathlib import Path

import numpy as np
import torch

from sam_tracker.core.boxes import Region
from sam_tracker.segmentation.mask_candidate import MaskCandidate
from sam_tracker.segmentation.mask_scorer import NEUTRAL, MaskScorer, square_around

from .tiny_detectors import write_clip_tokenizer, write_json

KINDS = ('clip', 'siglip')
SIDE = 32
TOKENS = 40
COLOURS = {'red': (250, 20, 20), 'blue': (20, 20, 250), 'green': (20, 250, 20)}
WIDTH, HEIGHT = 160, 60


def scene():
    """Return an image of three coloured discs on grey, and a candidate for each of them."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    candidates = []
    for index, colour in enumerate(COLOURS.values()):
        mask = np.hypot(columns - 30 - 50 * index, rows - 30) < 15
        image[mask] = colour
        candidates.append(candidate_of(mask))
    return image, candidates


def candidate_of(mask) -> MaskCandidate:
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    region, crop = None, np.zeros((0, 0), np.uint8)
    if len(rows):
        y, x = int(rows[0]), int(columns[0])
        region = Region(x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)
        crop = mask[region.slices].astype(np.uint8) * np.uint8(255)
    return MaskCandidate(
        image_size=(width, height),
        region=region,
        mask_crop=crop,
        predicted_iou=0.9,
        stability_score=0.9,
        logits=None,
    )


def save_model(transformers, kind: str, folder: Path) -> None:
    """Write a model with its tokenizer and preprocessor."""
    name = {'clip': 'CLIP', 'siglip': 'Siglip'}[kind]
    vocabulary = write_clip_tokenizer(folder)
    write_json(
        folder / 'preprocessor_config.json',
        {
            'image_processor_type': f'{name}ImageProcessor',
            'size': {'height': SIDE, 'width': SIDE},
            'crop_size': {'height': SIDE, 'width': SIDE},
            'image_mean': [0.5, 0.5, 0.5],
            'image_std': [0.5, 0.5, 0.5],
        },
    )
    small = {
        'hidden_size': 32,
        'intermediate_size': 32,
        'num_hidden_layers': 1,
        'num_attention_heads': 2,
    }
    text = {
        **small,
        'vocab_size': vocabulary,
        'max_position_embeddings': TOKENS,
        'bos_token_id': vocabulary - 2,
        'eos_token_id': vocabulary - 1,
        'projection_size': 32,
    }
    options = {'projection_dim': 32} if kind == 'clip' else {}
    config = getattr(transformers, f'{name}Config')(
        text_config=text,
        vision_config={**small, 'image_size': SIDE, 'patch_size': 8},
        **options,
    )
    torch.manual_seed(5)
    model = getattr(transformers, f'{name}Model')(config).eval()
    model.save_pretrained(folder)
    with torch.no_grad():
        plant_colours(model, MaskScorer(folder), kind)
        model.logit_scale.fill_(np.log(100.0))
        if kind == 'siglip':
            model.logit_bias.fill_(-20.0)
    model.save_pretrained(folder)


def plant_colours(model, scorer: MaskScorer, kind: str) -> None:
    """Set the last layer of the text half: words of a colour go where the colour is seen."""
    image, candidates = scene()
    seen = image_features(scorer, image, candidates).double()
    # Each direction is at a right angle to what the other two colours look like.
    directions = torch.linalg.pinv(seen).T
    last = model.text_projection if kind == 'clip' else model.text_model.head
    pooled = []
    hook = last.register_forward_hook(lambda _, inputs, __: pooled.append(inputs[0].double()))
    sentences = [f'a photo of a {colour}' for colour in COLOURS]
    wanted = [directions[0], directions[1], directions[2]]
    if kind == 'clip':
        # Green things are nothing that anybody asks for here.
        sentences, wanted = sentences[:2] + list(NEUTRAL), wanted[:2] + [directions[2]] * 3
    with torch.no_grad():
        model.get_text_features(**encoded(scorer, sentences, kind))
    hook.remove()
    (texts,) = pooled
    last.weight.copy_(torch.linalg.lstsq(texts, torch.stack(wanted)).solution.T)
    if last.bias is not None:
        last.bias.zero_()


def encoded(scorer: MaskScorer, sentences: list[str], kind: str):
    tokens = scorer._loaded.tokenizer(
        sentences, padding='max_length', max_length=TOKENS, return_tensors='pt'
    )
    names = ('input_ids', 'attention_mask') if kind == 'clip' else ('input_ids',)
    return {name: tokens[name] for name in names}


def image_features(scorer: MaskScorer, image, candidates):
    """Return unit vectors [N, D] of what the model is shown, one candidate at a time."""
    features = []
    for candidate in candidates:
        square = square_around(image, candidate, SIDE)
        pixels = scorer._loaded.image_processor(images=[square], return_tensors='pt')
        with torch.no_grad():
            found = scorer._loaded.model.get_image_features(**pixels)
        features.append(getattr(found, 'pooler_output', found)[0])
    return torch.nn.functional.normalize(torch.stack(features), dim=-1)
