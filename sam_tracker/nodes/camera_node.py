# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A lifecycle node that runs a network on the images of one camera.

Configured, it has a network and everything else of its session; active, it also subscribes to
images. Deactivation keeps the session, cleaning up forgets it and frees all memory.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
import contextlib
import ctypes
import gc
import math
import time
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
import torch

from sam_tracker.core.texts import printable
from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.ros.parameters.camera_node import CameraNodeParameters
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.node_parameters import NodeParameters
from sam_tracker.ros.process.error_log import describe
from sam_tracker.ros.process.given_parameters import warn_of_ignored_overrides
from sam_tracker.ros.process.managed_node import ManagedNode
from sam_tracker.ros.process.worker import WorkerStoppedError

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.nodes.network_setup import NetworkSetup
    from sam_tracker.ros.camera.image_buffer import ImageBuffer
    from sam_tracker.ros.camera.image_intake import ImageIntake

STOP_TIMEOUT = 30.0
"""Seconds to wait for a thread to end when the node is deactivated."""
END_TIMEOUT = 0.5
"""Seconds to wait for each thread to end when the program ends."""
GRACE = 2.0
"""Seconds after a signal within which the process ends, whatever its threads do."""


class CameraSession(Protocol):
    """State of a camera node between ``configure`` and ``cleanup``."""

    setup: NetworkSetup[Any]
    buffer: ImageBuffer
    intake: ImageIntake
    error: str
    """Why the node does not work although it should; empty: nothing is wrong."""
    paused: bool

    @property
    def running(self) -> bool: ...

    def receive(self, message: Image | CompressedImage) -> None:
        """Accept an image; called by the thread of the image callback."""

    def object_states(self) -> Mapping[str, int]:
        """Return the number of tracked objects by state."""

    def start(self) -> None: ...

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """End the threads, each within ``timeout`` seconds; return whether they have ended."""

    def close(self, timeout: float = STOP_TIMEOUT) -> None:
        """End all threads and destroy everything; the session cannot be used any more."""


Parameters = TypeVar('Parameters', bound=CameraNodeParameters)
Session = TypeVar('Session', bound=CameraSession)


class CameraNode(ManagedNode, Generic[Parameters, Session]):
    """Manages the lifecycle of a session; subclasses make the session."""

    def __init__(
        self,
        node_name: str,
        parameters: type[Parameters],
        **options: object,
    ) -> None:
        """
        Declare the parameters.

        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        """
        # First of all: rclpy destroys a node whose constructor failed.
        self.session: Session | None = None
        self.image_input: ImageInput | None = None
        self.setup_error = ''
        """Why the node could not be configured; empty: it was not tried, or it is."""
        self._finalized = False
        self._configuring = False
        super().__init__(node_name, **options)
        self._node_parameters = NodeParameters(
            self,
            parameters,
            configured=lambda: self.session is not None or self._configuring,
            on_change=self.on_parameters,
        )
        self._image_group = MutuallyExclusiveCallbackGroup()

    @property
    def settings(self) -> Parameters:
        """The current parameters."""
        return self._node_parameters.values

    @property
    def no_image_warning(self) -> float:
        """Seconds without an image after which that is worth a warning."""
        return math.inf

    @property
    def refused_prompts(self) -> int:
        return 0

    @property
    def more_values(self) -> Mapping[str, str]:
        """Values for diagnostics, besides those of every camera node."""
        return {}

    @property
    def more_warnings(self) -> Sequence[str]:
        """Warnings for diagnostics."""
        return ()

    @abstractmethod
    def make_session(self, parameters: Parameters) -> Session:
        """Return a new session with a network, or raise and leave nothing behind."""

    # --- lifecycle ---

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        start = time.monotonic()
        parameters = self.settings
        self.setup_error, self._configuring = '', True
        try:
            self.session = self.make_session(parameters)
        except (CheckpointError, ParameterError, ValueError) as error:
            self.setup_error = str(error)
        except Exception as error:
            # Errors of devices and their libraries have no common type.
            self.setup_error = describe(error)
            if self.context.ok():
                self.errors.report('configuring failed', error)
        finally:
            self._configuring = False
        if self.session is None:
            if self.context.ok():
                self.get_logger().error(f'cannot be configured: {printable(self.setup_error)}')
            # After an out-of-memory error the next attempt needs the memory that this one held.
            free_memory()
            return TransitionCallbackReturn.FAILURE
        self.image_input = ImageInput(
            self,
            parameters.image_transport,
            parameters.image_reliability,
            self.session.receive,
            self._image_group,
            on_missed=self.session.intake.miss,
        )
        # Those that were changed meanwhile.
        self.on_parameters(self.settings)
        description = self.session.setup.description
        self.get_logger().info(f'{description}, ready in {time.monotonic() - start:.1f} s')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        assert self.session is not None
        assert self.image_input is not None
        # Publishers are enabled before the first image comes.
        result = super().on_activate(state)
        self.session.start()
        try:
            self.image_input.start()
        except RuntimeError as error:
            # Such as a qos_overrides parameter that names no policy.
            self._stop()
            super().on_deactivate(state)
            self.session.error = f'cannot subscribe to {self.image_input.topic}: {error}'
            self.get_logger().error(self.session.error)
            return TransitionCallbackReturn.FAILURE
        warn_of_ignored_overrides(self)
        self.get_logger().info(f'waiting for images on {self.image_input.topic}')
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if not self._stop():
            self.get_logger().error(
                f'a thread did not stop within {STOP_TIMEOUT:g} s (device hang?)'
            )
            return TransitionCallbackReturn.ERROR
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_cleanup(state)
        self._close()
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._close()
        self._finalized = True
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        # What did not stop in time is not waited for again.
        self._close(0.0)
        return super().on_error(state)

    def destroy_node(self) -> None:
        if self.image_input is not None:
            self.image_input.stop()
        if self.session is not None:
            self.session.close(END_TIMEOUT)
        self.session = self.image_input = None
        super().destroy_node()

    def _stop(self) -> bool:
        if self.image_input is not None:
            self.image_input.stop()
        stopped = self.session is None or self.session.stop()
        self.session_stopped()
        return stopped

    def _close(self, timeout: float = STOP_TIMEOUT) -> None:
        session, image_input = self.session, self.image_input
        self.session = self.image_input = None
        if image_input is not None:
            image_input.stop()
        if session is not None:
            session.close(timeout)
        del session
        self.session_stopped()
        free_memory()

    @property
    def state_name(self) -> str:
        """The lifecycle state, by its name in ROS."""
        if self._configuring:
            return 'configuring'
        session = self.session
        if session is None:
            return 'finalized' if self._finalized else 'unconfigured'
        return 'active' if session.running else 'inactive'

    def running_session(self) -> Session:
        """Return the session; raise ``WorkerStoppedError`` when none is running."""
        session = self.session
        if session is None or not session.running:
            reason = f': {self.setup_error}' if self.setup_error else ''
            raise WorkerStoppedError(f'the node is {self.state_name}{reason}')
        return session

    def session_stopped(self) -> None:
        """End what waits for the session; called whenever it has stopped."""

    def on_parameters(self, values: Parameters) -> None:
        """Apply parameters that were changed."""
        session = self.session
        if session is not None:
            session.buffer.set_bounds(values.buffer.seconds, values.buffer.megabytes)


def free_memory() -> None:
    """Free everything unreferenced, and return it to the system and the device."""
    # The network goes now, not at the next garbage collection.
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    # Otherwise every thread of the executor that once configured keeps an arena.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL('libc.so.6').malloc_trim(0)
