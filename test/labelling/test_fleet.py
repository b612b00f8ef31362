# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Many recordings are labelled once each, in processes or on Ray, also when one is killed."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
import json
import multiprocessing
import os
from pathlib import Path
import shutil
import signal
import socket
import sys
import threading
import time

import pytest

from sam_tracker.core.prompt import Prompt
from sam_tracker.labelling.fleet import (
    attempted,
    finish,
    in_processes,
    in_this_process,
    label_all,
    labelled,
)
from sam_tracker.labelling.job import Job
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.recording import LabellingError

pytestmark = pytest.mark.slow


@pytest.fixture
def sources(folder, tmp_path):
    """A recording, and one that is none."""
    for path in folder.iterdir():
        if int(path.stem) >= 8:
            path.unlink()
    return [folder, tmp_path / 'missing.mp4']


@pytest.fixture
def jobs_in(sources, clip):
    def make(out):
        first = ObjectPrompts('thing').added(0, Prompt(box=clip.boxes[0, 0]))
        return [Job(source=path, name=path.stem, folder=out, first=first) for path in sources]

    return make


@pytest.fixture
def expected(jobs_in, tmp_path, monkeypatch):
    """What one process makes of the recordings."""
    import torch

    # Sums in another number of threads round differently.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(os, 'cpu_count', lambda: 1)
    failed = label_all(in_this_process(jobs_in(tmp_path / 'one'), lambda _: lambda *_: None))
    torch.set_num_threads(threads)
    assert failed.keys() == {'missing'}
    return labels(tmp_path / 'one')


def labels(out):
    return (out / 'recordings/clip/labels.jsonl').read_bytes()


def killed_in_the_middle(out, processes, label):
    """
    Label, and kill processes as soon as tracks are written.

    :param out: output folder, which is removed if the recording was labelled before the kill.
    :param processes: returns the ids of the processes to kill.
    :param label: labels into the folder, and returns what failed.
    :returns: what failed in a run that was killed when some labels were there, but not all.
    """
    for _ in range(3):
        middle = []

        def kill(middle=middle):
            deadline = time.monotonic() + 200
            while time.monotonic() < deadline:
                if any(out.glob('recordings/clip/work/stretches/*.part')):
                    for pid in processes():
                        # It may just have ended.
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    # A new process takes seconds to come this far.
                    middle.append(not (out / 'recordings/clip/labels.jsonl').exists())
                    return
                time.sleep(0.001)

        thread = threading.Thread(target=kill)
        thread.start()
        failed = label()
        thread.join()
        if middle == [True]:
            return failed
        shutil.rmtree(out)
    pytest.fail('the recording was always labelled before its process could be killed')


@pytest.mark.timeout(900)
def test_processes_give_the_same_bytes_although_some_are_killed(jobs_in, expected, tmp_path):
    out = tmp_path / 'several'
    failed = killed_in_the_middle(
        out,
        lambda: [process.pid for process in multiprocessing.active_children()],
        lambda: label_all(in_processes(jobs_in(out), labelled, 2)),
    )
    assert failed.keys() == {'missing'} and 'does not exist' in failed['missing']
    assert labels(out) == expected


