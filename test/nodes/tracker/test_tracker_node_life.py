# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The life of the tracker node's process: its states, its memory, its end; over real DDS."""

from pathlib import Path
import signal
from statistics import median
import sys

from lifecycle_msgs.msg import Transition
import numpy as np
import pytest

from sam_tracker.core.time import SECOND
from sam_tracker.ros.messages.stamps import nanoseconds

NODE = 'sam_tracker.nodes.tracker.tracker_node'
ROUNDS = 20
CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE
DEACTIVATE, CLEANUP = Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP


@pytest.fixture(scope='module')
def manual_program(graph, random_checkpoint):
    return graph.start(
        NODE,
        '-r',
        '__ns:=/manual',
        checkpoint=random_checkpoint,
        device='cpu',
        precision='float32',
        cpu_threads=1,
        autostart='false',
        # The random network answers all prompts with much the same mask.
        resolve_overlaps='false',
    )


@pytest.fixture
def manual(manual_program, new_tester):
    return new_tester(namespace='/manual')


def test_without_autostart_it_waits_and_answers_what_it_cannot_do(manual):
    assert manual.state() == 'unconfigured'
    for service in ('add_prompt', 'get_objects', 'reset', 'set_paused'):
        answer = manual.call(service)
        assert not answer.success
        assert answer.message == 'the node is unconfigured'
    assert manual.set('maximum_objects', 3).successful


def test_every_transition_in_any_order_leaves_it_alive(manual):
    possible = {
        'unconfigured': {CONFIGURE: 'inactive'},
        'inactive': {ACTIVATE: 'active', CLEANUP: 'unconfigured'},
        'active': {DEACTIVATE: 'inactive'},
    }
    random = np.random.default_rng(3)
    state = 'unconfigured'
    for transition in random.choice([CONFIGURE, ACTIVATE, DEACTIVATE, CLEANUP], 24).tolist():
        after = possible[state].get(transition)
        assert manual.change(transition) is (after is not None)
        state = after or state
        assert manual.state() == state
    for transition in (DEACTIVATE, CLEANUP):
        manual.change(transition)
    assert manual.state() == 'unconfigured'


def test_weights_that_are_not_there_are_named_and_can_be_set_right(manual, random_checkpoint):
    assert manual.set('checkpoint', '/nowhere/weights.pt').successful
    assert not manual.change(CONFIGURE)
    assert manual.state() == 'unconfigured'
    answer = manual.call('reset')
    assert '/nowhere/weights.pt' in answer.message
    status, _ = manual.diagnosed(lambda status, _: status.level != b'\0', 'an error')
    assert '/nowhere/weights.pt' in status.message
    assert manual.set('checkpoint', str(random_checkpoint)).successful
    assert manual.change(CONFIGURE)
    assert manual.change(CLEANUP)


