# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Detectors of each architecture with few random weights, as published ones lie in folders."""

import json
from pathlib import Path

import numpy as np
import torch

OWL = ('owlv2', 'owlvit')
DINO = 'grounding-dino'
GRID = 6
PATCH = 8
WORDS_READ_BY_OWL = 8
TOKENS_READ_BY_DINO = 16
QUERIES_OF_DINO = 32


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def write_clip_tokenizer(folder: Path) -> int:
    """Write a tokenizer of single letters and return the size of its vocabulary."""
    letters = [chr(code) for code in range(ord('!'), ord('~') + 1)]
    tokens = [*letters, *(f'{letter}</w>' for letter in letters), 're', 'red</w>']
    tokens += ['<|startoftext|>', '<|endoftext|>']
    write_json(folder / 'vocab.json', {token: index for index, token in enumerate(tokens)})
    (folder / 'merges.txt').write_text('#version: 0.2\nr e\nre d</w>\n')
    special = {'bos_token': '<|startoftext|>', 'eos_token': '<|endoftext|>'}
    special |= {'unk_token': '<|endoftext|>', 'pad_token': '!'}
    write_json(folder / 'tokenizer_config.json', {'tokenizer_class': 'CLIPTokenizer', **special})
    return len(tokens)


def write_bert_tokenizer(folder: Path) -> int:
    """Write a tokenizer of a few words; the model knows some tokens by BERT's numbers."""
    tokens = [f'[unused{index}]' for index in range(1030)]
    tokens[0], tokens[100], tokens[101], tokens[102] = '[PAD]', '[UNK]', '[CLS]', '[SEP]'
    tokens[1012], tokens[1029] = '.', '?'
    tokens += ['the', 'red', 'mug', 'screw', '##driver', 'a', 'b', 'c']
    (folder / 'vocab.txt').write_text('\n'.join(tokens))
    write_json(
        folder / 'tokenizer_config.json',
        {'tokenizer_class': 'BertTokenizer', 'do_lower_case': True},
    )
    return len(tokens)


def owl_model(transformers, architecture: str, folder: Path):
    name = {'owlv2': 'Owlv2', 'owlvit': 'OwlViT'}[architecture]
    vocabulary = write_clip_tokenizer(folder)
    side = GRID * PATCH
    write_json(
        folder / 'preprocessor_config.json',
        {
            'image_processor_type': f'{name}ImageProcessor',
            'processor_class': f'{name}Processor',
            'size': {'height': side, 'width': side},
            'do_resize': True,
            'do_rescale': True,
            'do_normalize': True,
            'do_center_crop': False,
        },
    )
    small = {
        'hidden_size': 16,
        'intermediate_size': 16,
        'num_hidden_layers': 1,
        'num_attention_heads': 2,
    }
    config = getattr(transformers, f'{name}Config')(
        text_config={
            **small,
            'vocab_size': vocabulary,
            'max_position_embeddings': WORDS_READ_BY_OWL,
            'bos_token_id': vocabulary - 2,
            'eos_token_id': vocabulary - 1,
        },
        vision_config={**small, 'image_size': side, 'patch_size': PATCH},
        projection_dim=16,
    )
    model = getattr(transformers, f'{name}ForObjectDetection')(config)
    # A score between zero and one, and a large box, for each patch.
    with torch.no_grad():
        for module in (model.class_head.logit_shift, model.class_head.logit_scale):
            module.weight.zero_()
        model.box_head.dense2.weight.zero_()
        model.box_head.dense2.bias[2:] = 2.0
    return model


def dino_model(transformers, folder: Path):
    vocabulary = write_bert_tokenizer(folder)
    write_json(
        folder / 'preprocessor_config.json',
        {
            'image_processor_type': 'GroundingDinoImageProcessor',
            'processor_class': 'GroundingDinoProcessor',
            'size': {'shortest_edge': 64, 'longest_edge': 128},
        },
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(
            image_size=64,
            embed_dim=8,
            depths=[1, 1],
            num_heads=[1, 1],
            window_size=4,
            out_features=['stage2'],
        ),
        text_config=transformers.BertConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=64,
        ),
        num_queries=QUERIES_OF_DINO,
        num_feature_levels=1,
        d_model=32,
        encoder_layers=1,
        encoder_ffn_dim=16,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_ffn_dim=16,
        decoder_attention_heads=4,
        max_text_len=TOKENS_READ_BY_DINO,
    )
    return transformers.GroundingDinoForObjectDetection(config)


def noise(width: int = 90, height: int = 60) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
