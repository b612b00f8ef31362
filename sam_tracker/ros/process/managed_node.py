# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A lifecycle node that answers while it configures, and can configure itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lifecycle_msgs.srv import ChangeState
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from sam_tracker.ros.process import manager_bond
from sam_tracker.ros.process.error_log import ErrorLog

if TYPE_CHECKING:
    from collections.abc import Callable


class ManagedNode(LifecycleNodeMixin, Node):
    """
    A LifecycleNode for transitions that take seconds.

    While one runs, the other lifecycle services and the parameter services answer; a second
    transition is refused at once. A transition that does not start at the present state is
    answered with ``success`` false, where rclpy lets an error end the process. Needs an executor
    with several threads.

    A node that is not started automatically has a bond with its lifecycle manager while it is
    active, where bond is installed.
    """

    def __init__(self, node_name: str, **options: object) -> None:
        """
        Create an unconfigured node.

        :param options: keyword arguments of ``rclpy.node.Node``.
        """
        Node.__init__(self, node_name, **options)
        # LifecycleNode passes no group on, and its default is shared with the parameter services.
        LifecycleNodeMixin.__init__(self, callback_group=ReentrantCallbackGroup())
        self._bond: manager_bond.ManagerBond | None = None
        self.errors = ErrorLog(self.get_logger())
        """For errors that are no refusals."""
        self._transition = threading.Lock()
        (service,) = (each for each in self.services if each.srv_type is ChangeState)
        self._change_state: Callable[
            [ChangeState.Request, ChangeState.Response], ChangeState.Response
        ] = service.callback
        service.callback = self._on_change_state

    def begin(self, *, autostart: bool) -> None:
        """Configure and activate as soon as the node spins, or leave that to a manager."""
        if not autostart:
            if manager_bond.INSTALLED:
                self._bond = manager_bond.ManagerBond(self)
            return
        self._autostart_timer = self.create_timer(
            0.0,
            self._autostart,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    def _autostart(self) -> None:
        self._autostart_timer.cancel()
        with self._transition:
            try:
                if self.trigger_configure() is TransitionCallbackReturn.SUCCESS:
                    self.trigger_activate()
            except RuntimeError as error:
                # Another client requested a transition first; after a shutdown there is no log.
                if self.context.ok():
                    self.get_logger().warning(f'not started automatically: {error}')

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result: TransitionCallbackReturn = super().on_activate(state)
        if self._bond is not None:
            self._bond.form()
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._end_bond()
        return super().on_deactivate(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._end_bond()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._end_bond()
        return super().on_error(state)

    def _end_bond(self) -> None:
        if self._bond is not None:
            self._bond.end()

    def _on_change_state(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        if not self._transition.acquire(blocking=False):
            self.get_logger().warning('a transition was refused: another one is in progress')
            response.success = False
            return response
        try:
            return self._change_state(request, response)
        except RuntimeError as error:
            self.get_logger().warning(f'a transition was refused: {error}')
            response.success = False
            return response
        finally:
            self._transition.release()