def test_twenty_rounds_through_its_states_leave_memory_where_it_was(
    graph, manual, manual_program, new_camera
):
    camera = new_camera(namespace='/manual', rate=20.0)
    resident = []
    for turn in range(ROUNDS):
        assert manual.change(CONFIGURE)
        assert manual.change(ACTIVATE)
        if turn % 5 == 0:
            manual.next_tracks()
            assert manual.add_box().success
            manual.next_tracks()
        assert manual.change(DEACTIVATE)
        assert manual.change(CLEANUP)
        resident.append(graph.resident_megabytes(manual_program))
    camera.close()
    # The first rounds fill the caches of libraries, in each thread that configures. A network that
    # is not given back would add its 14 MB in every round.
    settled = resident[ROUNDS // 2 :]
    assert max(settled) - min(settled) < 25, resident


def test_objects_survive_deactivation_but_not_cleaning_up(manual, new_camera):
    new_camera(namespace='/manual')
    assert manual.change(CONFIGURE)
    assert manual.change(ACTIVATE)
    manual.next_tracks()
    assert manual.add_box().success
    assert manual.change(DEACTIVATE)
    assert manual.call('get_objects').message == 'the node is inactive'
    assert manual.change(ACTIVATE)
    assert [track.object_id for track in manual.next_tracks()[0].tracks] == [1]
    for transition in (DEACTIVATE, CLEANUP, CONFIGURE, ACTIVATE):
        assert manual.change(transition)
    assert manual.next_tracks()[0].tracks == []


def test_at_most_as_many_objects_as_the_parameter_says(manual):
    for left in (10.0, 50.0, 90.0):
        assert manual.add_box(left, 60.0, left + 25.0, 90.0).success
    answer = manual.add_box(10.0, 10.0, 40.0, 35.0)
    assert not answer.success
    assert answer.message == '3 objects are tracked, and maximum_objects is 3'


def test_a_node_that_was_shut_down_says_so_until_its_process_is_ended(manual, manual_program):
    assert manual.state() == 'active'
    assert manual.change(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert manual.state() == 'finalized'
    assert manual.call('reset').message == 'the node is finalized'
    assert not manual.change(CONFIGURE)
    assert manual_program.end(signal.SIGINT) == 0
    assert 'Traceback' not in manual_program.output


def test_a_slow_network_drops_images_and_counts_them_and_answers_stay_young(
    graph, random_checkpoint, new_camera, new_tester
):
    slow = graph.start(
        NODE,
        '-r',
        '__ns:=/slow',
        checkpoint=random_checkpoint,
        device='cpu',
        precision='float32',
        cpu_threads=1,
        image_size=384,
    )
    tester = new_tester(namespace='/slow')
    tester.wait_until_active()
    new_camera(namespace='/slow', rate=30.0)
    tester.next_tracks()
    assert tester.add_box().success
    _, values = tester.diagnosed(
        lambda status, values: (
            'and are processed at' in status.message
            and int(values['images dropped: replaced by a newer one']) > 20
        ),
        'a warning that images come faster than they are processed',
    )
    assert float(values['input rate (Hz)']) > 1.5 * float(values['processed rate (Hz)'])
    answers = tester.next_tracks(4)
    latencies = [nanoseconds(each.processing_latency) / SECOND for each in answers]
    stamps = [nanoseconds(each.header.stamp) / SECOND for each in answers]
    period = (stamps[-1] - stamps[0]) / 3
    # An image waits for the one before it at most, and never in a queue; the machine may pause.
    assert median(latencies) < 3 * period
    assert tester.set('service_timeout', 0.1).successful
    late = [each for each in (tester.add_box() for _ in range(6)) if not each.success]
    assert late
    for answer in late:
        assert answer.message in (
            'timed out after 0.1 s: the request was cancelled, nothing was changed',
            'timed out after 0.1 s: the request is still running and may take effect later',
        )
    # In the middle of inference, which is nearly all the time.
    assert slow.end(signal.SIGINT) == 0
    assert 'Traceback' not in slow.output


# Configuring takes until the file that is the first argument exists.
SLOW = """
import pathlib, sys, time
from sam_tracker.nodes.tracker import tracker_node

load = tracker_node.set_up_network

def slow(parameters):
    while not go_on.exists():
        time.sleep(0.05)
    return load(parameters)

go_on = pathlib.Path(sys.argv.pop(1))
tracker_node.set_up_network = slow
sys.exit(tracker_node.main())
"""


def start_slow(graph, random_checkpoint, go_on: Path, namespace: str):
    command = [sys.executable, '-c', SLOW, str(go_on), '--ros-args', '-r', f'__ns:={namespace}']
    command += [
        '-p',
        f'checkpoint:={random_checkpoint}',
        '-p',
        'device:=cpu',
        '-p',
        'precision:=float32',
    ]
    return graph.run([*command, '-p', 'autostart:=false'])


def test_state_and_parameters_are_answered_while_it_configures_and_transitions_refused(
    graph, random_checkpoint, new_tester, tmp_path
):
    go_on = tmp_path / 'go_on'
    program = start_slow(graph, random_checkpoint, go_on, '/slow_start')
    tester = new_tester(namespace='/slow_start')
    assert tester.state() == 'unconfigured'
    configured = tester.begin('change_state', transition=Transition(id=CONFIGURE))
    states = []
    graph.wait_until(
        lambda: states.append(tester.state()) or states[-1] == 'configuring', 'configuring'
    )
    assert tester.set('service_timeout', 3.0).successful
    assert 'is read when the node configures' in tester.set('device', 'cuda').reason
    assert not tester.change(CONFIGURE)
    assert 'the node is configuring' in tester.call('reset').message
    assert not configured.done()
    go_on.touch()
    graph.wait_until(configured.done, 'the end of configuring')
    assert configured.result().success
    assert tester.state() == 'inactive'
    assert program.end(signal.SIGINT) == 0


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_it_configures(
    graph, random_checkpoint, new_tester, tmp_path, number
):
    namespace = f'/ended_by_{number.name.lower()}'
    program = start_slow(graph, random_checkpoint, tmp_path / 'never', namespace)
    tester = new_tester(namespace=namespace)
    tester.begin('change_state', transition=Transition(id=CONFIGURE))
    graph.wait_until(lambda: tester.state() == 'configuring', 'configuring')
    assert program.end(number) == 0
    assert 'Traceback' not in program.output


def test_two_nodes_of_one_name_are_told(graph, random_checkpoint, new_tester):
    options = ('-r', '__ns:=/twins')
    parameters = {'checkpoint': random_checkpoint, 'device': 'cpu', 'cpu_threads': 1}
    tester = new_tester(namespace='/twins')
    programs = [graph.start(NODE, *options, **parameters) for _ in range(2)]
    tester.diagnosed(
        lambda status, _: '2 nodes are called /twins/sam_tracker' in status.message,
        'a warning about the name',
    )
    for program in programs:
        program.wait_for_output('2 nodes are called /twins/sam_tracker')
        assert program.end(signal.SIGINT) == 0


def test_a_parameter_that_cannot_be_ends_the_program_with_one_line(graph):
    program = graph.start(NODE, precision='float8')
    assert program.wait() == 1
    assert (
        "precision must be one of auto, float32, bfloat16, float16, not 'float8'" in program.output
    )
    assert 'Traceback' not in program.output
