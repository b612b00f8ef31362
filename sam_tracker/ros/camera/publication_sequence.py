# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Count messages that a subscription missed, by the sequence numbers of their publisher."""

from __future__ import annotations


class PublicationSequence:
    """
    Counts the gaps between received messages.

    A publisher numbers its messages from 1 (``publication_sequence_number`` of
    rmw_message_info_t). A message that was lost in transport, or replaced in the queue of the
    subscription, leaves a gap. rclpy does not say which publisher a number is from: with several
    publishers gaps have no meaning, and nothing is counted. Nor is anything where the middleware
    gives no numbers, such as CycloneDDS, and with Humble, whose rclpy does not pass them on.
    """

    def __init__(self) -> None:
        self._last: int | None = None

    def missed(self, number: int | None, publishers: int) -> int:
        """
        Return the number of messages missing between the previous one and this one.

        :param number: of this message; None or 0 where the middleware gives none.
        :param publishers: number of publishers of the topic.
        """
        if not number or publishers != 1:
            self._last = None
            return 0
        last, self._last = self._last, number
        if last is None or number <= last:
            # The first message, or the publisher was restarted.
            return 0
        return number - last - 1
