# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that a program survives, and its end."""

import contextlib
import gc
import os
from pathlib import Path
import signal
import sys
import textwrap
import threading
import time

import pytest
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from sam_tracker.ros.process.error_log import ErrorLog
from sam_tracker.ros.process.run_node import (
    BAD_COMMAND_LINE,
    NodeFinished,
    run_node,
    spin,
)
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor

from ...conftest import Program


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def error(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def node(domain):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('subject', context=context)
    yield node
    rclpy.try_shutdown(context=context)


@pytest.fixture(params=['one thread', 'threads'])
def executor(request, node):
    if request.param == 'threads':
        executor = TolerantExecutor(num_threads=3, context=node.context)
    else:
        executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    return executor


def test_an_error_in_a_callback_is_logged_with_its_traceback_once_and_survived(node, executor):
    log, turns = Log(), []

    def faulty() -> None:
        turns.append(1)
        if len(turns) == 10:
            raise NodeFinished
        raise OSError('no more descriptors')

    node.create_timer(0.001, faulty)
    with pytest.raises(NodeFinished):
        spin(executor, ErrorLog(log), ())
    assert len(log.lines) == 1
    assert 'OSError: no more descriptors' in log.lines[0]
    assert 'Traceback' in log.lines[0]
    assert 'in faulty' in log.lines[0]


def test_an_error_by_which_a_node_refuses_ends_the_program(node, executor):
    def refuse() -> None:
        raise LookupError('no such clip')

    node.create_timer(0.001, refuse)
    with pytest.raises(LookupError, match='no such clip'):
        spin(executor, ErrorLog(Log()), (LookupError,))


@pytest.mark.parametrize('kind', [10, 200, 255])
@pytest.mark.parametrize('service', [SetParameters, SetParametersAtomically])
def test_a_malformed_parameter_of_another_node_ends_nothing(node, executor, kind, service):
    log = Log()
    name = 'set_parameters' + ('_atomically' if service is SetParametersAtomically else '')
    client = node.create_client(service, f'subject/{name}')
    asked = []

    def ask() -> None:
        if not client.service_is_ready():
            return
        if not asked:
            value = ParameterValue(type=kind)
            request = service.Request(parameters=[ParameterMessage(name='any', value=value)])
            asked.append(client.call_async(request))
        elif log.lines:
            raise NodeFinished

    node.create_timer(0.01, ask)
    with pytest.raises(NodeFinished):
        spin(executor, ErrorLog(log), ())
    assert f'ValueError: {kind} is not a valid' in log.lines[0]


def test_errors_of_different_kinds_are_each_logged_and_repetitions_are_counted(monkeypatch):
    log = Log()
    errors = ErrorLog(log)
    now = [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])

    def report(kind: type[Exception]) -> None:
        try:
            raise kind('the text')
        except Exception as error:
            errors.report('it failed', error)

    for _ in range(4):
        report(ValueError)
        report(KeyError)
    assert len(log.lines) == 2
    now[0] = 60.0
    report(ValueError)
    assert log.lines[2] == 'it failed: ValueError: the text (4 more; traceback above)'


def test_an_error_cannot_control_the_terminal():
    log = Log()
    try:
        raise ValueError('no file \x1b[2J\n[INFO] all is well')
    except ValueError as error:
        ErrorLog(log).report('it failed', error)
    assert log.lines[0].startswith(r'it failed: ValueError: no file \x1b[2J [INFO] all is well')
    assert '\x1b' not in log.lines[0]


STUCK = """
import sys, time
import rclpy
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor

def make_node():
    node = rclpy.create_node('stuck')
    def block():
        print('blocked', flush=True)
        time.sleep(120)
    node.create_timer(0.01, block)
    return node

executor = lambda: TolerantExecutor(num_threads=2)
sys.exit(run_node('stuck', make_node, make_executor=executor, grace=1.0))
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_program_although_a_thread_is_busy(domain, tmp_path, number):
    program = Program.run([sys.executable, '-c', STUCK], dict(os.environ), tmp_path / 'log')
    program.wait_for_output('blocked')
    start = time.monotonic()
    assert program.end(number) == 0
    # Far less than the thread needs.
    assert time.monotonic() - start < 60.0
    assert 'Traceback' not in program.output


NODE = """
import sys, time
import rclpy
from sam_tracker.ros.process.run_node import run_node

def make_node():
    node = rclpy.create_node('subject')
{}
    return node

sys.exit(run_node('subject', make_node))
"""


def started(body: str, log: Path) -> Program:
    """Start a program whose node is made by this code."""
    code = NODE.format(textwrap.indent(body, '    '))
    return Program.run([sys.executable, '-c', code], dict(os.environ), log)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_node_in_which_nothing_happens(domain, tmp_path, number):
    program = started("print('made', flush=True)", tmp_path / 'log')
    program.wait_for_output('made')
    # It ends in the executor, or before.
    assert program.end(number) == 0
    assert program.output == 'made\n'


IN_A_CALLBACK = """
def work():
    print('begun', flush=True)
    while node.context.ok():
        time.sleep(0.01)
    print('complete', flush=True)
node.create_timer(0.01, work)
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_callback_half_done(domain, tmp_path, number):
    program = started(IN_A_CALLBACK, tmp_path / 'log')
    program.wait_for_output('begun')
    assert program.end(number) == 0
    assert program.output == 'begun\ncomplete\n'


STUCK_IN_A_CALLBACK = """
def wait():
    print('begun', flush=True)
    while node.context.ok():
        time.sleep(0.01)
    print('waiting', flush=True)
    while True:
        time.sleep(0.01)
node.create_timer(0.01, wait)
"""


def test_a_second_interrupt_ends_a_callback_that_does_not_return(domain, tmp_path):
    program = started(STUCK_IN_A_CALLBACK, tmp_path / 'log')
    program.wait_for_output('begun')
    program.process.send_signal(signal.SIGINT)
    program.wait_for_output('waiting')
    assert program.end(signal.SIGINT) == 0
    assert program.output == 'begun\nwaiting\n'


def test_an_argument_that_is_not_utf_8_is_named_in_one_line(capfd):
    # What Python makes of the byte ff on a command line.
    given = ['--ros-args', '-p', 'output_folder:=a\udcff']
    # rclpy writes a line when a future of an earlier test is collected.
    gc.collect()
    capfd.readouterr()
    assert run_node('program', pytest.fail, given) == BAD_COMMAND_LINE
    complaint = capfd.readouterr().err
    assert complaint.count('\n') == 1
    assert r"'output_folder:=a\udcff' is not UTF-8" in complaint


def test_spinning_ends_when_ros_is_shut_down(node, executor):
    ended = threading.Event()

    def run() -> None:
        with contextlib.suppress(ExternalShutdownException):
            spin(executor, ErrorLog(Log()), ())
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    node.context.try_shutdown()
    assert ended.wait(90.0)
