# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""How services answer: what was done, or why it could not be, in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from sam_tracker.core.frame import FrameError
from sam_tracker.core.prompt import PromptError
from sam_tracker.ros.camera.image_buffer import ImageNotFoundError
from sam_tracker.ros.images.conversion import ImageError
from sam_tracker.ros.process.worker import WorkerBusyError, WorkerStoppedError

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger


class NotAnsweredError(RuntimeError):
    """What was asked was not done in time; the text says what that means."""


REFUSALS: tuple[type[Exception], ...] = (
    PromptError,
    ImageNotFoundError,
    FrameError,
    ImageError,
    NotAnsweredError,
    WorkerBusyError,
    WorkerStoppedError,
)
"""Errors that answer a request; every other one is a defect, and logged."""


class Verdict(Protocol):
    """What all answers have."""

    success: bool
    message: str


Response = TypeVar('Response', bound=Verdict)


def fill_in(
    response: Response,
    work: Callable[[], str],
    log: RcutilsLogger,
    refusals: tuple[type[Exception], ...] = REFUSALS,
) -> Response:
    """
    Fill in ``success`` and ``message`` by doing what the request asks for.

    :param work: returns a short confirmation.
    :param refusals: errors whose text is the answer.
    """
    try:
        response.message = work()
        response.success = True
    except refusals as error:
        response.success, response.message = False, str(error)
    except Exception as error:
        # A defect here must not end the node for everybody else.
        response.success = False
        response.message = f'internal error: {type(error).__name__}: {error}'
        log.error(response.message)
    return response
