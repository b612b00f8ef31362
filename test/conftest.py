# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Programs in processes of their own, each test with a DDS domain that nobody else uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import time
from types import ModuleType

from hypothesis import settings as hypothesis_settings
import pytest

from .warm_python import ForkedProcess, WarmPython, handle_signals

# For torch, here and in programs: a second thread costs more than it brings to networks as small
# as those of the tests, and threads that wait for each other are slow where cores are shared.
os.environ.setdefault('OMP_NUM_THREADS', '1')

# Shells start jobs of the background with SIGINT ignored, which programs would inherit: those that
# are to be stopped by it would not stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is no defect: examples of a property may take as long as they do.
hypothesis_settings.register_profile('patient', deadline=None)
hypothesis_settings.load_profile('patient')

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 180.0
"""Seconds after which something that should happen will not."""
GRAPH_FIXTURES = {'domain', 'graph'}
"""Fixtures that hold a DDS domain: what uses one starts nodes."""


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector):
    """
    Collect modules as pytest does, all but the launch tests.

    launch_testing, where it is installed, imports every module to see whether it is a launch test,
    and without its package, so that what a module imports of ``..conftest`` is not found.
    """
    if module_path.parent.name == 'launch':
        return None
    return pytest.Module.from_parent(parent, path=module_path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Mark every test that has a DDS domain, by a fixture or because it is a launch test; repeat all
    that are so marked when they fail.

    Files with such tests, or slow ones, come first: where workers share the tests, the many quick
    files are left to fill their time until the last long one has ended.
    """
    for item in items:
        if 'launch' in item.path.parts or GRAPH_FIXTURES & {*getattr(item, 'fixturenames', ())}:
            item.add_marker('graph')
        if item.get_closest_marker('graph'):
            # DDS may lose an answer to a client that it is still discovering, which is no defect
            # of ours; one of ours fails every time.
            item.add_marker(pytest.mark.flaky(reruns=2))
    long = {
        item.path
        for item in items
        if item.get_closest_marker('graph') or item.get_closest_marker('slow')
    }
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Delete the shared memory of killed programs, once, after the last worker has ended."""
    if hasattr(session.config, 'workerinput'):
        return
    try:
        from sam_tracker.ros.process.fast_dds import remove_abandoned_segments
    except ImportError:
        return
    remove_abandoned_segments(older_than=5.0)


@contextmanager
def unused_domain() -> Iterator[int]:
    """
    Hold a DDS domain in which nobody else on this machine is, tests of other checkouts included.

    The name that is held belongs to the network of the machine as domains do, whatever user or
    temporary folder a test has, and ends with its process.
    """
    for domain in range(20, 100):
        with socket.socket(socket.AF_UNIX) as held:
            try:
                held.bind(f'\0sam_tracker_test_domain_{domain}')
            except OSError:
                continue
            if _is_in_use(domain):
                continue
            yield domain
            return
    raise RuntimeError('all domains are taken')


def _is_in_use(domain: int) -> bool:
    """Return whether a program that is no test, an operator's own say, takes part in a domain."""
    for participant in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
            try:
                # Where its discovery listens (DDS-RTPS 2.5, 9.6.2.3).
                port.bind(('', 7410 + 250 * domain + 2 * participant))
            except OSError:
                return True
    return False


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE):
    """Return what the condition returns once it is true; fail naming `what` otherwise."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.01)
    raise AssertionError(f'{what} did not happen within {patience:g} s')


def installed_executable(name: str) -> Path:
    """Return what `ros2 run sam_tracker NAME` starts."""
    from ament_index_python.packages import get_package_prefix

    try:
        prefix = get_package_prefix('sam_tracker')
    except (LookupError, OSError):
        # Neither a sourced workspace nor AMENT_PREFIX_PATH: the environment of this Python.
        prefix = sys.prefix
    path = Path(prefix) / 'lib' / 'sam_tracker' / name
    assert path.exists(), f'{path} is missing: install the package again'
    return path


class Program:
    """A process; what it writes is kept."""

    def __init__(self, process: subprocess.Popen | ForkedProcess, log: Path) -> None:
        self.process = process
        self._log = log

    @classmethod
    def run(cls, command: list[str], environment: dict[str, str], log: Path) -> Program:
        with log.open('w') as file:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                # Of this process it would inherit what is ignored.
                preexec_fn=handle_signals,
            )
        return cls(process, log)

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait(self, patience: float = PATIENCE) -> int:
        """Return the exit code; fail with the output if the program does not end."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            pytest.fail(
                f'the program has not ended after {patience:g} s; it wrote:\n{self.output}'
            )

    def wait_for_output(self, text: str) -> None:
        def written() -> bool:
            if self.process.poll() is not None and text not in self.output:
                pytest.fail(f'the program has ended without {text!r}; it wrote:\n{self.output}')
            return text in self.output

        wait_until(written, f'output {text!r}')

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()


