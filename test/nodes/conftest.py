# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A graph of real processes over real DDS, and a tester that takes part in it.

Every graph has a domain of its own, so tests neither hear each other nor anybody else.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
import os
from pathlib import Path
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Point, PointStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
import pytest
from rcl_interfaces.srv import GetParameters, SetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from sam_tracker.msg import ImageBox, Prompt, TrackArray
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages.stamps import nanoseconds, time_message
from sam_tracker.ros.process.managed_node import ManagedNode
from sam_tracker.ros.process.run_node import spin
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor
from sam_tracker.srv import AddPrompt, GetObjects, RemoveObject

from ..conftest import PATIENCE, Program, unused_domain, wait_until
from ..warm_python import WarmPython

WIDTH, HEIGHT = 160, 120


class Graph:
    """Processes in one domain, and a context for the nodes of the test."""

    def __init__(self, domain: int, folder: Path, warm_python: WarmPython) -> None:
        self.domain = domain
        self.folder = folder
        self.warm_python = warm_python
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.programs: list[Program] = []

    def start(self, module: str, *arguments: str, **parameters: object) -> Program:
        """Start a module of Python as a node; trackers answer however busy the machine is."""
        if module.endswith('tracker_node'):
            parameters = {'service_timeout': PATIENCE, **parameters}
            if 'checkpoint' in parameters:
                # Random weights, to which details mean nothing: a quarter of the time.
                parameters.setdefault('image_size', 128)
        given = ['--ros-args', *arguments]
        for name, value in parameters.items():
            given += ['-p', f'{name}:={str(value).lower() if value is True else value}']
        process = self.warm_python.run(module, given, self._environment(), self._next_log())
        self.programs.append(Program(process, self._next_log()))
        return self.programs[-1]

    def run(self, command: list[str]) -> Program:
        """Start any program in the domain."""
        self.programs.append(Program.run(command, self._environment(), self._next_log()))
        return self.programs[-1]

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            'ROS_DOMAIN_ID': str(self.domain),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'OMP_NUM_THREADS': '1',
        }

    def _next_log(self) -> Path:
        return self.folder / f'{len(self.programs)}.log'

    @staticmethod
    def wait_until(condition: Callable[[], object], what: str) -> object:
        return wait_until(condition, what)

    @staticmethod
    def resident_megabytes(program: Program) -> float:
        pages = int(Path(f'/proc/{program.process.pid}/statm').read_text().split()[1])
        return pages * os.sysconf('SC_PAGE_SIZE') / 1e6

    def close(self) -> None:
        for program in self.programs:
            if program.process.poll() is None:
                program.process.kill()
                program.process.wait()
        rclpy.try_shutdown(context=self.context)


@contextmanager
def spinning(nodes: Sequence[ManagedNode], context: rclpy.Context) -> Iterator[None]:
    """Spin nodes of this process in a thread; destroy them in the end."""
    executor = TolerantExecutor(num_threads=4, context=context)
    for node in nodes:
        executor.add_node(node)
    thread = threading.Thread(target=spin, args=(executor, nodes[0].errors, ()), daemon=True)
    thread.start()
    yield
    executor.shutdown()
    thread.join(PATIENCE)
    for node in nodes:
        node.destroy_node()


@pytest.fixture(scope='module')
def graph(tmp_path_factory, warm_python) -> Iterator[Graph]:
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    with unused_domain() as domain:
        graph = Graph(domain, tmp_path_factory.mktemp('graph'), warm_python)
        yield graph
        graph.close()


