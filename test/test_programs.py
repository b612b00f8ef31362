# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Executables that are interrupted before they are at work."""

import os
from pathlib import Path
import signal
import sys
import time

import pytest

from sam_tracker import programs

from .conftest import Program, installed_executable, wait_until

pytest.importorskip('rclpy')

IMPORTED = ('_multiarray_umath', 'libtorch_python', '_rclpy_pybind11')
"""Libraries that appear in the process one after the other while it imports."""


@pytest.mark.parametrize('delay', [0.0, 0.3, 1.0])
@pytest.mark.parametrize('library', IMPORTED)
def test_an_interrupt_during_the_imports_ends_a_node_silently(domain, tmp_path, library, delay):
    program = Program.run(
        [str(installed_executable('tracker_node'))], dict(os.environ), tmp_path / 'log'
    )
    maps = Path(f'/proc/{program.process.pid}/maps')
    wait_until(lambda: library in maps.read_text(), f'the import of {library}')
    time.sleep(delay)
    assert program.end(signal.SIGINT) == 0
    assert 'Traceback' not in program.output


def test_a_command_says_by_its_exit_code_that_it_was_interrupted(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr('sam_tracker.networks.weights.checkpoint_command.main', interrupted)
    assert programs.checkpoint() == programs.INTERRUPTED


def test_a_signal_that_is_ignored_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        monkeypatch.setattr(
            'sam_tracker.networks.weights.checkpoint_command.main',
            lambda: signal.getsignal(signal.SIGINT),
        )
        assert programs.checkpoint() is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize('stream', ['stdout', 'stderr'])
def test_a_program_that_is_started_with_a_closed_stream_may_write_to_it(monkeypatch, stream):
    def main():
        assert getattr(sys, stream).write('a line\n')
        return 0

    monkeypatch.setattr(sys, stream, None)
    monkeypatch.setattr('sam_tracker.networks.weights.checkpoint_command.main', main)
    assert programs.checkpoint() == 0
    getattr(sys, stream).close()
