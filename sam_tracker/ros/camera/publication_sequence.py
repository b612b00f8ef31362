# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Messages that a subscription never took, by the numbers that their publisher gave them."""

from __future__ import annotations


class PublicationSequence:
    """
    Counts what is missing between the messages that were taken.

    A publisher numbers its messages from one on (``publication_sequence_number`` of
    rmw_message_info_t). A message that the network lost, or that a newer one replaced in the queue
    before anybody took it, leaves a gap. rclpy tells the number and not whose it is: with several
    publishers gaps mean nothing, and nothing is counted.
    """

    def __init__(self) -> None:
        self._last: int | None = None

    def missed(self, number: int | None, publishers: int) -> int:
        """
        Return how many messages are missing between the one before and this one.

        :param number: of this message; None or 0 where the middleware gives none.
        :param publishers: how many there are now.
        """
        if not number or publishers != 1:
            self._last = None
            return 0
        last, self._last = self._last, number
        if last is None or number <= last:
            # The first, or a publisher that was started anew.
            return 0
        return number - last - 1
