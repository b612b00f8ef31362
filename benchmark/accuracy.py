# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Accuracy of each way to run a network on a CPU, beside float32 in torch.

    python benchmark/accuracy.py --clips 24
    python benchmark/accuracy.py --clips 0 --recorded FOLDER --ways bfloat16 onnxruntime

Every way that is installed tracks the same sequences from the same first boxes with the default
settings: torch in float32 and bfloat16, and the exported graphs in onnxruntime and OpenVINO, which
are exported first if the folder has none. FOLDER has sequences as ``evaluation real`` finds them,
such as those of OTB, which have boxes and no masks. Printed are the means over the objects, the
mean difference from float32 with its 95 % interval (bootstrap over the objects), and the median
difference.
"""

import argparse
from functools import partial
from pathlib import Path

from graphs import ways_to_run
import numpy as np
import torch

from sam_tracker.evaluation.followers.sam import in_mode
from sam_tracker.evaluation.metrics.spread import paired_difference
from sam_tracker.evaluation.readers.generated_clips import generated
from sam_tracker.evaluation.readers.real import real
from sam_tracker.evaluation.recorded import rows
from sam_tracker.evaluation.run import run
from sam_tracker.evaluation.sequence import Dataset
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.runtime import Runtime

FIGURES = {'overlap': 'box IoU', 'region': 'J'}


def compare(dataset: Dataset, ways: dict[str, tuple[VideoNetwork, Runtime]]) -> None:
    """Print the figures of one set of sequences."""
    followers = {
        way: in_mode('sam_tracker', network, runtime=runtime)
        for way, (network, runtime) in ways.items()
    }
    found: dict[str, dict[str, list[float]]] = {
        way: {figure: [] for figure in FIGURES} for way in ways
    }
    for name in dataset.sequence_names:
        sequence = dataset.open_sequence(name)
        for way, follower in followers.items():
            for row in rows([run(follower, sequence)]):
                for figure, values in found[way].items():
                    values.append(row.figures[figure])
    print(f'{dataset.name}: {len(dataset.sequence_names)} sequences')
    for figure, title in FIGURES.items():
        plain = np.array(found['float32'][figure])
        if np.isnan(plain).all():
            continue
        for way, figures in found.items():
            values = np.array(figures[figure])
            line = f'{title:>8} {way:>17} {np.nanmean(values):.3f}'
            if way != 'float32':
                difference = paired_difference(values, plain)
                line += f'  {difference.value:+.3f} ({difference.low:+.3f} to'
                line += f' {difference.high:+.3f}), median {np.nanmedian(values - plain):+.3f}'
            print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--network', default='mobile', help='with weights: mobile or nano')
    parser.add_argument(
        '--clips', type=int, default=24, help='generated ones, of medium difficulty'
    )
    parser.add_argument('--frames', type=int, default=60, help='of a generated clip')
    parser.add_argument(
        '--recorded', type=Path, metavar='FOLDER', help='as evaluation real has it'
    )
    parser.add_argument('--graphs', type=Path, help='folder (default: out/graphs/NETWORK_SIZE)')
    parser.add_argument('--ways', nargs='+', metavar='WAY', help='beside float32 (default: all)')
    options = parser.parse_args()
    torch.set_num_threads(1)
    ways = ways_to_run(options.network, None, options.graphs)
    if options.ways:
        unknown = set(options.ways) - set(ways)
        if unknown:
            parser.error(f'{", ".join(unknown)}: not one of {", ".join(ways)}')
        ways = {way: ways[way] for way in ('float32', *options.ways)}
    opened = partial(generated, 'box', 'medium', None, options.clips, options.frames, size=192)
    if options.clips:
        compare(opened(), ways)
    if options.recorded:
        compare(real(options.recorded), ways)


if __name__ == '__main__':
    main()
