# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The interpreter that forks the programs of tests says what is wrong, and goes on."""

import os
from pathlib import Path
import signal
import threading

import pytest

from .warm_python import WarmPython


def exit_code(warm, log):
    """Run a program that does not end well."""
    return warm.run('timeit', ['-n', '1', '-r', '1', 'fail'], os.environ, log).wait(60.0)


def test_an_error_of_the_interpreter_is_raised_and_ends_nothing(warm_python, tmp_path):
    with pytest.raises(ChildProcessError):
        warm_python.exit_code(os.getpid())
    assert exit_code(warm_python, tmp_path / 'log') == 1


def test_an_interpreter_that_has_ended_is_named(tmp_path):
    warm = WarmPython(Path.cwd())
    os.kill(warm.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(RuntimeError, match='forks programs has ended with code -9'):
            warm.run('timeit', [], {}, tmp_path / 'log')
    warm.close()


def test_an_interrupt_does_not_shift_later_answers(warm_python, tmp_path):
    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(0.2, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1))
    # So that the interrupt comes before the answer.
    os.kill(warm_python.pid, signal.SIGSTOP)
    try:
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            warm_python.exit_code(os.getpid())
    finally:
        os.kill(warm_python.pid, signal.SIGCONT)
        signal.signal(signal.SIGUSR1, before)
    assert exit_code(warm_python, tmp_path / 'log') == 1
