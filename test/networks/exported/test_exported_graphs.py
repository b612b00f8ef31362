# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs of nano for other runtimes, written once for all tests, and a tracker that runs them."""

from dataclasses import replace
from functools import partial
import json
import shutil

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import Memory
from sam_tracker.networks.exported import export_command
from sam_tracker.networks.exported.graphs import Call, Example, Graph
from sam_tracker.networks.exported.manifest import GraphError, Manifest
from sam_tracker.networks.exported.network import open_graphs
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.weights.catalogue import find_checkpoint, sha256_of
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.nodes.network_setup import set_up_network
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.network import GraphParameters, NetworkParameters
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.video.generated import generate_clip

pytest.importorskip('numpy', minversion='1.25')  # onnx fails to import with an older one
onnx = pytest.importorskip('onnx', reason='graphs need the extra `export`')
pytest.importorskip('onnxscript', reason='graphs need the extra `export`')
onnxruntime = pytest.importorskip('onnxruntime', reason='graphs need the extra `export`')

# It imports onnxruntime.
from sam_tracker.networks.exported.session import GraphSession  # noqa: E402

# Eight exports take 20 s of processor time, before the first test.
pytestmark = pytest.mark.slow

SIZE = 128
NAMES = {
    *('encode_image', 'without_memory', 'attend_to_memory', 'decode', 'decode_click'),
    *('decode_box', 'encode_memory', 'object_pointer'),
}
PARAMETERS = NetworkParameters(model='nano', image_size=SIZE, device='cpu')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Write the graphs of the bundled nano by the command."""
    folder = tmp_path_factory.mktemp('graphs') / 'new' / 'nano'
    assert export_command.main(['nano', '-o', str(folder), '--image-size', str(SIZE)]) == 0
    return folder


@pytest.fixture(scope='module', params=['onnxruntime', 'openvino'])
def run_here(folder, request):
    """Return a network that runs the graphs."""
    pytest.importorskip(request.param, reason=f'needs {request.param}')
    graphs = GraphParameters(str(folder), request.param)
    return set_up_network(replace(PARAMETERS, precision='float32', graphs=graphs)).network


@pytest.fixture(scope='module')
def network():
    return choose_runtime('cpu', 'float32').place(load_network('nano', SIZE))


def memory(network, memories, pointers, objects=1):
    generator = torch.Generator().manual_seed(memories)
    layout = network.memory_layout
    shapes = (memories, layout.tokens, layout.channels), (pointers, layout.pointer_channels)
    return Memory(
        torch.randn((objects, *shapes[0]), generator=generator).to(torch.bfloat16),
        torch.tensor([6, *range(memories - 1)]).clamp(max=6).expand(objects, -1),
        torch.randn((objects, *shapes[1]), generator=generator),
        torch.arange(1.0, 1.0 + pointers).expand(objects, -1),
    )


def embedding_of(network):
    side = network.image_size // 16
    shape = 1, network.configuration.embedding_dimension, side, side
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_every_call_is_a_graph_of_static_shapes_and_standard_operators(folder):
    assert {path.stem for path in folder.glob('*.onnx')} == NAMES
    for path in folder.glob('*.onnx'):
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert {node.domain for node in model.graph.node} == {''}
        for value in (*model.graph.input, *model.graph.output):
            kind = value.type.tensor_type
            assert kind.elem_type in {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}
            assert all(side.dim_value > 0 for side in kind.shape.dim), (path.stem, value.name)


def test_the_folder_says_what_was_exported(folder):
    weights = sha256_of(find_checkpoint('nano'))
    assert Manifest.read(folder) == Manifest('nano', SIZE, weights, 7, 16, 18)


@pytest.mark.parametrize(('memories', 'pointers'), [(1, 1), (3, 2), (7, 16)])
@pytest.mark.parametrize('objects', [1, 3])
def test_places_that_are_empty_are_not_read(network, run_here, memories, pointers, objects):
    embedding = embedding_of(network)
    remembered = memory(network, memories, pointers, objects)
    with torch.inference_mode():
        expected = network.attend_to_memory(embedding, remembered)
        attended = run_here.attend_to_memory(embedding, remembered)
    torch.testing.assert_close(attended, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
def test_more_memories_than_there_are_places_are_read_by_torch(folder, precision):
    network = choose_runtime('cpu', precision).place(load_network('nano', SIZE))
    weights = sha256_of(find_checkpoint('nano'))
    open_session = partial(GraphSession, device=torch.device('cpu'), providers=())
    graphs = open_graphs(network, weights, folder, open_session)
    remembered = memory(network, memories=9, pointers=18)
    image = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        # It is float32, whatever the network computes in.
        embedding = graphs.encode_image(image).embedding
        attended = graphs.attend_to_memory(embedding, remembered)
        expected = network.attend_to_memory(embedding.to(attended.dtype), remembered)
    assert torch.equal(attended, expected)


def tracked(network):
    """Return the masks of two objects on every frame of a clip, one corrected on the way."""
    clip = generate_clip(2600001, frames=8, size=192)
    tracker = Tracker(network, TrackerSettings.for_network(network.suited_settings))
    boxes = np.array([[20, 20, 100, 100], [90, 80, 170, 160]])
    for box in boxes:
        tracker.add_prompt(Frame(clip.frames[0], 0), Prompt(box=box))
    masks = []
    for number, pixels in enumerate(clip.frames[1:], 1):
        frame = Frame(pixels, number * 33_000_000)
        tracks = tracker.step(frame)
        if number == 4:
            click = Prompt(points=np.array([[60.0, 60.0]]), labels=np.array([1]))
            tracker.add_prompt(frame, click, object_id=tracks[0].object_id)
        masks.append(np.stack([track.mask for track in tracks]))
    return np.stack(masks)


def test_a_tracker_that_runs_graphs_follows_the_same_pixels(network, run_here):
    expected, masks = tracked(network), tracked(run_here)
    assert expected.any()
    assert (masks != expected).mean() < 1e-4


def test_openvino_computes_in_bfloat16_where_the_node_does(network, folder):
    pytest.importorskip('openvino', reason='needs openvino')
    graphs = GraphParameters(str(folder), 'openvino')
    setup = set_up_network(replace(PARAMETERS, precision='bfloat16', graphs=graphs))
    embedding, remembered = embedding_of(network), memory(network, 7, 16)
    with torch.inference_mode():
        expected = network.attend_to_memory(embedding, remembered)
        attended = setup.network.attend_to_memory(embedding, remembered)
    torch.testing.assert_close(attended, expected, atol=0.02 * float(expected.abs().max()), rtol=0)
    masks, exact = tracked(setup.network), tracked(network)
    assert (masks & exact).sum() > 0.9 * (masks | exact).sum()


def test_openvino_refuses_what_it_does_not_compute(tmp_path):
    pytest.importorskip('openvino', reason='needs openvino')
    from sam_tracker.networks.exported.openvino_session import OpenVinoSession

    path = tmp_path / 'decode.onnx'
    path.write_bytes(b'nothing')
    cpu, other = torch.device('cpu'), torch.device('cuda:1')
    with pytest.raises(GraphError, match=r'not on cuda:1 in float32'):
        OpenVinoSession(path, other, torch.float32)
    with pytest.raises(GraphError, match=r'not on cpu in float16'):
        OpenVinoSession(path, cpu, torch.float16)
    with pytest.raises(GraphError, match=r'decode\.onnx: '):
        OpenVinoSession(path, cpu, torch.float32)


def test_a_node_says_that_it_runs_graphs(folder):
    setup = set_up_network(replace(PARAMETERS, graphs=GraphParameters(str(folder))))
    assert setup.precision == 'float32'
    assert setup.description == f'nano at {SIZE} px on cpu in float32, as graphs of {folder}'


@pytest.mark.parametrize(
    ('change', 'providers', 'message'),
    [
        ({'model': 'mobile'}, '', 'exported from network nano, not mobile'),
        ({'image_size': 160}, '', f'exported from image size {SIZE}, not 160'),
        ({}, 'No', "onnxruntime has no 'No' here, only .*CPUExecutionProvider"),
    ],
)
def test_graphs_that_do_not_fit_are_refused_by_value(folder, change, providers, message):
    graphs = GraphParameters(str(folder), providers=providers)
    with pytest.raises(ParameterError, match=rf'graphs\.folder: .*{message}'):
        set_up_network(replace(PARAMETERS, **change, graphs=graphs))


def test_graphs_of_other_weights_are_refused(folder, tmp_path):
    torch.save({'model': load_network('nano').state_dict()}, tmp_path / 'other.pt')
    other = replace(PARAMETERS, checkpoint=str(tmp_path / 'other.pt'))
    with pytest.raises(ParameterError, match=r'exported from checkpoint [0-9a-f]{64}, not'):
        set_up_network(replace(other, graphs=GraphParameters(str(folder))))


def test_a_folder_that_is_damaged_is_named(folder, tmp_path):
    damaged = tmp_path / 'damaged'
    parameters = replace(PARAMETERS, graphs=GraphParameters(str(damaged)))
    with pytest.raises(ParameterError, match=r'damaged/graphs\.json: No such file'):
        set_up_network(parameters)
    shutil.copytree(folder, damaged)
    (damaged / 'decode.onnx').write_bytes(b'nothing')
    with pytest.raises(ParameterError, match=r'damaged/decode\.onnx: '):
        set_up_network(parameters)
    (damaged / 'graphs.json').write_text(json.dumps({'network': 'nano'}))
    with pytest.raises(ParameterError, match=r'damaged/graphs\.json: not written by this version'):
        set_up_network(parameters)


def test_a_graph_that_computes_something_else_ends_the_export(tmp_path, monkeypatch, capsys):
    one = torch.ones(1, 4)
    halves = Call(torch.nn.Module(), lambda x: (x / 2,))
    wrong = Graph('encode_image', halves, ('half',), (Example({'x': one}, (one,)),))
    monkeypatch.setattr('sam_tracker.networks.exported.export.graphs_of', lambda *_: [wrong])
    # Of an earlier export to the same folder: it must not vouch for what this one leaves there.
    Manifest('nano', SIZE, 'weights', 7, 16, 18).write(tmp_path)
    assert export_command.main(['nano', '-o', str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f'{tmp_path}/encode_image.onnx: differs from the network by 0.5 of' in error
    assert not (tmp_path / 'graphs.json').exists()


def test_a_graph_that_cannot_be_written_or_run_is_one_line(tmp_path, monkeypatch, capfd):
    one = torch.ones(1, 4)

    def fails(call, *inputs):
        graph = Graph(
            'decode',
            Call(torch.nn.Module(), call),
            ('output',),
            tuple(Example({'x': each}, (each,)) for each in inputs),
        )
        monkeypatch.setattr('sam_tracker.networks.exported.export.graphs_of', lambda *_: [graph])
        assert export_command.main(['nano', '-o', str(tmp_path)]) == 1
        error = capfd.readouterr().err
        assert error.startswith(f'sam_tracker-export: {tmp_path}/decode.onnx: ')
        assert error.count('\n') == 1
        return error

    # ONNX has no such operator.
    assert 'bessel_j0' in fails(lambda x: (torch.special.bessel_j0(x),), one)
    # The second example is beyond what there is to gather from.
    indices = torch.zeros(1, dtype=torch.int64), torch.full((1,), 9)
    assert 'index = 9' in fails(lambda x: (torch.arange(4)[x] + x,), *indices)


@pytest.mark.filterwarnings('ignore:Specified provider')
def test_a_provider_that_does_not_start_is_an_error_instead_of_the_cpu(folder, monkeypatch):
    from sam_tracker.networks.exported.session import GraphSession

    if 'CUDAExecutionProvider' in onnxruntime.get_available_providers():
        pytest.skip('this onnxruntime may start it')
    # As where onnxruntime was built with CUDA and its libraries are missing.
    both = ['CUDAExecutionProvider', 'CPUExecutionProvider']
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: both)
    path, device = folder / 'encode_image.onnx', torch.device('cpu')
    with pytest.raises(GraphError, match=r"could not start 'CUDAExecutionProvider', only CPUEx"):
        GraphSession(path, device, both)
    GraphSession(path, device, both[::-1])


def test_graphs_run_on_the_gpu_of_the_network():
    from sam_tracker.networks.exported.session import on_device

    providers = ['TensorrtExecutionProvider', 'CUDAExecutionProvider', 'CPUExecutionProvider']
    assert on_device(providers, torch.device('cuda:1')) == [
        (providers[0], {'device_id': 1}),
        (providers[1], {'device_id': 1}),
        providers[2],
    ]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['nowhere.pt'], 'nowhere.pt'),
        (['nano', '--image-size', '100'], 'image_size must be a multiple of 32'),
    ],
)
def test_what_cannot_be_exported_is_one_line(tmp_path, capsys, arguments, message):
    assert export_command.main([*arguments, '-o', str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1


def test_a_network_of_another_kind_is_refused_by_name(tmp_path):
    from sam_tracker.networks.exported.export import export

    with torch.device('meta'):
        network = build_network('edgetam')
    with pytest.raises(GraphError, match='edgetam cannot be exported'):
        list(export(network, '', tmp_path, conditioning=1, opset=18))
