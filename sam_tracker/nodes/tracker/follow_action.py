# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The action ``~/follow``: track an object as long as its goal lives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
import threading
from typing import TYPE_CHECKING

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from std_msgs.msg import Header

from sam_tracker.action import Follow
from sam_tracker.core.prompt import PromptError
from sam_tracker.msg import Prompt
from sam_tracker.nodes.tracker.tracking_session import PromptAnswer, TrackingSession
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.ros.messages.track_messages import track_message
from sam_tracker.ros.process.error_log import describe
from sam_tracker.ros.process.service_answers import (
    REFUSALS,
    SERVICE_QOS,
    completion,
    result_within,
)
from sam_tracker.srv import SegmentImage
from sam_tracker.tracking.track import Track, TrackState

if TYPE_CHECKING:
    from rclpy.action.server import ServerGoalHandle

    from sam_tracker.nodes.tracker.tracked_image import TrackedImage
    from sam_tracker.ros.parameters.tracker import TrackerParameters
    from sam_tracker.ros.process.managed_node import ManagedNode

MOST_GOALS = 64
"""Goals at a time; further ones are rejected, so that memory stays bounded."""
TOO_MANY = f'{MOST_GOALS} goals are in progress'
RESULT_TIMEOUT = 60
"""Seconds for which the result of a goal can be asked for."""
CANCEL_PAUSE = 0.01
"""Seconds between two checks of the state of a goal that is about to be cancelled."""
CANCEL_PATIENCE = 1.0
"""Seconds until such a goal counts as not cancelled after all."""


@dataclass(frozen=True)
class _End:
    reason: int
    """One of the END_ constants."""
    message: str


@dataclass(eq=False)
class _Goal:
    """One goal between its acceptance and its end."""

    handle: ServerGoalHandle
    ended: Future[_End] = field(default_factory=Future)
    session: TrackingSession | None = None
    """Tracks the object."""
    object_id: int = 0
    """0: not prompted yet."""
    observed: bool = False
    """Whether the object has been on an observed image."""
    header: Header = field(default_factory=Header)
    track: Track | None = None
    """The newest one."""

    def end(self, reason: int, message: str) -> None:
        """End the goal, unless it has ended already."""
        with suppress(InvalidStateError):
            self.ended.set_result(_End(reason, message))

    @property
    def tracked(self) -> bool:
        """Whether the object is on the newest image."""
        return _is_tracked(self.session, self.object_id)