def test_processes_write_the_formats_that_one_writes(folder, clip, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    for path in folder.iterdir():
        if int(path.stem) >= 3:
            path.unlink()
        else:
            shutil.copyfile(path, other / path.name)
    jobs = [
        Job(
            source=source,
            name=source.name,
            folder=tmp_path / 'one',
            first=ObjectPrompts(label).added(0, Prompt(box=clip.boxes[0, 0])),
            checkpoint='nano',
        )
        for source, label in ((folder, 'thing'), (other, 'mug'))
    ]
    missing = replace(jobs[0], name='missing')
    assert label_all(in_this_process(jobs, lambda _: lambda *_: None)) == {}
    shutil.copytree(tmp_path / 'one', tmp_path / 'several')
    jobs.append(missing)
    formats = 'coco', 'davis', 'yolo'
    written = []
    for name, pool in (('one', None), ('several', partial(in_processes, workers=2))):
        here = [replace(job, folder=tmp_path / name) for job in jobs]
        failed = finish(here, formats, False, lambda _: lambda *_: None, pool=pool)
        assert failed.keys() == {'missing'} and 'is not labelled' in failed['missing']
        paths = sorted(path for path in (tmp_path / name).rglob('*') if path.is_file())
        written.append({path.relative_to(tmp_path / name): path.read_bytes() for path in paths})
    assert written[0] == written[1]
    assert written[1][Path('davis/ImageSets/2017/train.txt')] == b'clip\nother\n'


def test_a_recording_that_always_dies_is_given_up(jobs_in, tmp_path, monkeypatch):
    # It takes no arguments, so that every attempt ends at once.
    monkeypatch.setattr('sam_tracker.labelling.fleet._in_process', os.abort)
    (job, *_) = jobs_in(tmp_path / 'out')
    ((_, entry),) = in_processes([job], labelled, 1)
    assert entry['state'] == 'failed' and 'died 3 times (exit code 1)' in entry['error']


def test_a_result_longer_than_a_pipe_holds_is_received(jobs_in, tmp_path):
    length = 1 << 20
    (job, *_) = jobs_in(tmp_path / 'out')
    ((_, entry),) = in_processes([replace(job, device='x' * length)], labelled, 1)
    assert entry['state'] == 'failed' and 'x' * length in entry['error']


def test_runs_that_write_one_manifest_at_the_same_time_lose_no_entry(jobs_in, tmp_path):
    (job, *_) = jobs_in(tmp_path / 'out')

    def record(run):
        jobs = [replace(job, name=f'{run}_{number}') for number in range(25)]
        assert label_all((each, {'state': 'labelled'}) for each in jobs) == {}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(record, range(4)))
    manifest = json.loads((tmp_path / 'out/manifest.json').read_text())
    assert manifest.keys() == {f'{run}_{number}' for run in range(4) for number in range(25)}


def test_a_defect_met_by_one_recording_is_its_error(jobs_in, tmp_path, monkeypatch):
    def broken(job, report):
        raise KeyError('mug')

    monkeypatch.setattr('sam_tracker.labelling.fleet.label_recording', broken)
    (job, *_) = jobs_in(tmp_path / 'out')
    entry = attempted(job, lambda *_: None)
    assert entry == {'state': 'failed', 'error': "KeyError: 'mug'"}


@pytest.mark.timeout(900)
def test_a_ray_cluster_gives_the_same_bytes_although_a_worker_is_killed(
    jobs_in, expected, tmp_path, capsys
):
    pytest.importorskip('ray', reason='a cluster is tested with Ray')
    from ray.cluster_utils import Cluster

    from sam_tracker.labelling.ray_pool import connected, on_ray

    cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': 2})
    try:
        out = tmp_path / 'ray'
        pool = partial(on_ray, gpus=0.0)
        with connected(cluster.address):
            failed = killed_in_the_middle(
                out, workers_of_ray, lambda: label_all(pool(jobs_in(out), labelled))
            )
            assert failed.keys() == {'missing'}
            assert labels(out) == expected
            failed = finish(jobs_in(out), ['coco'], False, lambda _: lambda *_: None, pool=pool)
        assert failed.keys() == {'missing'} and 'is not labelled' in failed['missing']
        assert (out / 'coco/clip.json').exists()
        # Ray prints when a node dies.
        with connected(cluster.address):
            sys.stdout.write('as Ray does')
        assert capsys.readouterr().out == ''
    finally:
        cluster.shutdown()


def test_a_ray_cluster_that_does_not_answer_is_refused_by_its_address():
    pytest.importorskip('ray', reason='a cluster is tested with Ray')
    from sam_tracker.labelling.ray_pool import connected

    with socket.create_server(('127.0.0.1', 0)) as server:
        address = f'127.0.0.1:{server.getsockname()[1]}'
    refused = pytest.raises(LabellingError, match=f"no Ray cluster at '{address}': .*refused")
    with refused, connected(address):
        pass


def workers_of_ray():
    """Return one process that runs a task of ours."""
    found = [path for path in Path('/proc').iterdir() if path.name.isdecimal()]
    return [int(path.name) for path in found if command(path).startswith(b'ray::_task')][:1]


def command(process):
    """Return the command line of a process; empty if it has ended."""
    try:
        return (process / 'cmdline').read_bytes()
    except OSError:
        return b''
