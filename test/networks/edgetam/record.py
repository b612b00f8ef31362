# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Record what the published EdgeTAM answers, for networks that cannot run beside this package's.

PyPI's ``edgetam-dimos`` claims the package name ``sam2``, as Meta's SAM 2 does, so it needs an
environment of its own::

    python3 -m venv edgetam && edgetam/bin/pip install edgetam-dimos==1.0.1 timm torch torchvision
    edgetam/bin/python test/networks/edgetam/record.py test/data/edgetam/reference.npz

Its weights are random, made by ``seeded_weights``; nothing is downloaded.
"""

import importlib.metadata
import json
from pathlib import Path
import sys
from unittest import mock

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from networks.edgetam import scene
from networks.seeded_weights import seeded_weights
from networks.torchvision_operators import name_operators

PACKAGES = ('edgetam-dimos', 'timm', 'torch', 'numpy')
SEED = 1


def main(path: Path) -> None:
    torch.set_num_threads(1)
    with torch.inference_mode():
        answers = {**modules(), **clip()}
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    np.savez_compressed(path, versions=json.dumps(versions), seed=SEED, **answers)
    print(f'{path}: {path.stat().st_size} bytes, {versions}')  # noqa: T201


def build(size: int):
    """Build the reference with seeded weights, for images of a size."""
    name_operators()
    import timm.models

    create = timm.models.create_model

    def untrained(*arguments, **settings):
        return create(*arguments, **settings | {'pretrained': False})

    with mock.patch('timm.models.create_model', untrained):
        from sam2.build_sam import build_sam2_video_predictor

        network = build_sam2_video_predictor(
            'configs/edgetam.yaml',
            device='cpu',
            hydra_overrides_extra=[
                f'++model.image_size={size}',
                f'++model.memory_attention.layer.cross_attention.q_sizes={[size // 16] * 2}',
            ],
        )
    state = network.state_dict()
    weights = seeded_weights({name: value.shape for name, value in state.items()}, SEED)
    network.load_state_dict(state | {k: torch.from_numpy(v) for k, v in weights.items()})
    network.fill_hole_area = 0
    return network


def modules() -> dict[str, np.ndarray]:
    size = scene.MODULE_SIZE
    side = size // 16
    network = build(size)
    images = torch.from_numpy(scene.noise(1, 3, size, size, seed=1))
    stages = network.image_encoder.trunk(images)
    fpn = network.forward_image(images)['backbone_fpn']

    memory = torch.from_numpy(scene.noise(1, 64, side, side, seed=2))
    position = network.memory_encoder.position_encoding(memory)
    latents, latent_position = network.spatial_perceiver(memory, position)

    spatial = torch.from_numpy(scene.noise(3, 512, 64, seed=3))
    pointers = torch.from_numpy(scene.noise(2, 256, seed=4))
    slots = [6, 0, 3]
    recency = network.maskmem_tpos_enc.flatten(1)
    tokens = torch.cat((spatial.flatten(0, 1), pointers.reshape(-1, 64)))[:, None]
    positions = torch.cat([latent_position[0] + recency[slot] for slot in slots])
    positions = torch.cat((positions, torch.zeros(8, 64)))[:, None]
    grid = network.image_encoder.neck.position_encoding(fpn[-1])
    attended = network.memory_attention(
        curr=[fpn[-1].flatten(2).permute(2, 0, 1)],
        curr_pos=[grid.flatten(2).permute(2, 0, 1)],
        memory=tokens,
        memory_pos=positions,
        num_obj_ptr_tokens=8,
        num_spatial_mem=3,
    )

    logits = torch.from_numpy(5 * scene.noise(1, 1, size, size, seed=5))
    encoded, _ = network._encode_new_memory(
        [fpn[-1].flatten(2).permute(2, 0, 1)],
        [(side, side)],
        logits,
        torch.tensor([[-3.0]]),
        is_mask_from_pts=False,
    )
    answers = {f'stage_{n}': stage[0, ::6, ::4, ::4] for n, stage in enumerate(stages)}
    return {
        name: value.numpy()
        for name, value in {
            **answers,
            'embedding': fpn[2][0, ::4, ::2, ::2],
            'middle': fpn[1][0, ::4, ::4, ::4],
            'fine': fpn[0][0, ::4, ::8, ::8],
            'perceived': latents[0, ::2],
            'attended': attended[::4, 0, ::2],
            'encoded': encoded[0, ::2],
        }.items()
    }


class ReferenceClip:
    """One object in a clip, tracked by the reference."""

    def __init__(self, network, frames) -> None:
        size = scene.CLIP_SIZE
        self.network = network
        with mock.patch(
            'sam2.sam2_video_predictor.load_video_frames', lambda **_: (frames, size, size)
        ):
            self.state = network.init_state('')

    def prompt(self, command: scene.Command) -> None:
        if command.mask is not None:
            mask = torch.from_numpy(scene.mask_image(command))
            self.network.add_new_mask(self.state, command.frame, 0, mask)
        else:
            self.network.add_new_points_or_box(
                self.state,
                command.frame,
                0,
                torch.tensor(command.points),
                torch.tensor(command.labels, dtype=torch.int32),
            )

    def track(self, first: int, last: int) -> None:
        list(self.network.propagate_in_video(self.state, first, last - first))

    def outputs(self):
        outputs = self.state['output_dict']
        return outputs['cond_frame_outputs'] | outputs['non_cond_frame_outputs']


def track(network, frames, name: str):
    """Track one object through the clip, with all that is said of it."""
    reference = ReferenceClip(network, frames)
    first, *later = [command for command in scene.COMMANDS if command.name == name]
    reference.prompt(first)
    begin = first.frame
    for command in later:
        reference.track(begin, command.frame)
        reference.prompt(command)
        begin = command.frame
    reference.track(begin, scene.FRAMES - 1)
    return reference.outputs()


def clip() -> dict[str, np.ndarray]:
    network = build(scene.CLIP_SIZE)
    frames = [torch.from_numpy(frame) for frame in scene.moving_blobs()]
    bias = network.sam_mask_decoder.pred_obj_score_head.layers[2].bias
    answers = {}
    for group, absent in ((scene.PRESENT, False), (scene.COMING_AND_GOING, True)):
        tracked = [track(network, frames, name) for name in group]
        if absent:
            shift = in_a_gap([o for outputs in tracked for o in outputs.values()])
        else:
            shift = 0.3 - min(outputs[0]['object_score_logits'].min() for outputs in tracked)
        bias += shift
        for name in group:
            outputs = track(network, frames, name)
            answers |= {f'{name}_{key}': value for key, value in recorded(outputs).items()}
            answers[f'{name}_shift'] = shift.numpy()
        bias -= shift
    return answers


def in_a_gap(outputs) -> torch.Tensor:
    """Return by what to shift object logits, so that some are below 0 and none is near it."""
    logits = torch.cat([output['object_score_logits'][:, 0] for output in outputs]).sort().values
    lower = logits[len(logits) // 8 : len(logits) // 2]
    gap = lower.diff().argmax()
    return -lower[gap : gap + 2].mean()


def recorded(outputs) -> dict[str, np.ndarray]:
    ordered = [outputs[frame] for frame in sorted(outputs)]
    return {
        'frames': np.array(sorted(outputs)),
        'logits': torch.cat([o['pred_masks'][:, 0, ::2, ::2] for o in ordered]).numpy(),
        'pointer': torch.cat([o['obj_ptr'] for o in ordered]).numpy(),
        'presence': torch.cat([o['object_score_logits'][:, 0] for o in ordered]).numpy(),
    }


if __name__ == '__main__':
    main(Path(sys.argv[1]))