class FollowAction:
    """
    Serves ``~/follow`` as long as the node lives.

    Goals are independent: several may follow one object. ``observe`` belongs to the publishing
    thread; a goal that waits holds no thread of the executor.
    """

    def __init__(
        self,
        node: ManagedNode,
        running_session: Callable[[], TrackingSession],
        settings: Callable[[], TrackerParameters],
        prompt: Callable[[TrackingSession, Prompt], PromptAnswer],
        segment: Callable[
            [SegmentImage.Request, SegmentImage.Response], Awaitable[SegmentImage.Response]
        ],
    ) -> None:
        """
        Create the action server.

        :param running_session: returns the session; raises ``WorkerStoppedError`` when none runs.
        :param settings: returns the current parameters.
        :param prompt: applies a prompt, on the tracker's thread.
        :param segment: answers a request to segment an image: finds what a text names.
        """
        self._node = node
        self._running_session = running_session
        self._settings = settings
        self._prompt = prompt
        self._segment = segment
        self._lock = threading.Lock()
        self._goals: dict[bytes, _Goal] = {}
        self._server = ActionServer(
            node,
            Follow,
            '~/follow',
            self._execute,
            handle_accepted_callback=self._on_accepted,
            callback_group=ReentrantCallbackGroup(),
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
            goal_service_qos_profile=SERVICE_QOS,
            result_service_qos_profile=SERVICE_QOS,
            cancel_service_qos_profile=SERVICE_QOS,
            result_timeout=RESULT_TIMEOUT,
        )

    def destroy(self) -> None:
        """Destroy the server; its goals end without a result."""
        self._server.destroy()

    def stop(self) -> None:
        """End all goals, because the node has stopped tracking."""
        for goal in self._all():
            goal.end(Follow.Result.END_STOPPED, 'the node does not track any more')

    def follows(self, object_id: int) -> bool:
        """Return whether a goal that has not ended follows an object."""
        return any(goal.object_id == object_id and not goal.ended.done() for goal in self._all())

    def observe(self, tracked: TrackedImage) -> None:
        """Send feedback about an image, and end the goals whose object has ended on it."""
        goals = [goal for goal in self._all() if goal.object_id and not goal.ended.done()]
        if not goals:
            return
        tracks = {track.object_id: track for track in tracked.tracks}
        for goal in goals:
            track = tracks.get(goal.object_id)
            if track is None:
                # An image may be older than the prompt, until one with the object has come.
                if goal.observed or not goal.tracked:
                    goal.end(*_removed(goal.object_id))
                continue
            goal.observed = True
            self._follow(goal, track, tracked.image.message.header)

    def _follow(self, goal: _Goal, track: Track, header: Header) -> None:
        goal.header, goal.track = header, track
        feedback = Follow.Feedback(header=header, track=track_message(track, mask=None))
        goal.handle.publish_feedback(feedback)
        patience = nanoseconds(goal.handle.request.give_up_after)
        unseen = (
            f'object {track.object_id} was not visible for {track.time_since_seen / 1e9:.1f} s'
        )
        if track.state is TrackState.FORGOTTEN:
            goal.end(Follow.Result.END_LOST, f'{unseen} (forget_after)')
        elif patience and track.time_since_seen >= patience:
            goal.end(Follow.Result.END_LOST, f'{unseen} (give_up_after)')

    def _all(self) -> list[_Goal]:
        with self._lock:
            return list(self._goals.values())

    def _on_goal(self, _: Follow.Goal) -> GoalResponse:
        with self._lock:
            full = len(self._goals) >= MOST_GOALS
        if full:
            self._node.get_logger().warning(f'a goal was rejected: {TOO_MANY}')
        return GoalResponse.REJECT if full else GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        key = bytes(handle.goal_id.uuid)
        with self._lock:
            # Others may have come on other threads since ``_on_goal``.
            full = key not in self._goals and len(self._goals) >= MOST_GOALS
            # It counts from now on, and not only when a thread is free to execute it.
            goal = self._goals.setdefault(key, _Goal(handle))
        if full:
            goal.end(Follow.Result.END_REFUSED, TOO_MANY)
        handle.execute()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        self._goal(handle).end(Follow.Result.END_CANCELED, 'the goal was cancelled')
        return CancelResponse.ACCEPT

    def _goal(self, handle: ServerGoalHandle) -> _Goal:
        """Return the goal of a handle; its cancellation may come before its execution."""
        with self._lock:
            return self._goals.setdefault(bytes(handle.goal_id.uuid), _Goal(handle))

    async def _execute(self, handle: ServerGoalHandle) -> Follow.Result:
        goal = self._goal(handle)
        try:
            if not goal.ended.done():
                await self._begin(goal)
            await completion(self._node, goal.ended)
            return await self._result(goal, goal.ended.result())
        finally:
            with self._lock:
                del self._goals[bytes(handle.goal_id.uuid)]

    async def _begin(self, goal: _Goal) -> None:
        """Find or prompt the object of a goal; a goal that is refused ends."""
        try:
            session = self._running_session()
            request = goal.handle.request
            if (patience := nanoseconds(request.give_up_after)) < 0:
                raise PromptError(
                    f'give_up_after is {patience / 1e9:g} s, and must not be negative'
                )
            prompt: Prompt = request.prompt
            if _has_shapes(prompt):
                answer = await self._prompted(session, prompt)
            elif prompt.object_id:
                answer = _tracked(session, prompt.object_id)
            elif request.text:
                answer = await self._prompted(session, await self._named(request))
            else:
                raise PromptError('the goal has neither a prompt, nor an object_id, nor a text')
        except REFUSALS as error:
            goal.end(Follow.Result.END_REFUSED, str(error))
            return
        except Exception as error:
            self._node.errors.report('a goal failed', error)
            goal.end(Follow.Result.END_REFUSED, f'internal error: {describe(error)}')
            return
        goal.header, goal.track = answer.tracked.image.message.header, answer.track
        goal.session, goal.object_id = session, answer.track.object_id
        # From now on its images are observed; it may be gone already.
        if not goal.tracked:
            goal.end(*_removed(goal.object_id))

    async def _prompted(self, session: TrackingSession, prompt: Prompt) -> PromptAnswer:
        future = session.submit(partial(self._prompt, session, prompt), urgent=True)
        return await result_within(self._node, future, self._settings().service_timeout)

    async def _named(self, request: Follow.Goal) -> Prompt:
        """Return a prompt with the mask of what a text names best."""
        search = SegmentImage.Request(
            header=request.prompt.header,
            mode=SegmentImage.Request.MODE_TEXT,
            text=request.text,
            max_candidates=1,
            include_masks=True,
        )
        found = await self._segment(search, SegmentImage.Response())
        if not found.success:
            raise PromptError(found.message)
        if not found.candidates:
            raise PromptError(f'nothing on the image is {request.text!r}')
        (best,) = found.candidates
        label = request.prompt.label or best.label
        return Prompt(header=found.header, mask=best.mask, label=label)

    async def _result(self, goal: _Goal, end: _End) -> Follow.Result:
        """Forget what is to be forgotten, set the status of a goal, and return its result."""
        result = Follow.Result
        given_up = end.reason in (result.END_CANCELED, result.END_LOST)
        if given_up and goal.object_id and not self.follows(goal.object_id):
            # It may have been removed, or the node stopped, in the meantime.
            with suppress(*REFUSALS):
                session = self._running_session()
                removed = session.submit(partial(session.remove, goal.object_id), urgent=True)
                await result_within(self._node, removed, self._settings().service_timeout)
        if end.reason == result.END_CANCELED and await self._is_canceling(goal.handle):
            goal.handle.canceled()
        elif end.reason == result.END_REMOVED:
            goal.handle.succeed()
        else:
            goal.handle.abort()
        message = result(end=end.reason, message=end.message, header=goal.header)
        if goal.track is not None:
            message.track = track_message(goal.track, mask=None)
        return message

    async def _is_canceling(self, handle: ServerGoalHandle) -> bool:
        """Return whether a goal is being cancelled; rclpy says so after its callback only."""
        for _ in range(round(CANCEL_PATIENCE / CANCEL_PAUSE)):
            if handle.is_cancel_requested:
                return True
            await completion(self._node, Future(), CANCEL_PAUSE)
        return False


def _has_shapes(prompt: Prompt) -> bool:
    box, region = prompt.box, prompt.mask.region
    corners = (box.x_min, box.y_min, box.x_max, box.y_max)
    return bool(len(prompt.points) or any(corners) or region.width or region.height)


def _removed(object_id: int) -> tuple[int, str]:
    return Follow.Result.END_REMOVED, f'object {object_id} was removed'


def _is_tracked(session: TrackingSession | None, object_id: int) -> bool:
    newest = None if session is None else session.newest
    return newest is not None and any(track.object_id == object_id for track in newest.tracks)


def _tracked(session: TrackingSession, object_id: int) -> PromptAnswer:
    """
    Return an object that is tracked already.

    :raises PromptError: it is not.
    """
    newest = session.newest
    tracks = [] if newest is None else newest.tracks
    for track in tracks:
        if track.object_id == object_id and newest is not None:
            return PromptAnswer(track, newest, track.stamp)
    known = ', '.join(str(track.object_id) for track in tracks) or 'none'
    raise PromptError(f'there is no object {object_id}; the objects are: {known}')
