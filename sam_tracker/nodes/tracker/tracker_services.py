# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""How others speak to the tracker node: services, prompt topics, clicks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from geometry_msgs.msg import Point, PointStamped
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from std_srvs.srv import SetBool, Trigger

from sam_tracker.core.time import SECOND
from sam_tracker.msg import Prompt
from sam_tracker.nodes.tracker.tracking_session import TrackingSession
from sam_tracker.ros.camera.quality_of_service import CLICKS
from sam_tracker.ros.messages.prompt_messages import prompt_of_click
from sam_tracker.ros.messages.track_messages import track_array, track_message
from sam_tracker.ros.process.service_answers import REFUSALS, Response, fill_in
from sam_tracker.srv import AddPrompt, GetObjects, RemoveObject

if TYPE_CHECKING:
    from rclpy.node import Node

    from sam_tracker.nodes.tracker.live_tracker import PromptAnswer
    from sam_tracker.ros.parameters.tracker import TrackerParameters


class TrackerServices:
    """
    Takes requests as long as the node lives, and passes them to the session that runs.

    Whatever cannot be done is answered with ``success`` false and a message that names the value;
    on topics, where there is no answer, it is logged and counted.
    """

    def __init__(
        self,
        node: Node,
        running_session: Callable[[], TrackingSession],
        settings: Callable[[], TrackerParameters],
    ) -> None:
        """
        Create services and subscriptions.

        :param running_session: returns the session; raises ``WorkerStoppedError`` when none runs.
        :param settings: returns the present parameters.
        """
        self._node = node
        self._log = node.get_logger()
        self._running_session = running_session
        self._settings = settings
        self.refused_prompts = 0
        """How many prompts could not be followed, on services and topics together."""
        self._create_services()
        self._create_prompt_subscriptions()

    def _create_services(self) -> None:
        # What changes the tracker waits for it, one after the other; listing never waits.
        changes, reads = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        for kind, name, callback, group in (
            (AddPrompt, '~/add_prompt', self._on_add_prompt, changes),
            (RemoveObject, '~/remove_object', self._on_remove_object, changes),
            (Trigger, '~/reset', self._on_reset, changes),
            (GetObjects, '~/get_objects', self._on_get_objects, reads),
            (SetBool, '~/set_paused', self._on_set_paused, reads),
        ):
            self._node.create_service(kind, name, callback, callback_group=group)

    def _on_add_prompt(
        self, request: AddPrompt.Request, response: AddPrompt.Response
    ) -> AddPrompt.Response:
        def work(session: TrackingSession) -> str:
            answer = session.ask(
                lambda: session.prompt(request.prompt, self._settings().catch_up_frames),
                self._settings().service_timeout,
            )
            response.header = answer.tracked.frame.message.header
            response.track = track_message(answer.track)
            return _confirmation(request.prompt, answer)

        self._answer(response, work)
        if not response.success:
            self.refused_prompts += 1
        return response

    def _on_remove_object(
        self, request: RemoveObject.Request, response: RemoveObject.Response
    ) -> RemoveObject.Response:
        def work(session: TrackingSession) -> str:
            session.ask(
                lambda: session.remove(request.object_id), self._settings().service_timeout
            )
            return f'object {request.object_id} is forgotten'

        return self._answer(response, work)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        def work(session: TrackingSession) -> str:
            count = session.ask(session.reset, self._settings().service_timeout)
            return f'{count} objects are forgotten'

        return self._answer(response, work)

    def _on_get_objects(
        self, request: GetObjects.Request, response: GetObjects.Response
    ) -> GetObjects.Response:
        def work(session: TrackingSession) -> str:
            tracked = session.newest
            if tracked is None:
                return 'no image has been processed yet'
            response.objects = track_array(
                tracked.frame.message.header,
                tracked.width,
                tracked.height,
                tracked.tracks,
                masks=request.include_masks,
            )
            return f'{len(tracked.tracks)} objects'

        return self._answer(response, work)

    def _on_set_paused(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        def work(session: TrackingSession) -> str:
            session.paused = request.data
            return 'paused' if request.data else 'tracking'

        return self._answer(response, work)

    def _answer(self, response: Response, work: Callable[[TrackingSession], str]) -> Response:
        return fill_in(response, lambda: work(self._running_session()), self._log)

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
            future = session.submit(
                lambda: session.prompt(prompt, self._settings().catch_up_frames)
            )
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
        self._log.warning(f'a prompt was refused: {error}')


def _confirmation(prompt: Prompt, answer: PromptAnswer) -> str:
    track = answer.track
    name = f'object {track.object_id}' + (f' ({track.label})' if track.label else '')
    verb = 'is refined' if prompt.object_id else 'is followed'
    delay = answer.tracked.frame.stamp - answer.prompted_stamp
    caught_up = f', caught up over {delay / SECOND:.2f} s' if delay else ''
    return f'{name} {verb}{caught_up}: {track.state.name}, confidence {track.confidence:.2f}'