@pytest.fixture
def domain(monkeypatch) -> Iterator[int]:
    """A domain for one test, in the environment too."""
    with unused_domain() as number:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(number))
        monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        yield number


@pytest.fixture(scope='session')
def warm_python() -> Iterator[WarmPython]:
    warm = WarmPython(ROOT)
    yield warm
    warm.close()


@pytest.fixture
def start(domain, tmp_path, warm_python) -> Iterator[Callable[..., Program]]:
    """Starts modules as programs with parameters; none outlives the test."""
    programs: list[Program] = []

    def start(
        module: str, *arguments: str, environment: dict[str, str] | None = None, **parameters
    ) -> Program:
        given = [*arguments]
        if parameters and '--ros-args' not in arguments:
            given.append('--ros-args')
        for name, value in parameters.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            given += ['-p', f'{name}:={text}']
        log = tmp_path / f'program_{len(programs)}.log'
        process = warm_python.run(module, given, {**os.environ, **(environment or {})}, log)
        programs.append(Program(process, log))
        return programs[-1]

    yield start
    for program in programs:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()


class Listener:
    """A node of the test's own process that keeps what it hears."""

    def __init__(self, domain: int) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('listener', context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)

    def listen(self, kind: type, topic: str, *, depth: int = 1000, best_effort: bool = False):
        """Return the list to which messages of a topic will be appended."""
        from rclpy.qos import QoSProfile, ReliabilityPolicy

        reliability = ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE
        heard: list = []
        profile = QoSProfile(depth=depth, reliability=reliability)
        self.node.create_subscription(kind, topic, heard.append, profile)
        return heard

    def spin_until(self, condition: Callable[[], object], what: str, patience: float = PATIENCE):
        end = time.monotonic() + patience
        while not (result := condition()):
            if time.monotonic() > end:
                raise AssertionError(f'{what} did not happen within {patience:g} s')
            self._executor.spin_once(timeout_sec=0.05)
        return result

    def close(self) -> None:
        import rclpy

        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def listener(domain) -> Iterator[Listener]:
    pytest.importorskip('rclpy')
    listener = Listener(domain)
    yield listener
    listener.close()


@pytest.fixture(scope='session')
def transformers() -> ModuleType:
    """The optional library, where it works."""
    library = pytest.importorskip('transformers', reason='transformers is not installed')
    if not hasattr(pytest.importorskip('PIL.Image'), 'Resampling'):
        pytest.skip('transformers needs Pillow 9.1 or newer')
    return library


@pytest.fixture(scope='session')
def random_checkpoint(tmp_path_factory) -> Path:
    """A network of random weights that holds every object for present."""
    # Imported here: most tests need no torch.
    import torch

    from sam_tracker.networks.sam2.configuration import configuration_named
    from sam_tracker.networks.sam2.network import Sam2Network

    torch.manual_seed(2)
    network = Sam2Network(configuration_named('nano'))
    with torch.no_grad():
        network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
    path = tmp_path_factory.mktemp('weights') / 'random.pt'
    torch.save({'model': network.state_dict()}, path)
    return path
