# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The services of the tracker node, and the topics of prompts and clicks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from geometry_msgs.msg import Point, PointStamped
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from std_srvs.srv import SetBool, Trigger

from sam_tracker.core.texts import printable
from sam_tracker.core.time import SECOND
from sam_tracker.msg import Prompt
from sam_tracker.nodes.tracker.tracking_session import LOG_PERIOD, PromptAnswer, TrackingSession
from sam_tracker.ros.camera.quality_of_service import CLICKS
from sam_tracker.ros.messages.prompt_requests import prompt_of_click
from sam_tracker.ros.messages.track_messages import track_message
from sam_tracker.ros.process.service_answers import (
    REFUSALS,
    SERVICE_QOS,
    answer,
    result_within,
)
from sam_tracker.srv import AddPrompt, GetObjects, RemoveObject

if TYPE_CHECKING:
    from sam_tracker.ros.parameters.tracker import TrackerParameters
    from sam_tracker.ros.process.managed_node import ManagedNode

Result = TypeVar('Result')


class TrackerServices:
    """
    Passes requests to the running session, as long as the node lives.

    A refused request is answered with ``success`` false and a message that names the value; on
    topics, where there is no answer, it is logged and counted.
    """

    def __init__(
        self,
        node: ManagedNode,
        running_session: Callable[[], TrackingSession],
        settings: Callable[[], TrackerParameters],
        prompt: Callable[[TrackingSession, Prompt], PromptAnswer],
    ) -> None:
        """
        Create services and subscriptions.

        :param running_session: returns the session; raises ``WorkerStoppedError`` when none runs.
        :param settings: returns the current parameters.
        :param prompt: applies a prompt, on the tracker's thread.
        """
        self._node = node
        self._log = node.get_logger()
        self._running_session = running_session
        self._settings = settings
        self._prompt = prompt
        self.refused_prompts = 0
        """Number of refused prompts, of services and topics together."""
        self._create_services()
        self._create_prompt_subscriptions()

    def _create_services(self) -> None:
        # Handlers await the tracker and hold no thread, so they may all run at once.
        group = ReentrantCallbackGroup()
        for kind, name, callback in (
            (AddPrompt, '~/add_prompt', self._on_add_prompt),
            (RemoveObject, '~/remove_object', self._on_remove_object),
            (Trigger, '~/reset', self._on_reset),
            (GetObjects, '~/get_objects', self._on_get_objects),
            (SetBool, '~/set_paused', self._on_set_paused),
        ):
            self._node.create_service(
                kind, name, callback, qos_profile=SERVICE_QOS, callback_group=group
            )

    async def _on_add_prompt(
        self, request: AddPrompt.Request, response: AddPrompt.Response
    ) -> AddPrompt.Response:
        async def work() -> str:
            session = self._running_session()
            prompted = await self._done(session, partial(self._prompt, session, request.prompt))
            # The mask is computed by the thread that publishes it.
            message = session.output.submit(
                lambda: track_message(prompted.track, session.output.mask_encoding)
            )
            response.track = await result_within(self._node, message, self._timeout)
            response.header = prompted.tracked.image.message.header
            return _confirmation(request.prompt, prompted)

        await answer(response, work(), self._node.errors)
        if not response.success:
            self.refused_prompts += 1
        return response

    async def _on_remove_object(
        self, request: RemoveObject.Request, response: RemoveObject.Response
    ) -> RemoveObject.Response:
        async def work() -> str:
            session = self._running_session()
            await self._done(session, lambda: session.remove(request.object_id))
            return f'object {request.object_id} is forgotten'

        return await answer(response, work(), self._node.errors)

    async def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        async def work() -> str:
            session = self._running_session()
            return f'{await self._done(session, session.reset)} objects are forgotten'

        return await answer(response, work(), self._node.errors)

    async def _on_get_objects(
        self, request: GetObjects.Request, response: GetObjects.Response
    ) -> GetObjects.Response:
        async def work() -> str:
            session = self._running_session()
            tracked = session.newest
            if tracked is None:
                return 'no image has been processed yet'
            message = session.output.submit(
                lambda: session.output.message(tracked, masks=request.include_masks)
            )
            response.objects = await result_within(self._node, message, self._timeout)
            return f'{len(tracked.tracks)} objects'

        return await answer(response, work(), self._node.errors)

    async def _on_set_paused(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        async def work() -> str:
            self._running_session().paused = request.data
            return 'paused' if request.data else 'tracking'

        return await answer(response, work(), self._node.errors)

    async def _done(self, session: TrackingSession, command: Callable[[], Result]) -> Result:
        """Await a command of a service, which goes before the prompts of topics."""
        future = session.submit(command, urgent=True)
        return await result_within(self._node, future, self._timeout)

    @property
    def _timeout(self) -> float:
        return self._settings().service_timeout

    def _create_prompt_subscriptions(self) -> None:
        group = MutuallyExclusiveCallbackGroup()
        self._node.create_subscription(
            Prompt, '~/prompt', self._on_prompt, 10, callback_group=group
        )
        self._node.create_subscription(
            Point, '~/click', self._on_click, CLICKS, callback_group=group
        )
        self._node.create_subscription(
            PointStamped, '~/click_stamped', self._on_click_stamped, CLICKS, callback_group=group
        )

    def _on_click(self, point: Point) -> None:
        self._on_prompt(prompt_of_click(point))

    def _on_click_stamped(self, click: PointStamped) -> None:
        self._on_prompt(prompt_of_click(click.point, click.header))

    def _on_prompt(self, prompt: Prompt) -> None:
        try:
            session = self._running_session()
            future = session.submit(partial(self._prompt, session, prompt))
        except REFUSALS as error:
            self._refuse_prompt(error)
        else:
            future.add_done_callback(lambda done: self._log_prompt(prompt, done))

    def _log_prompt(self, prompt: Prompt, future: Future[PromptAnswer]) -> None:
        error = future.exception()
        if error is None:
            self._log.info(_confirmation(prompt, future.result()))
        else:
            self._refuse_prompt(error)

    def _refuse_prompt(self, error: BaseException) -> None:
        self.refused_prompts += 1
        if isinstance(error, REFUSALS):
            # Throttled, so that a flood on the topic does not flood the log.
            self._log.warning(f'a prompt was refused: {error}', throttle_duration_sec=LOG_PERIOD)
        else:
            self._node.errors.report('a prompt failed', error)


def _confirmation(prompt: Prompt, answer: PromptAnswer) -> str:
    track = answer.track
    # Escaped, because a label from any client ends up in the operator's terminal.
    label = f' ({printable(track.label)})' if track.label else ''
    name = f'object {track.object_id}{label}'
    verb = 'is refined' if prompt.object_id else 'is followed'
    delay = answer.tracked.image.stamp - answer.prompted_stamp
    caught_up = f', caught up over {delay / SECOND:.2f} s' if delay else ''
    return f'{name} {verb}{caught_up}: {track.state.name}, confidence {track.confidence:.2f}'
