# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Shared by all open pages: sends frames to viewers and commands to trackers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
import json
import time
from typing import TYPE_CHECKING, Any

from std_srvs.srv import SetBool, Trigger

from sam_tracker.nodes.console.commands import (
    AddPrompt,
    FindCandidates,
    ReadParameters,
    RemoveObject,
    Rename,
    Request,
    Reset,
    SetParameter,
    SetPaused,
    Shown,
    StartRecording,
    StopRecording,
    TrackerCommand,
    Watch,
)
from sam_tracker.nodes.console.live_parameters import live_parameters, set_parameter
from sam_tracker.nodes.console.pictures import Picture, PictureEncoder
from sam_tracker.nodes.console.recordings import RecordingRefusedError, Recordings
from sam_tracker.nodes.console.requests import (
    add_prompt_request,
    candidates_answer,
    candidates_request,
    rename_request,
)
from sam_tracker.nodes.console.tracker_link import ServiceError
from sam_tracker.srv import RemoveObject as RemoveObjectService

if TYPE_CHECKING:
    from sam_tracker.nodes.console.console_node import ConsoleNode
    from sam_tracker.nodes.console.tracker_link import TrackerLink
    from sam_tracker.nodes.console.viewer import Viewer
    from sam_tracker.ros.process.error_log import ErrorLog

STATE_PERIOD = 1.0
"""Seconds between two states sent to the pages."""
STALE_AFTER = 3.0
"""Seconds without diagnostics after which a tracker counts as silent."""
ANSWER_TIMEOUT = 20.0
"""Seconds for an answer of the tracker; it gives up after service_timeout itself."""
SEGMENT_TIMEOUT = 70.0
"""Seconds for candidates: a first search for words loads a model."""


MOST_TASKS = 32
"""Commands of all pages under way; further ones are refused."""


class RefusedError(Exception):
    """A command that is not carried out; the text says why."""


