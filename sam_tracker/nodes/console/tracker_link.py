# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One tracker of the graph: its services, its diagnostics and, while it is watched, its images."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.qos import QoSProfile
from std_srvs.srv import SetBool, Trigger

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.msg import TrackArray
from sam_tracker.nodes.console.live_frames import LiveFrame, LiveFrames
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.srv import AddPrompt, RemoveObject, SegmentImage

if TYPE_CHECKING:
    from diagnostic_msgs.msg import DiagnosticStatus
    from rclpy.client import Client
    from rclpy.node import Node
    from rclpy.subscription import Subscription
    from rclpy.task import Future

SERVICES = {
    'add_prompt': AddPrompt,
    'remove_object': RemoveObject,
    'reset': Trigger,
    'set_paused': SetBool,
    'segment_image': SegmentImage,
    'list_parameters': ListParameters,
    'describe_parameters': DescribeParameters,
    'get_parameters': GetParameters,
    'set_parameters': SetParameters,
}
COMPRESSED = '/compressed'
IMAGE_TOPIC = 'image topic'
"""Key of the tracker's diagnostics."""


class ServiceError(Exception):
    """A service did not answer; the text names it."""


class TrackerLink:
    """
    Clients and subscriptions of the console for one tracker node.

    Made and destroyed by the thread that spins the node; ``call`` belongs to the thread of the
    pages. Without viewers nothing is subscribed to, and nothing is converted.
    """

    def __init__(self, node: Node, name: str, on_frame: Callable[[LiveFrame], None]) -> None:
        """
        Create the clients.

        :param name: of the tracker node, absolute.
        :param on_frame: called with each frame while the tracker is watched.
        """
        self._node = node
        self.name = name
        self._on_frame = on_frame
        self.dynamic_range = DynamicRange()
        self.status: DiagnosticStatus | None = None
        """The newest diagnostics; None before the first."""
        self.status_time = 0.0
        """When they came, in seconds on the monotonic clock."""
        self._clients: dict[str, Client] = {
            service: node.create_client(kind, f'{name}/{service}')
            for service, kind in SERVICES.items()
        }
        self._frames = LiveFrames()
        self._input: ImageInput | None = None
        self._tracks: Subscription | None = None

    @property
    def image_topic(self) -> str:
        """Full name of the topic that the tracker subscribes to; empty while it is not known."""
        values = self.status.values if self.status is not None else ()
        return next((each.value for each in values if each.key == IMAGE_TOPIC), '')

    def watch(self, watched: bool) -> None:
        """Subscribe to images and tracks, or stop; also follow the tracker to another topic."""
        topic = self.image_topic if watched else ''
        if self._input is not None and self._input.topic != topic:
            self._input.stop()
            self._input = None
            self._frames = LiveFrames()
        if topic and self._input is None:
            self._input = ImageInput(
                self._node,
                'compressed' if topic.endswith(COMPRESSED) else 'raw',
                'auto',
                self._on_image,
                self._node.default_callback_group,
                depth=2,
                topic=topic,
            )
            self._input.start()
        if watched and self._tracks is None:
            self._tracks = self._node.create_subscription(
                TrackArray, f'{self.name}/tracks', self._on_tracks, QoSProfile(depth=5)
            )
        elif not watched and self._tracks is not None:
            self._node.destroy_subscription(self._tracks)
            self._tracks = None

    def check(self) -> None:
        """Follow the reliability that the camera offers; about once a second."""
        if self._input is not None:
            self._input.check(silent=False)

    def destroy(self) -> None:
        self.watch(False)
        for client in self._clients.values():
            self._node.destroy_client(client)

    async def call(self, service: str, request: Any, timeout: float) -> Any:  # noqa: ANN401
        """
        Call a service, on the thread of the pages, and await its answer.

        :param service: a key of SERVICES.
        :param timeout: in seconds.
        :raises ServiceError: the service is not there or does not answer in time.
        """
        client = self._clients[service]
        if not client.service_is_ready():
            raise ServiceError(f'service {client.service_name} is not there: has the node ended?')
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Any] = loop.create_future()

        def finish(future: Future) -> None:
            if not answered.done():
                answered.set_result(future.result())

        future = client.call_async(request)
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(finish, done))
        try:
            return await asyncio.wait_for(answered, timeout)
        except asyncio.TimeoutError:
            raise ServiceError(
                f'service {client.service_name} has not answered within {timeout:g} s'
            ) from None
        finally:
            if not future.done():
                client.remove_pending_request(future)

    def _on_image(self, image: Any) -> None:  # noqa: ANN401 -- Image or CompressedImage
        self._hand_over(self._frames.add_image(image))

    def _on_tracks(self, tracks: TrackArray) -> None:
        self._hand_over(self._frames.add_tracks(tracks))

    def _hand_over(self, frame: LiveFrame | None) -> None:
        if frame is not None:
            self._on_frame(frame)
