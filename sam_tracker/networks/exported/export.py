# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the calls of a network as ONNX files, and compares each with the network."""

from collections.abc import Iterator
from dataclasses import dataclass
import logging
from pathlib import Path
import warnings

import torch

from sam_tracker.networks.exported.graphs import Graph, graphs_of
from sam_tracker.networks.exported.manifest import FILE_NAME, GraphError, Manifest
from sam_tracker.networks.exported.session import GraphSession
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.sam2.network import Sam2MemoryNetwork

DEFAULT_OPSET = 18
LARGEST_DIFFERENCE = 1e-3
"""Largest difference of a graph from the network, as a share of the output's largest value."""


@dataclass(frozen=True)
class Written:
    """A graph that was written and compared."""

    path: Path
    difference: float
    """The largest between it and the network, relative to the largest value of the output."""


def export(
    network: object, weights: str, folder: Path, conditioning: int, opset: int
) -> Iterator[Written]:
    """
    Write the calls of a network to a folder, one file after the other, and compare each.

    :param network: as loaded, float32 on the CPU; it is prepared for inference in place.
    :param weights: SHA-256 of its checkpoint.
    :param folder: made if it is missing; older graphs in it are replaced.
    :param conditioning: conditioning frames that memory attention has places for.
    :param opset: version of ONNX's operators.
    :raises GraphError: the network is none of SAM 2.1's kind, torch cannot write a graph,
        onnxruntime cannot run it, or it computes something else.
    """
    if not isinstance(network, Sam2MemoryNetwork):
        raise GraphError(
            f'{getattr(network, "name", network)} cannot be exported, but SAM 2.1, nano and'
            ' mobile can'
        )
    choose_runtime('cpu', 'float32').place(network)
    folder.mkdir(parents=True, exist_ok=True)
    graphs = graphs_of(network, conditioning)
    # If this export failed, an earlier manifest would describe a mixture of old and new graphs.
    (folder / FILE_NAME).unlink(missing_ok=True)
    for graph in graphs:
        path = folder / f'{graph.name}.onnx'
        _write(graph, path, opset)
        difference = _difference(graph, path)
        yield Written(path, difference)
        if not difference <= LARGEST_DIFFERENCE:
            raise GraphError(
                f'{path}: differs from the network by {difference:.2g} of the largest value, and'
                f' {LARGEST_DIFFERENCE:g} is allowed'
            )
    layout = network.memory_layout
    Manifest(
        network.name,
        network.image_size,
        weights,
        layout.recent_memories + conditioning,
        layout.recent_pointers + conditioning,
        opset,
    ).write(folder)


def _write(graph: Graph, path: Path, opset: int) -> None:
    inputs = graph.examples[0].inputs
    # The exporter logs its own progress and messages for its developers.
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter('ignore')
            torch.onnx.export(
                graph.module.eval(),
                # Tensors made in inference mode cannot be traced.
                tuple(value.clone() for value in inputs.values()),
                path,
                input_names=list(inputs),
                output_names=list(graph.outputs),
                opset_version=opset,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except (ImportError, OSError):
        # No fault of the graph.
        raise
    except Exception as error:
        # Its own text instructs developers of models; the cause has the reason.
        raise GraphError.of(path, error.__cause__ or error) from error


def _difference(graph: Graph, path: Path) -> float:
    """Return the largest relative difference over the examples; infinite if it is no number."""
    session = GraphSession(path, torch.device('cpu'), ())
    largest = 0.0
    for example in graph.examples:
        try:
            answers = session(*example.inputs.values())
        except Exception as error:  # onnxruntime's have no common class
            raise GraphError.of(path, error) from error
        for answer, expected in zip(answers, example.expected, strict=True):
            apart = float((answer - expected).abs().max() / expected.abs().max())
            largest = max(largest, apart) if apart == apart else float('inf')
    return largest
