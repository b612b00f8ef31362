# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Answers of services: a confirmation or the reason of a refusal, in one sentence."""

from __future__ import annotations

from collections.abc import Awaitable
from concurrent.futures import Future
import contextlib
import math
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import InvalidHandle
from rclpy.qos import QoSProfile
from rclpy.task import Future as RosFuture

from sam_tracker.core.frame import FrameError
from sam_tracker.core.prompt import PromptError
from sam_tracker.ros.camera.image_buffer import ImageNotFoundError
from sam_tracker.ros.images.conversion import ImageError
from sam_tracker.ros.process.error_log import describe
from sam_tracker.ros.process.worker import WorkerBusyError, WorkerStoppedError

if TYPE_CHECKING:
    from rclpy.node import Node

    from sam_tracker.ros.process.error_log import ErrorLog

SERVICE_QOS = QoSProfile(depth=1000)
"""
Depth of the queue of requests, of all clients together: what comes beyond it is lost silently,
with the default of ten the eleventh of a burst. A request that is taken from the queue is always
answered, if need be with "busy".
"""


class NotAnsweredError(RuntimeError):
    """A request was not finished in time; the text says whether it may still take effect."""


REFUSALS: tuple[type[Exception], ...] = (
    PromptError,
    ImageNotFoundError,
    FrameError,
    ImageError,
    NotAnsweredError,
    WorkerBusyError,
    WorkerStoppedError,
)
"""Errors whose text answers a request; every other one is a defect, and logged as such."""


class Verdict(Protocol):
    """Fields of every answer."""

    success: bool
    message: str


Response = TypeVar('Response', bound=Verdict)
Result = TypeVar('Result')


async def answer(
    response: Response,
    work: Awaitable[str],
    errors: ErrorLog,
    refusals: tuple[type[Exception], ...] = REFUSALS,
) -> Response:
    """
    Fill in ``success`` and ``message`` by doing what a request asks for.

    :param work: returns a short confirmation.
    :param errors: receives every error that is no refusal.
    :param refusals: errors whose text is the answer.
    """
    try:
        response.message = await work
        response.success = True
    except refusals as error:
        response.success, response.message = False, str(error)
    except Exception as error:
        # A defect in one request must not end the node.
        response.success, response.message = False, f'internal error: {describe(error)}'
        errors.report('a request failed', error)
    return response


async def completion(node: Node, future: Future[Any], timeout: float = math.inf) -> bool:
    """
    Wait for a future of another thread without holding a thread of the executor.

    :param node: spun by the executor that runs the awaiting callback.
    :param timeout: seconds, by the steady clock.
    :returns: whether the future is done.
    """
    executor = node.executor
    done = RosFuture(executor=executor)

    def finish(*_: object) -> None:
        # When the program ends the executor may be gone already.
        with contextlib.suppress(InvalidHandle):
            if not done.done():
                done.set_result(None)
            # rclpy resumes a coroutine when it looks at its tasks, not when the future is done.
            executor.wake()

    timer = None
    if timeout != math.inf:
        timer = node.create_timer(
            timeout,
            finish,
            callback_group=ReentrantCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
    try:
        future.add_done_callback(finish)
        await done
    finally:
        if timer is not None:
            node.destroy_timer(timer)
    return future.done()


async def result_within(node: Node, future: Future[Result], timeout: float) -> Result:
    """
    Await the result of a worker without holding a thread of the executor.

    :param node: spun by the executor that runs the awaiting callback.
    :param timeout: seconds, by the steady clock.
    :raises NotAnsweredError: the timeout passed first; a command that had not begun is cancelled.
    """
    await completion(node, future, timeout)
    if future.done() and not future.cancelled():
        return future.result()
    if future.cancel():
        raise NotAnsweredError(
            f'timed out after {timeout:g} s: the request was cancelled, nothing was changed'
        )
    raise NotAnsweredError(
        f'timed out after {timeout:g} s: the request is still running and may take effect later'
    )