class Camera:
    """Publishes noise, stamped with the time, from a thread."""

    def __init__(
        self,
        graph: Graph,
        topic: str = 'image',
        namespace: str = '',
        rate: float = 15.0,
        reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
        size: tuple[int, int] = (WIDTH, HEIGHT),
        frame_id: str = 'camera',
        silent: bool = False,
    ) -> None:
        self.node = rclpy.create_node('camera', namespace=namespace, context=graph.context)
        profile = QoSProfile(depth=1, reliability=reliability)
        self.publisher = self.node.create_publisher(Image, topic, profile)
        self.size = size
        self.encoding = 'bgr8'
        self.frame_id = frame_id
        self.rate = rate
        self.offset = 0
        """Nanoseconds added to the time."""
        self.headers: list[Header] = []
        self._random = np.random.default_rng(0)
        self.silent = silent
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def image(self) -> np.ndarray:
        width, height = self.size
        channels = () if self.encoding == 'mono8' else (3,)
        return self._random.integers(0, 255, (height, width, *channels), np.uint8)

    def publish(self) -> Header:
        header = Header(frame_id=self.frame_id)
        header.stamp = time_message(time.time_ns() + self.offset)
        self.publisher.publish(image_message(self.image(), self.encoding, header))
        self.headers.append(header)
        return header

    def _run(self) -> None:
        while not self._end.wait(1 / self.rate):
            if not self.silent:
                self.publish()

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self.node.destroy_node()


class Tester:
    """Listens to a tracker node and calls its services."""

    def __init__(self, graph: Graph, namespace: str = '', node: str = 'sam_tracker') -> None:
        self.node = rclpy.create_node('tester', namespace=namespace, context=graph.context)
        self.name = f'{namespace}/{node}'
        self.tracks: list[TrackArray] = []
        self.diagnostics: list[DiagnosticArray] = []
        self._executor = SingleThreadedExecutor(context=graph.context)
        self._executor.add_node(self.node)
        self.listen(TrackArray, 'tracks', self.tracks)
        self.node.create_subscription(
            DiagnosticArray, '/diagnostics', self._take_diagnostics, QoSProfile(depth=10)
        )
        self._clients = {
            name: self.node.create_client(kind, f'{self.name}/{name}')
            for name, kind in {
                'add_prompt': AddPrompt,
                'remove_object': RemoveObject,
                'get_objects': GetObjects,
                'reset': Trigger,
                'set_paused': SetBool,
                'change_state': ChangeState,
                'get_state': GetState,
                'set_parameters': SetParameters,
                'get_parameters': GetParameters,
            }.items()
        }
        self.prompts = self.node.create_publisher(Prompt, f'{self.name}/prompt', 10)
        self.clicks = self.node.create_publisher(Point, f'{self.name}/click', 10)
        self.stamped_clicks = self.node.create_publisher(
            PointStamped, f'{self.name}/click_stamped', 10
        )
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def _take_diagnostics(self, message: DiagnosticArray) -> None:
        if message.status[0].name.startswith(f'{self.name.lstrip("/")}:'):
            self.diagnostics.append(message)

    def listen(self, kind: type, output: str, heard: list, depth: int = 10) -> object:
        """Append what the node publishes on an output to a list."""
        return self.node.create_subscription(
            kind, f'{self.name}/{output}', heard.append, QoSProfile(depth=depth)
        )

    def stop_listening(self, subscription: object) -> None:
        self.node.destroy_subscription(subscription)

    def begin(self, service: str, **fields: object):
        """Call a service and return the future of its answer."""
        client = self._clients[service]
        assert client.wait_for_service(PATIENCE), f'{service} is not there'
        return client.call_async(client.srv_type.Request(**fields))

    def call(self, service: str, **fields: object):
        future = self.begin(service, **fields)
        wait_until(future.done, f'an answer of {service}')
        return future.result()

    def add_box(self, *corners: float, **fields: object):
        return self.call('add_prompt', prompt=self.box_prompt(*corners, **fields))

    @staticmethod
    def box_prompt(*corners: float, header: Header | None = None, **fields: object) -> Prompt:
        x_min, y_min, x_max, y_max = corners or (40.0, 30.0, 90.0, 80.0)
        box = ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
        return Prompt(header=header or Header(), box=box, **fields)

    def object_ids(self) -> list[int]:
        return [track.object_id for track in self.call('get_objects').objects.tracks]

    def change(self, transition: int) -> bool:
        return self.call('change_state', transition=Transition(id=transition)).success

    def state(self) -> str:
        return self.call('get_state').current_state.label

    def set(self, name: str, value: object):
        message = Parameter(name, value=value).to_parameter_msg()
        return self.call('set_parameters', parameters=[message]).results[0]

    def next_tracks(self, count: int = 1) -> list[TrackArray]:
        """Return tracks of images that have yet to come."""
        before = len(self.tracks)
        wait_until(lambda: len(self.tracks) >= before + count, f'{count} messages with tracks')
        return self.tracks[before : before + count]

    def wait_until_active(self) -> None:
        self.wait_for_state('active')

    def wait_for_state(self, label: str) -> None:
        end = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < end:
            # An answer to a client that has only just been discovered may be lost.
            future = self.begin('get_state')
            with suppress(AssertionError):
                wait_until(future.done, 'an answer', patience=2.0)
                if future.result().current_state.label == label:
                    return
            time.sleep(0.05)
        raise AssertionError(f'the node did not become {label}')

    def diagnosed(self, condition: Callable[[object, dict[str, str]], object], what: str):
        """Wait for a status and its values that meet the condition, and return them."""
        before = len(self.diagnostics)

        def met():
            for message in self.diagnostics[before:]:
                status = message.status[0]
                values = {each.key: each.value for each in status.values}
                if condition(status, values):
                    return status, values
            return None

        try:
            return wait_until(met, what)
        except AssertionError as error:
            heard = self.diagnostics[before:]
            raise AssertionError(f'{error}; {len(heard)} diagnostics: {heard[-1:]}') from error

    def in_executor(self, call: Callable[[], object], *arguments: object, **options: object):
        """
        Return what a call returns that sends a request of an action.

        On another thread than the executor's, rclpy may receive an answer before it knows of the
        request, and ignores it.
        """
        task = self.node.executor.create_task(partial(call, *arguments, **options))
        wait_until(task.done, 'the call', patience=2 * PATIENCE)
        return task.result()

    def close(self) -> None:
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()


