# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The image subscription: the reliability it asks for, and why no image arrives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import threading
from typing import TYPE_CHECKING

from rclpy.qos import ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from sam_tracker.ros.camera.camera_topics import CameraTopics
from sam_tracker.ros.camera.publication_sequence import PublicationSequence
from sam_tracker.ros.camera.quality_of_service import (
    image_overrides,
    image_profile,
    wanted_reliability,
)
from sam_tracker.ros.process.fast_dds import users_of_other_segments

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

if TYPE_CHECKING:
    from rclpy.callback_groups import CallbackGroup
    from rclpy.node import Node

NAMED_AT_MOST = 3
HAS_MESSAGE_INFO = hasattr(Subscription, 'CallbackType')
"""Whether rclpy passes message information to callbacks; Humble does not."""


class ImageInput:
    """
    Subscribes to images with the reliability that is offered.

    Call ``check`` about once a second: publishers come and go.
    """

    def __init__(
        self,
        node: Node,
        transport: str,
        reliability: str,
        callback: Callable[[Image | CompressedImage], object],
        group: CallbackGroup,
        depth: int = 1,
        on_missed: Callable[[int], None] | None = None,
        topic: str = '',
        parameter: str = 'image_reliability',
    ) -> None:
        """
        Store the arguments; call ``start`` to subscribe.

        :param transport: ``raw`` or ``compressed``.
        :param reliability: as for ``wanted_reliability``.
        :param depth: how many images may wait for the callback.
        :param on_missed: called with the number of images that were lost or replaced before a
            received one; as far as can be known, see ``PublicationSequence``.
        :param topic: full name; empty: that of ``image`` or ``image/compressed``, remapped.
        :param parameter: the name of the parameter with the reliability, for warnings.
        """
        self._node = node
        self._type = CompressedImage if transport == 'compressed' else Image
        self._wanted = reliability
        self._parameter = parameter
        self._callback = callback
        self._group = group
        self._depth = depth
        self._on_missed = on_missed
        self._sequence = PublicationSequence()
        self._subscription: Subscription | None = None
        self._reliability: ReliabilityPolicy | None = None
        self._logged_refusal = False
        # The node may be deactivated while its diagnostics check the publishers.
        self._lock = threading.Lock()
        topics = CameraTopics.of(node)
        remapped = topics.compressed if transport == 'compressed' else topics.image
        self.topic = topic or remapped
        """Full name of the topic."""

    def start(self) -> None:
        with self._lock:
            # Not with every subscription: images lost while subscribing again count as lost.
            self._sequence = PublicationSequence()
            self._reliability = wanted_reliability(self._wanted, self._offered(), None)
            self._subscribe()

    def stop(self) -> None:
        with self._lock:
            self._unsubscribe()

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._subscription = None

    def check(self, silent: bool, late: bool = False) -> list[str]:
        """
        Subscribe again if the publishers now offer another reliability.

        :param silent: whether images are overdue.
        :param late: whether many images are older than the one before.
        :returns: what keeps images from being received or used, one sentence for each reason.
        """
        with self._lock:
            if self._subscription is None:
                return []
            self._subscribe_to_what_is_offered()
            # With overrides of a qos_overrides parameter.
            asked = self._subscription.qos_profile.reliability
        warnings = self._refusals(asked)
        if silent:
            warnings += self._why_silent()
        if late:
            warnings.append(self._why_late())
        return warnings

    def _refusals(self, asked: ReliabilityPolicy) -> list[str]:
        """
        Return a warning when a publisher offers less than the subscription asks for.

        Reliability is the only policy in which a subscription of this class asks for anything.
        """
        offers = self._offered()
        refused = asked is ReliabilityPolicy.RELIABLE and any(
            offer is ReliabilityPolicy.BEST_EFFORT for offer in offers
        )
        warning = (
            f'a publisher on {self.topic} offers less than is asked for (RELIABILITY): its images '
            f'cannot be received; set {self._parameter} to auto or best_effort'
        )
        if refused and not self._logged_refusal:
            self._node.get_logger().warning(warning)
        self._logged_refusal = refused
        return [warning] if refused else []

    def _subscribe_to_what_is_offered(self) -> None:
        wanted = wanted_reliability(self._wanted, self._offered(), self._reliability)
        if wanted is not self._reliability:
            self._node.get_logger().info(
                f'the publishers on {self.topic} offer {wanted.name.lower()}: resubscribing'
            )
            self._unsubscribe()
            self._reliability = wanted
            self._subscribe()

    def _subscribe(self) -> None:
        assert self._reliability is not None
        counted = HAS_MESSAGE_INFO and self._on_missed is not None
        self._subscription = self._node.create_subscription(
            self._type,
            self.topic,
            self._receive_and_count if counted else self._callback,
            image_profile(self._depth),
            callback_group=self._group,
            # ``check`` sees the same, and also when it is over.
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
            qos_overriding_options=image_overrides(self._reliability),
        )

    def _receive_and_count(
        self, message: Image | CompressedImage, info: Mapping[str, int | None]
    ) -> None:
        publishers = self._node.count_publishers(self.topic)
        missed = self._sequence.missed(info['publication_sequence_number'], publishers)
        if missed and self._on_missed is not None:
            self._on_missed(missed)
        self._callback(message)

    def _offered(self) -> list[ReliabilityPolicy]:
        return [
            publisher.qos_profile.reliability
            for publisher in self._node.get_publishers_info_by_topic(self.topic)
        ]

    def _why_late(self) -> str:
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        late = 'images that are older than the one before are dropped'
        if len(publishers) < 2:
            return late
        names = {f'{each.node_namespace.rstrip("/")}/{each.node_name}' for each in publishers}
        return (
            f'{late}: {len(publishers)} publishers on {self.topic} have different clocks '
            f'({", ".join(sorted(names))})'
        )

    def _why_silent(self) -> list[str]:
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        expected = f'sensor_msgs/msg/{self._type.__name__}'
        others = {each.topic_type for each in publishers} - {expected}
        if others:
            return [f'{self.topic} carries {", ".join(sorted(others))} and not {expected}']
        if publishers:
            nothing = f'{len(publishers)} publisher(s) on {self.topic} send nothing'
            if users := users_of_other_segments():
                nothing += (
                    f'; nodes of {", ".join(users)} run on this machine, whose shared memory this '
                    'process cannot use: run all nodes as one user'
                )
            return [nothing]
        own = self._node.get_fully_qualified_name() + '/'
        elsewhere = sorted(
            name
            for name, types in self._node.get_topic_names_and_types()
            if expected in types and not name.startswith(own) and name != self.topic
            if self._node.count_publishers(name)
        )
        if not elsewhere:
            return ['no publisher of images']
        more = ', ...' if len(elsewhere) > NAMED_AT_MOST else ''
        named = ', '.join(elsewhere[:NAMED_AT_MOST])
        return [f'no publisher there, but there are images on {named}{more}: remap']
