# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A lifecycle manager's bond with a node, by bondpy on the manager's side, over DDS."""

import signal

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest

bondpy = pytest.importorskip('bondpy.bondpy')

LOCALIZER = 'sam_tracker.nodes.localizer.localizer_node'
PATIENCE = 60.0


def change(listener, transition: int) -> None:
    client = listener.node.create_client(ChangeState, 'localizer/change_state')
    listener.spin_until(client.service_is_ready, 'the service', PATIENCE)
    future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
    listener.spin_until(future.done, 'an answer', PATIENCE)
    assert future.result().success


@pytest.mark.parametrize('killed', [False, True])
def test_a_manager_sees_that_a_node_is_active_and_that_it_is_not_any_more(listener, start, killed):
    program = start(LOCALIZER, autostart=False)
    formed, broken = [], []
    bond = bondpy.Bond(
        listener.node,
        'bond',
        'localizer',
        on_formed=lambda: formed.append(True),
        on_broken=lambda: broken.append(True),
    )
    bond.connect_timeout = PATIENCE
    bond.start()
    change(listener, Transition.TRANSITION_CONFIGURE)
    assert not formed
    change(listener, Transition.TRANSITION_ACTIVATE)
    listener.spin_until(lambda: formed, 'the bond', PATIENCE)
    assert not broken
    if killed:
        program.process.kill()
    else:
        change(listener, Transition.TRANSITION_DEACTIVATE)
    listener.spin_until(lambda: broken, 'the end of the bond', PATIENCE)
    if not killed:
        assert program.end(signal.SIGINT) == 0
        assert 'Traceback' not in program.output
    bond.shutdown()
