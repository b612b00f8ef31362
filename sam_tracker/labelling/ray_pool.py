# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Recordings on an existing Ray cluster, one task each.

A task whose worker or node dies is started again by Ray, up to ``MOST_TRIES`` times, on any node;
it resumes from the output folder, which all nodes share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
import logging
import socket
import sys

from sam_tracker.core.texts import error_text
from sam_tracker.labelling.fleet import MOST_TRIES, Attempt, Work
from sam_tracker.labelling.job import Job
from sam_tracker.labelling.recording import LabellingError

CONNECT_SECONDS = 10.0
"""Ray itself tries for more than ten minutes."""


@contextmanager
def connected(address: str) -> Iterator[None]:
    """
    Connect to a cluster for ``on_ray``.

    :param address: of the cluster, as ``ray.init`` takes it.
    :raises LabellingError: Ray is not installed, or there is no such cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise LabellingError(
            "a cluster is used through Ray: pip install 'ray>=2.40,<3'"
        ) from error
    try:
        _check_address(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, OverflowError, ValueError) as error:
        raise LabellingError(
            f'there is no Ray cluster at {address!r}: {error_text(error)}'
        ) from error
    try:
        # Ray writes there when a node or a worker dies.
        with redirect_stdout(sys.stderr):
            yield
    finally:
        ray.shutdown()


def on_ray(jobs: Sequence[Job], work: Work, gpus: float) -> Iterator[Attempt]:
    """
    Label or export recordings on the connected cluster, as many at once as it has room for.

    :param work: ``fleet.labelled``, or the export of a recording.
    :param gpus: of one recording; fractions share a GPU. 0: on CPUs.
    """
    import ray

    task = ray.remote(_task).options(num_cpus=1, num_gpus=gpus, max_retries=MOST_TRIES - 1)
    pending = {task.remote(work, job): job for job in jobs}
    while pending:
        (done,), _ = ray.wait(list(pending), num_returns=1)
        job = pending.pop(done)
        try:
            yield job, ray.get(done)
        except ray.exceptions.RayError as error:
            reason = error_text(error)[:500]
            yield job, {'state': 'failed', 'error': f'its task failed on Ray: {reason}'}


def _check_address(address: str) -> None:
    """
    Connect to a cluster that is named by host and port.

    :raises OSError: nothing answers there.
    :raises OverflowError: there is no such port.
    """
    host, _, port = address.rpartition(':')
    if '://' not in address and port.isdecimal():
        socket.create_connection((host.strip('[]'), int(port)), CONNECT_SECONDS).close()


def _task(work: Work, job: Job) -> dict[str, object]:
    return work(job)
