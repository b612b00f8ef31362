# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Services that await a worker: answered in time or refused, without holding threads."""

import threading

import pytest
import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from std_srvs.srv import Trigger

from sam_tracker.ros.process.error_log import ErrorLog
from sam_tracker.ros.process.service_answers import SERVICE_QOS, answer, result_within
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor
from sam_tracker.ros.process.worker import MOST_COMMANDS, Worker

from ...conftest import wait_until


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def error(self, line: str) -> None:
        self.lines.append(line)


class Service:
    """A service that has a worker do a command, and clients of it."""

    def __init__(self, domain: int, command, timeout: float) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('server', context=self.context)
        self.peer = rclpy.create_node('client', context=self.context)
        self.worker = Worker(lambda _: None, 'worker')
        self.log = Log()
        self.errors = ErrorLog(self.log)

        async def work() -> str:
            return await result_within(self.node, self.worker.submit(command), timeout)

        async def serve(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            return await answer(response, work(), self.errors)

        self.node.create_service(
            Trigger,
            'service',
            serve,
            qos_profile=SERVICE_QOS,
            callback_group=ReentrantCallbackGroup(),
        )
        # Fewer threads than requests.
        self.executor = TolerantExecutor(num_threads=2, context=self.context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.peer)
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.thread.start()

    def ask(self, count: int) -> list:
        clients = [
            self.peer.create_client(Trigger, 'service', qos_profile=SERVICE_QOS)
            for _ in range(count)
        ]
        for client in clients:
            assert client.wait_for_service(30.0)
        return [client.call_async(Trigger.Request()) for client in clients]

    def answers(self, futures: list) -> list:
        wait_until(lambda: all(each.done() for each in futures), 'answers of all requests')
        return [each.result() for each in futures]

    def close(self) -> None:
        self.worker.stop(5.0)
        self.executor.shutdown()
        self.thread.join(90.0)
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def serve(domain):
    made: list[Service] = []

    def make(command, timeout: float = 30.0) -> Service:
        made.append(Service(domain, command, timeout))
        return made[0]

    yield make
    for service in made:
        service.close()


def test_more_requests_than_threads_are_all_answered(serve):
    go_on, done = threading.Event(), []

    def command() -> str:
        assert go_on.wait(90.0)
        done.append(1)
        return f'{len(done)}'

    service = serve(command)
    futures = service.ask(20)
    go_on.set()
    answers = service.answers(futures)
    assert all(each.success for each in answers)
    assert sorted(int(each.message) for each in answers) == list(range(1, 21))


def test_hundreds_of_requests_at_once_are_all_answered(serve):
    service = serve(lambda: 'done')
    client = service.peer.create_client(Trigger, 'service', qos_profile=SERVICE_QOS)
    assert client.wait_for_service(30.0)
    answers = service.answers([client.call_async(Trigger.Request()) for _ in range(300)])
    messages = {each.message for each in answers}
    assert messages <= {'done', f'the worker is busy: {MOST_COMMANDS} commands wait'}


def test_requests_beyond_what_the_worker_takes_are_told_that_it_is_busy(serve):
    go_on = threading.Event()
    service = serve(lambda: str(go_on.wait(90.0)))
    futures = service.ask(MOST_COMMANDS + 8)
    wait_until(lambda: sum(each.done() for each in futures) >= 7, 'refusals')
    go_on.set()
    answers = service.answers(futures)
    refused = [each for each in answers if not each.success]
    assert 7 <= len(refused) <= 8
    assert {each.message for each in refused} == {
        f'the worker is busy: {MOST_COMMANDS} commands wait'
    }


def test_a_request_that_takes_too_long_is_answered_in_time_and_told_what_that_means(serve):
    go_on = threading.Event()
    service = serve(lambda: str(go_on.wait(90.0)), timeout=0.3)
    answers = service.answers(service.ask(2))
    go_on.set()
    assert {each.message for each in answers} == {
        'timed out after 0.3 s: the request is still running and may take effect later',
        'timed out after 0.3 s: the request was cancelled, nothing was changed',
    }
    assert not any(each.success for each in answers)


def test_a_defect_is_answered_and_logged_with_its_traceback(serve):
    def faulty() -> str:
        raise ZeroDivisionError('the value 0')

    service = serve(faulty)
    (response,) = service.answers(service.ask(1))
    assert response.message == 'internal error: ZeroDivisionError: the value 0'
    assert 'in faulty' in service.log.lines[0]
