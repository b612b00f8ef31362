# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Client of the services of a tracker node, with timeouts."""

from collections.abc import Callable
import time
from typing import TYPE_CHECKING, Any

import rclpy
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from sam_tracker.msg import TrackArray
from sam_tracker.srv import AddPrompt, GetObjects, RemoveObject

if TYPE_CHECKING:
    from rclpy.client import Client
    from rclpy.node import Node

SERVICES = {
    'add_prompt': AddPrompt,
    'remove_object': RemoveObject,
    'get_objects': GetObjects,
    'reset': Trigger,
    'set_paused': SetBool,
}

PATIENCE = 1.0
"""Seconds of waiting before a line names what is awaited."""


class TrackerClientError(Exception):
    """The tracker did not answer in time; the text names service or topic."""


class TrackerClient:
    """Client of the services of one tracker node; it spins its own node while it waits."""

    def __init__(self, node: 'Node', tracker: str, say: Callable[[str], None]) -> None:
        """
        Store the arguments; the client of a service is created at its first use.

        :param node: spun while the client waits.
        :param tracker: name of the tracker node, relative to the node's namespace or absolute.
        :param say: called with a line that says what is awaited, when a wait takes long.
        """
        self._node = node
        self._tracker = tracker
        self._say = say
        self._clients: dict[str, Client] = {}

    def ask(self, service: str, request: Any, timeout: float) -> Any:  # noqa: ANN401 -- any service
        """
        Call a service and wait for its answer.

        :param service: a key of SERVICES.
        :param request: of the type of the service.
        :param timeout: seconds to wait for the service, and again for its answer.
        :returns: the response.
        :raises TrackerClientError: the service is not available or does not answer in time.
        """
        client = self._client(service)
        self._wait_for(client, timeout)
        future = client.call_async(request)
        rclpy.spin_until_future_complete(self._node, future, timeout_sec=timeout)
        if not future.done():
            client.remove_pending_request(future)
            raise TrackerClientError(
                f'service {client.service_name} has not answered within {timeout:g} s'
            )
        return future.result()

    def wait_for(self, service: str, timeout: float) -> None:
        """
        Wait until a service is available.

        :param timeout: in seconds.
        :raises TrackerClientError: the service is not available in time.
        """
        self._wait_for(self._client(service), timeout)

    def next_image(self, timeout: float) -> Header:
        """
        Wait for the tracker to process an image and return its header.

        :param timeout: in seconds.
        :raises TrackerClientError: no image is processed in time.
        """
        headers: list[Header] = []
        subscription = self._node.create_subscription(
            TrackArray, f'{self._tracker}/tracks', lambda tracks: headers.append(tracks.header), 10
        )
        try:
            start = time.monotonic()
            said = False
            while not headers:
                rclpy.spin_once(self._node, timeout_sec=0.1)
                waited = time.monotonic() - start
                if waited > timeout:
                    raise TrackerClientError(
                        f'no image has been processed within {timeout:g} s: nothing came on '
                        f'{subscription.topic_name}'
                    )
                if waited > PATIENCE and not said:
                    self._say(f'waiting up to {timeout:g} s for {subscription.topic_name}')
                    said = True
            return headers[0]
        finally:
            self._node.destroy_subscription(subscription)

    def _client(self, service: str) -> 'Client':
        if service not in self._clients:
            name = f'{self._tracker}/{service}'
            self._clients[service] = self._node.create_client(SERVICES[service], name)
        return self._clients[service]

    def _wait_for(self, client: 'Client', timeout: float) -> None:
        if client.wait_for_service(min(timeout, PATIENCE)):
            return
        self._say(f'waiting up to {timeout:g} s for service {client.service_name}')
        deadline = time.monotonic() + timeout - PATIENCE
        if client.wait_for_service(max(deadline - time.monotonic(), 0.0)):
            return
        trackers = self._known_trackers()
        others = (
            f'there is {", ".join(trackers)}: give --tracker' if trackers else 'no tracker runs'
        )
        raise TrackerClientError(
            f'service {client.service_name} is not available after {timeout:g} s; {others}'
        )

    def _known_trackers(self) -> list[str]:
        suffix, kind = '/add_prompt', 'sam_tracker/srv/AddPrompt'
        return sorted(
            name.removesuffix(suffix)
            for name, kinds in self._node.get_service_names_and_types()
            if name.endswith(suffix) and kind in kinds
        )
