# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The topics of one camera, and the quality of service of its images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from sam_tracker.ros.parameters.declaration import ParameterError

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.publisher import Publisher


@dataclass(frozen=True)
class CameraTopics:
    """Fully qualified names, derived from that of the raw images as image_transport does."""

    image: str
    compressed: str
    camera_info: str

    @classmethod
    def of(cls, node: 'Node') -> 'CameraTopics':
        """Return the topics of the camera on ``image``: remapping that one moves all of them."""
        image = node.resolve_topic_name('image')
        return cls(image, f'{image}/compressed', f'{image.rpartition("/")[0]}/camera_info')


def image_quality_of_service(reliability: str, depth: int) -> QoSProfile:
    """
    Return the profile of an image topic.

    :param reliability: one of ``RELIABILITIES``.
    :param depth: images that may wait in the queue.
    """
    return QoSProfile(
        reliability=ReliabilityPolicy[reliability.upper()],
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
    )


def image_publisher(
    node: 'Node', kind: type[Any], topic: str, reliability: str, depth: int
) -> 'Publisher':
    """
    Return a publisher whose quality ``qos_overrides.TOPIC.publisher.*`` parameters may change.

    :raises ParameterError: an override names a policy that does not exist.
    """
    # A profile of its own: overriding writes into the profile it is given.
    profile = image_quality_of_service(reliability, depth)
    options = QoSOverridingOptions.with_default_policies()
    try:
        return node.create_publisher(kind, topic, profile, qos_overriding_options=options)
    except RuntimeError as error:
        raise ParameterError(f'qos_overrides.{topic}.publisher: {error}') from error
