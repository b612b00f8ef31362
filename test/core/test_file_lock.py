# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A lock file has one owner at a time."""

import subprocess
import sys

import pytest

from sam_tracker.core.file_lock import locked


def test_a_lock_is_held_until_it_is_closed(tmp_path):
    path = tmp_path / 'lock'
    first = locked(path)
    with pytest.raises(BlockingIOError):
        locked(path)
    first.close()
    locked(path).close()


def test_another_process_sees_the_lock_and_loses_its_own_when_it_is_killed(tmp_path):
    path = tmp_path / 'lock'
    code = 'import sys, time; from pathlib import Path; from sam_tracker.core.file_lock import '
    code += 'locked; file = locked(Path(sys.argv[1])); print("held", flush=True); time.sleep(600)'
    command = [sys.executable, '-c', code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout.readline() == 'held\n'
        with pytest.raises(BlockingIOError):
            locked(path)
        owner.kill()
        owner.wait()
        locked(path).close()


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        locked(tmp_path / 'missing' / 'lock')