class Desk:
    """Lives on the thread of the pages, in its event loop."""

    def __init__(self, node: ConsoleNode, errors: ErrorLog) -> None:
        """
        Start the thread that encodes pictures; ``run`` serves.

        :param node: spun by another thread.
        :param errors: receives what is no refusal.
        """
        self._node = node
        self._errors = errors
        settings = node.settings
        self._encoder = PictureEncoder(settings.maximum_width, settings.jpeg_quality)
        self.recordings = Recordings(
            settings.recordings_folder,
            lambda line: node.get_logger().error(f'the recorder has failed: {line}'),
        )
        self.viewers: set[Viewer] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        return len(self.viewers) >= self._node.settings.maximum_viewers

    async def run(self) -> None:
        """Serve the viewers until cancelled."""
        loop = asyncio.get_running_loop()

        def on_frames() -> None:
            # The loop is closed before the node is destroyed.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._show_frames)

        self._node.notify(on_frames)
        try:
            while True:
                await self.recordings.refresh()
                self._tell()
                await asyncio.sleep(STATE_PERIOD)
        finally:
            for task in self._tasks:
                task.cancel()
            self._encoder.close()
            await self.recordings.close()

    def enter(self, viewer: Viewer) -> None:
        self.viewers.add(viewer)
        viewer.tell(self._state())

    def leave(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)
        self._note_watched()

    def handle(self, viewer: Viewer, request: Request) -> None:
        """Carry out what a page asks for; the answer follows when there is one."""
        command = request.command
        if isinstance(command, Shown):
            viewer.shown()
        elif isinstance(command, Watch):
            viewer.watch(command.tracker)
            self._note_watched()
        elif len(self._tasks) >= MOST_TASKS:
            viewer.answer(
                request.number, False, f'busy: {MOST_TASKS} commands of all pages are under way'
            )
        else:
            # Counted at once: a page may send many commands before the first task runs.
            viewer.under_way += 1
            task = asyncio.ensure_future(self._answer(viewer, request.number, command))
            self._tasks.add(task)

            def on_done(task: asyncio.Task[None]) -> None:
                viewer.under_way -= 1
                self._tasks.discard(task)

            task.add_done_callback(on_done)

    async def _answer(self, viewer: Viewer, number: int, command: TrackerCommand) -> None:
        try:
            message, values = await self._carry_out(command)
        except (RefusedError, ServiceError, RecordingRefusedError) as error:
            viewer.answer(number, False, str(error))
        except Exception as error:
            # A defect in one command must not end the page's connection.
            self._errors.report('a command failed', error)
            viewer.answer(number, False, f'internal error: {error}')
        else:
            viewer.answer(number, True, message, **values)

    async def _carry_out(self, command: TrackerCommand) -> tuple[str, dict[str, Any]]:
        """Return a message for the page, and further fields of the answer."""
        if self._node.settings.read_only and not isinstance(command, ReadParameters):
            raise RefusedError('this console is read-only')
        if isinstance(command, StopRecording):
            # The tracker may have gone meanwhile.
            name = await self.recordings.stop()
            self._tell()
            return f'recording {name} is complete', {}
        link = self._link(command.tracker)
        if isinstance(command, ReadParameters):
            return '', await live_parameters(link)
        if isinstance(command, AddPrompt):
            response = await self._asked(link, 'add_prompt', add_prompt_request(command))
            return response.message, {'object_id': response.track.object_id}
        if isinstance(command, FindCandidates):
            request = candidates_request(command)
            response = await self._asked(link, 'segment_image', request, SEGMENT_TIMEOUT)
            return response.message, candidates_answer(response)
        return await self._changed(link, command), {}

    async def _changed(self, link: TrackerLink, command: TrackerCommand) -> str:
        if isinstance(command, SetParameter):
            if reason := await set_parameter(link, command.name, command.value):
                raise RefusedError(reason)
            return f'{command.name} is {command.value}'
        if isinstance(command, StartRecording):
            name = await self.recordings.start(link.name, link.image_topic)
            self._tell()
            return f'recording {name}'
        service, request = _request_of(command)
        message: str = (await self._asked(link, service, request)).message
        if isinstance(command, Rename):
            return f'object {command.object_id} is called {command.label!r}'
        return message

    @staticmethod
    async def _asked(
        link: TrackerLink,
        service: str,
        request: Any,  # noqa: ANN401 -- of any service
        timeout: float = ANSWER_TIMEOUT,
    ) -> Any:  # noqa: ANN401
        response = await link.call(service, request, timeout)
        if not response.success:
            raise RefusedError(response.message)
        return response

    def _link(self, tracker: str) -> TrackerLink:
        link = self._node.links.get(tracker)
        if link is None:
            known = ', '.join(self._node.links) or 'none'
            raise RefusedError(f'there is no tracker {tracker!r}; found: {known}')
        return link

    def _show_frames(self) -> None:
        for tracker, frame in self._node.take_frames().items():
            viewers = [viewer for viewer in self.viewers if viewer.tracker == tracker]
            link = self._node.links.get(tracker)
            if viewers and link is not None:
                picture = Picture(tracker, frame, self._encoder, link.dynamic_range)
                for viewer in viewers:
                    viewer.offer(picture)

    def _note_watched(self) -> None:
        self._node.watched = frozenset(viewer.tracker for viewer in self.viewers)

    def _tell(self) -> None:
        if self.viewers:
            state = self._state()
            for viewer in self.viewers:
                viewer.tell(state)

    def _state(self) -> str:
        """Return the state that pages show besides the frames, as JSON."""
        now = time.monotonic()
        return json.dumps(
            {
                'kind': 'state',
                'read_only': self._node.settings.read_only,
                'needs_password': bool(self._node.settings.password_file),
                'viewers': len(self.viewers),
                'recordings': self.recordings.state(),
                'trackers': [_tracker_state(link, now) for link in self._node.links.values()],
            }
        )


def _request_of(command: TrackerCommand) -> tuple[str, Any]:
    """Return the service for a command that is one call, and its request."""
    if isinstance(command, RemoveObject):
        return 'remove_object', RemoveObjectService.Request(object_id=command.object_id)
    if isinstance(command, Rename):
        return 'add_prompt', rename_request(command)
    if isinstance(command, Reset):
        return 'reset', Trigger.Request()
    assert isinstance(command, SetPaused)
    return 'set_paused', SetBool.Request(data=command.paused)


def _tracker_state(link: TrackerLink, now: float) -> dict[str, Any]:
    status = link.status
    silent = status is None or now - link.status_time > STALE_AFTER
    level = 2 if silent or status is None else int.from_bytes(status.level, 'little')
    return {
        'name': link.name,
        'image_topic': link.image_topic,
        'silent': silent,
        'level': level,
        'message': '' if status is None else status.message,
        'values': {} if status is None else {each.key: each.value for each in status.values},
    }
