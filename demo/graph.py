# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of the demonstration."""

from collections.abc import Callable
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from types import TracebackType

from sam_tracker import programs

PATIENCE = 20.0
"""Seconds that a node may take to stop after SIGINT."""
START_TIMEOUT = 120.0
"""Seconds until the tracker has loaded its weights and the first tracks come."""


class DemoError(Exception):
    """The demonstration failed; the text says why."""


class Graph:
    """Nodes in separate processes and a separate DDS domain; their logs are in one folder."""

    def __init__(self, logs: Path) -> None:
        # Any domain would do; this one is unlikely to be in use, and Linux allows 0 to 101.
        self.domain = os.environ.get('ROS_DOMAIN_ID') or str(1 + os.getpid() % 100)
        os.environ['ROS_DOMAIN_ID'] = self.domain
        self._logs = logs
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> 'Graph':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for name in list(self._processes):
            self._wait_or_kill(name)

    def start(self, node: str, *remappings: str, **parameters: object) -> None:
        """Start a node of this package; its log file has the name of the node."""
        arguments = ['--ros-args']
        for remapping in remappings:
            arguments += ['-r', remapping]
        for name, value in parameters.items():
            arguments += ['-p', f'{name}:={value}']
        self.run(node, node, *arguments)

    def run(self, name: str, node: str, *arguments: str) -> None:
        """Start a node with any command line; its log file is called ``name``."""
        command = [sys.executable, '-m', getattr(programs, node).args[0], *arguments]
        with self.log(name).open('wb') as log:
            self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def log(self, node: str) -> Path:
        return self._logs / f'{node}.log'

    def running(self, node: str) -> bool:
        return self._processes[node].poll() is None

    def check(self) -> None:
        """
        Check that no node has failed.

        :raises DemoError: a node ended with a nonzero exit code.
        """
        for name, process in self._processes.items():
            if process.poll():
                raise DemoError(
                    f'{name} ended with exit code {process.returncode}: {self.last(name)}'
                )

    def wait(self, node: str, timeout: float) -> None:
        """
        Wait until a node has ended.

        :param timeout: in seconds.
        :raises DemoError: it takes too long, or a node fails.
        """
        deadline = time.monotonic() + timeout
        while self.running(node):
            if time.monotonic() > deadline:
                raise DemoError(f'{node} has not ended within {timeout:.0f} s: {self.last(node)}')
            self.check()
            time.sleep(0.05)
        self.check()

    def wait_for(
        self,
        condition: Callable[[], object],
        what: str,
        timeout: float = START_TIMEOUT,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Wait for a condition.

        :param what: for the error text: what is awaited.
        :param timeout: in seconds.
        :param meanwhile: called twice a second.
        :raises DemoError: it takes too long, or a node fails.
        """
        deadline = time.monotonic() + timeout
        again = time.monotonic() + 0.5
        while not condition():
            time.sleep(0.01)
            self.check()
            if time.monotonic() > again:
                meanwhile()
                again = time.monotonic() + 0.5
            if time.monotonic() > deadline:
                last = '; '.join(f'{node}: {self.last(node)}' for node in self._processes)
                raise DemoError(f'no {what} within {timeout:.0f} s: {last}')

    def end(self, node: str) -> None:
        """Stop a node by SIGINT, as Ctrl-C does."""
        if self.running(node):
            self._processes[node].send_signal(signal.SIGINT)
        self._wait_or_kill(node)
        self.check()

    def last(self, node: str) -> str:
        """Return the last line that a node logged."""
        lines = self.log(node).read_text(errors='replace').strip().splitlines()
        return lines[-1] if lines else 'it logged nothing'

    def _wait_or_kill(self, node: str) -> None:
        process = self._processes[node]
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def exit_code(demonstration: Callable[[], None]) -> int:
    """Run a demonstration and return its exit code; an error is reported in one line."""
    try:
        demonstration()
    except DemoError as error:
        sys.stderr.write(f'demo: {error}\n')
        return 1
    except KeyboardInterrupt:
        sys.stderr.write('demo: interrupted\n')
        return 130
    return 0


def say(line: str) -> None:
    sys.stdout.write(f'demo: {line}\n')
    sys.stdout.flush()
