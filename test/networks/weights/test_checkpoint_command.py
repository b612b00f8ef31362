# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Output of the command for checkpoints on this machine; downloads are tested elsewhere."""

from functools import partial
from pathlib import Path
import subprocess
import sys

import pytest
import torch

from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.weights import catalogue as checkpoint_catalogue
from sam_tracker.networks.weights.catalogue import KnownCheckpoint, sha256_of
from sam_tracker.networks.weights.checkpoint_command import main

from ...command_run import run_command

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope='module')
def nano():
    return Sam2Network(configuration_named('nano')).state_dict()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv('SAM_TRACKER_CHECKPOINTS', str(tmp_path))
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path / 'hub'))
    monkeypatch.setattr(checkpoint_catalogue, 'BUNDLED_FOLDER', tmp_path / 'bundled')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run the command; returns its exit code and the lines of its two streams."""
    return partial(run_command, main, capsys)


def test_list_names_every_checkpoint_its_size_and_its_place(run, folder):
    (folder / 'sam2.1_hiera_small.pt').write_bytes(b'weights')
    code, out, err = run('list')
    assert (code, err) == (0, [])
    assert [line.split() for line in out] == [
        ['nano', 'bundled', '-'],
        ['tiny', '156', 'MB', '-'],
        ['small', '184', 'MB', str(folder / 'sam2.1_hiera_small.pt')],
        ['base_plus', '324', 'MB', '-'],
        ['large', '898', 'MB', '-'],
        ['mobile', 'bundled', '-'],
        ['edgetam', '-', '-'],
        ['sam_vit_b', '375', 'MB', '-'],
        ['sam_vit_l', '1250', 'MB', '-'],
        ['sam_vit_h', '2565', 'MB', '-'],
        ['downloads', 'go', 'to', str(folder / 'hub')],
    ]


def test_show_tells_which_size_a_file_holds(run, folder, nano):
    path = folder / 'mine.pt'
    torch.save({'model': nano}, path)
    code, out, err = run('show', 'mine.pt')
    assert (code, err) == (0, [])
    assert out[0] == f'file     mine.pt, {path.stat().st_size} bytes'
    assert sha256_of(path) in out[1]
    assert 'unverified' in out[1]
    assert out[2] == 'read     as a file of torch.save, under the key model'
    assert out[3] == 'network  nano'
    values = sum(tensor.numel() for tensor in nano.values())
    assert out[4] == f'content  {values:,} values in {len(nano)} tensors'
    assert out[5] == 'fits     yes'


def test_show_tells_why_a_file_does_not_fit(run, folder, nano):
    torch.save({**nano, 'head': torch.zeros(1)}, folder / 'mine.pt')
    code, out, _ = run('show', 'mine.pt')
    assert code == 0
    assert out[5] == 'fits     does not fit the nano network: 1 key unexpected (head)'
    torch.save({'head': torch.zeros(1)}, folder / 'mine.pt')
    code, out, _ = run('show', 'mine.pt')
    assert out[3] == 'network  unknown'
    assert 'another architecture' in out[5]


def test_verify_looks_at_every_file_and_fails_if_one_does(run, folder, nano):
    torch.save(nano, folder / 'good.pt')
    torch.save(nano, folder / 'short.pt')
    content = (folder / 'good.pt').read_bytes()
    (folder / 'short.pt').write_bytes(content[: len(content) // 2])
    code, out, err = run('verify', 'short.pt', 'absent.pt', 'good.pt')
    assert code == 1
    assert len(out) == 1
    assert out[0].startswith('good.pt: fits nano, SHA-256 ')
    assert 'unverified' in out[0]
    assert len(err) == 2
    assert 'short.pt: truncated' in err[0]
    assert "no checkpoint 'absent.pt'" in err[1]


def test_verify_knows_a_published_file_by_its_sum(run, folder, monkeypatch):
    (folder / 'renamed.pt').write_bytes(b'the very bytes')
    known = KnownCheckpoint('tiny', 'tiny.pt', sha256=sha256_of(folder / 'renamed.pt'))
    monkeypatch.setattr(checkpoint_catalogue, 'KNOWN_CHECKPOINTS', {'tiny': known})
    code, out, err = run('verify', 'renamed.pt')
    assert (code, err) == (0, [])
    assert out == [f'renamed.pt: tiny, SHA-256 {known.sha256} as published for tiny']


def test_verify_refuses_another_file_under_a_published_name(run, folder, nano):
    path = folder / 'sam2.1_hiera_tiny.pt'
    torch.save(nano, path)
    code, out, err = run('verify', 'tiny')
    assert (code, out) == (1, [])
    assert len(err) == 1
    assert f'{path}: not the published tiny' in err[0]
    assert '7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69' in err[0]


@pytest.mark.parametrize(
    ('args', 'code', 'named'),
    [
        ([], 2, 'COMMAND'),
        (['fetch'], 2, "'fetch'"),
        (['download'], 2, 'NAME'),
        (['download', 'tiny', '--mirror'], 2, '--mirror'),
        (['download', 'huge'], 1, "'huge'; choose from tiny, small, base_plus, large"),
        (['download', 'nano'], 1, 'nano comes with the package'),
        (['verify'], 2, 'FILE'),
        (['verify', 'absent.pt'], 1, "'absent.pt'"),
        (['verify', '.'], 1, 'is a folder'),
        (['show'], 2, 'FILE'),
        (['show', 'tiny'], 1, 'sam_tracker-checkpoint download tiny'),
        (['show', 'a\nb\x1b[2J.pt'], 1, r'looked for a\nb\x1b[2J.pt'),
        (['show', 'a\udcff.pt'], 1, r'looked for a\udcff.pt'),
        (['show', 'text.pt'], 1, 'text.pt: damaged, or not written by torch.save'),
    ],
)
def test_bad_input_is_one_line_that_names_it(run, folder, args, code, named):
    (folder / 'text.pt').write_text('not at all a checkpoint')
    returned, out, err = run(*args)
    assert (returned, out) == (code, [])
    assert len(err) == 1
    assert err[0].startswith('sam_tracker-checkpoint')
    assert named in err[0]


def test_the_process_ends_with_the_code_and_without_a_traceback():
    module = 'sam_tracker.networks.weights.checkpoint_command'
    start = f'import sys; from {module} import main; sys.exit(main())'
    result = subprocess.run(
        [sys.executable, '-c', start, 'show', 'absent.pt'],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ''
    assert result.stderr.count('\n') == 1


def test_listing_does_not_wait_for_torch():
    check = (
        'import sys; from sam_tracker.networks.weights.checkpoint_command import main; '
        "main(['list']); assert 'torch' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, '-c', check], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL
    )