@pytest.fixture
def new_camera(graph) -> Iterator[Callable[..., Camera]]:
    """Makes cameras that are gone when the test ends."""
    yield from _made(Camera, graph)


@pytest.fixture
def new_tester(graph) -> Iterator[Callable[..., Tester]]:
    """Makes testers that are gone when the test ends."""
    yield from _made(Tester, graph)


def _made(kind: Callable[..., object], graph: Graph) -> Iterator[Callable[..., object]]:
    made: list[object] = []

    def make(**options: object) -> object:
        made.append(kind(graph, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope='module')
def tracker_program(graph, random_checkpoint) -> Program:
    """One tracker node for all tests of a module."""
    return graph.start(
        'sam_tracker.nodes.tracker.tracker_node',
        checkpoint=random_checkpoint,
        device='cpu',
        precision='float32',
        # The random network answers all prompts with much the same mask, and they would be taken
        # for prompts on one object.
        resolve_overlaps='false',
    )


@pytest.fixture(scope='module')
def shared_tester(graph, tracker_program) -> Iterator[Tester]:
    tester = Tester(graph)
    tester.wait_until_active()
    yield tester
    tester.close()


@pytest.fixture
def tester(shared_tester) -> Tester:
    """A tester of the module's node, which is active, follows nothing and is not paused."""
    shared_tester.call('reset')
    shared_tester.call('set_paused', data=False)
    return shared_tester


@pytest.fixture(scope='module')
def shared_camera(graph) -> Iterator[Camera]:
    camera = Camera(graph, rate=10.0)
    yield camera
    camera.close()


@pytest.fixture
def camera(shared_camera, tester) -> Camera:
    """A camera whose images arrive, of the usual size and encoding."""
    shared_camera.size, shared_camera.encoding = (WIDTH, HEIGHT), 'bgr8'
    last = shared_camera.headers[-1] if shared_camera.headers else Header()
    wait_until(
        lambda: (
            tester.tracks and nanoseconds(tester.tracks[-1].header.stamp) > nanoseconds(last.stamp)
        ),
        'tracks of the camera',
    )
    return shared_camera
