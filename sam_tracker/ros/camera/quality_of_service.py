# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Quality of service of the tracker's topics.

Some camera drivers offer images as reliable, some as best effort. A subscription that asks for
more than is offered receives nothing; one that asks for less loses large images whose fragments
do not fit the transport's buffers. So by default the node asks for what is offered.
"""

from collections.abc import Iterable

from rcl_interfaces.msg import SetParametersResult
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

RESULTS = QoSProfile(depth=5)
"""Tracks and other small messages: reliable, which serves subscribers of both kinds."""

EVENTS = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Rare messages that none may miss: a subscriber that joins late may ask for the last of them."""

PICTURES = QoSProfile(depth=1)
"""Label image and overlay: only the newest matters."""

CLICKS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Best effort asks for the least, so it receives from every publisher of clicks."""

_OVERRIDABLE = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY)

PICTURE_OVERRIDES = QoSOverridingOptions(_OVERRIDABLE)
"""Applies ``qos_overrides.TOPIC.publisher.*`` parameters to published images."""


def image_profile(depth: int = 1) -> QoSProfile:
    """Return the profile of an image subscription; ``image_overrides`` sets its reliability."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.SYSTEM_DEFAULT,
        durability=DurabilityPolicy.VOLATILE,
    )


def image_overrides(wanted: ReliabilityPolicy) -> QoSOverridingOptions:
    """
    Return the options that apply ``qos_overrides.TOPIC.subscription.*`` parameters.

    :param wanted: reliability where no such parameter asks for another.
    """

    def settle(profile: QoSProfile) -> SetParametersResult:
        # The default of the parameter, which was not overridden.
        if profile.reliability is ReliabilityPolicy.SYSTEM_DEFAULT:
            profile.reliability = wanted
        return SetParametersResult(successful=True)

    return QoSOverridingOptions(_OVERRIDABLE, callback=settle)


def wanted_reliability(
    parameter: str, offered: Iterable[ReliabilityPolicy], current: ReliabilityPolicy | None
) -> ReliabilityPolicy:
    """
    Return the reliability to subscribe to images with.

    :param parameter: ``reliable``, ``best_effort``, or ``auto``: reliable when every publisher
        offers it.
    :param offered: that of each publisher.
    :param current: that of the present subscription; kept while there is no publisher.
    """
    if parameter == 'reliable':
        return ReliabilityPolicy.RELIABLE
    if parameter == 'best_effort':
        return ReliabilityPolicy.BEST_EFFORT
    offers = list(offered)
    if not offers:
        return ReliabilityPolicy.BEST_EFFORT if current is None else current
    if all(offer is ReliabilityPolicy.RELIABLE for offer in offers):
        return ReliabilityPolicy.RELIABLE
    return ReliabilityPolicy.BEST_EFFORT
