# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
An interpreter that has imported what takes seconds, and forks the programs that tests start.

``WarmPython`` starts this file as a program and has it run modules, or files. Each is run as
`python -m MODULE` or `python FILE` would run it, in a process of its own that ends as any Python
ends; only torch and its like have been imported before. What a program does while it imports is
tested in test_programs.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import contextlib
from importlib import import_module
import itertools
import json
import os
from pathlib import Path
import runpy
import select
import signal
import subprocess
import sys
import threading
import warnings

HEAVY = ('torch', 'rclpy.node', 'cv2', 'filterpy.kalman', 'matplotlib.backends.backend_agg')
"""
None reads, when it is imported, what the environment says to a node.

rclpy starts threads, those of its tracing. A fork does not copy them; that is harmless, since they
only wait, and hold no lock that a program needs. OpenMP and BLAS would start more.
"""


class WarmPython:
    """Starts the interpreter, and programs by it, from any thread."""

    def __init__(self, folder: Path) -> None:
        """:param folder: the working directory of programs that name none."""
        self._lock = threading.Lock()
        self._requests = itertools.count()
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, 'OMP_NUM_THREADS': '1'},
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._server.pid

    def run(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        folder: str | os.PathLike[str] = '.',
    ) -> ForkedProcess:
        """
        Run a module, or a file by its path, as a program that writes into a file.

        :param folder: its working directory, relative to that of the interpreter.
        """
        log.touch()
        pid = self._ask(
            module=module,
            arguments=[*arguments],
            environment={**environment},
            log=str(log),
            folder=str(folder),
        )
        return ForkedProcess(self, pid)

    def exit_code(self, pid: int) -> int:
        """Return the exit code of a program that has ended, as subprocess states it; only once."""
        return self._ask(pid=pid)

    def _ask(self, **request: object) -> int:
        """
        Return the answer to a request.

        :raises OSError: the interpreter had this error.
        :raises RuntimeError: the interpreter has ended.
        """
        with self._lock:
            assert self._server.stdin and self._server.stdout
            number = next(self._requests)
            with contextlib.suppress(BrokenPipeError):
                self._server.stdin.write(f'{json.dumps([number, request])}\n')
                self._server.stdin.flush()
            for line in self._server.stdout:
                answered, answer, error = json.loads(line)
                # Others are those of requests that an interrupt ended.
                if answered == number:
                    if error:
                        raise OSError(*error)
                    return answer
            code = self._server.wait()
            raise RuntimeError(f'the interpreter that forks programs has ended with code {code}')

    def close(self) -> None:
        self._server.communicate()


class ForkedProcess:
    """What tests use of subprocess.Popen, for a process that is no child of this one."""

    def __init__(self, server: WarmPython, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._code: int | None = None
        # Becomes readable when the process ends.
        self._descriptor = os.pidfd_open(pid)

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None:
            if not select.select([self._descriptor], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0.0)
            self._code = self._server.exit_code(self.pid)
            os.close(self._descriptor)
        return self._code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def next_program() -> dict | None:
    """Answer requests until there are no more; return what to run in a process that was forked."""
    for line in sys.stdin:
        number, request = json.loads(line)
        answer, error = 0, None
        try:
            if 'pid' in request:
                answer = os.waitstatus_to_exitcode(os.waitpid(request['pid'], 0)[1])
            elif (answer := forked()) == 0:
                return request
        except OSError as raised:
            error = raised.args
        sys.stdout.write(f'{json.dumps([number, answer, error])}\n')
        sys.stdout.flush()
    return None


def forked() -> int:
    """Fork; Python warns from 3.12 on that there are threads, see ``HEAVY``."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        return os.fork()


def handle_signals() -> None:
    """Handle signals as a program of a terminal: background jobs and nohup ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def run_as_program(
    module: str, arguments: list[str], environment: dict[str, str], log: str, folder: str
) -> None:
    """Go on as `cd FOLDER; python [-m] MODULE ARGUMENTS <&- >LOG 2>&1`."""
    handle_signals()
    with Path(os.devnull).open() as nothing, Path(log).open('w') as file:
        for number, stream in enumerate((nothing, file, file)):
            os.dup2(stream.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[1:] = arguments
    if os.sep in module:
        sys.argv[0], sys.path[0] = module, str(Path(module).parent)
        runpy.run_path(module, run_name='__main__')
    else:
        runpy.run_module(module, run_name='__main__', alter_sys=True)


if __name__ == '__main__':
    # Interrupts of whoever runs the tests are for the tests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Packages are looked for where `python -m` looks, not beside this file.
    sys.path[0] = str(Path.cwd())
    for name in HEAVY:
        # A package that is not installed is missed by the program that needs it.
        with contextlib.suppress(ImportError):
            import_module(name)
    if request := next_program():
        run_as_program(**request)
