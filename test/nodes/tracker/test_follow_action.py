# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The action ``~/follow`` and the topic ``~/events`` of a tracker's process, over real DDS."""

from functools import partial

from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Duration
from lifecycle_msgs.msg import Transition
import pytest
from rclpy.action import ActionClient
from rclpy.qos import DurabilityPolicy, QoSProfile

from sam_tracker.action import Follow
from sam_tracker.msg import ImageBox, Prompt, Track, TrackEvent
from sam_tracker.nodes.tracker.follow_action import MOST_GOALS
from sam_tracker.ros.process.service_answers import SERVICE_QOS

from ...conftest import PATIENCE, wait_until

wait = partial(wait_until, patience=2 * PATIENCE)

END = Follow.Result


class Client:
    """Sends goals and keeps the feedback of each."""

    def __init__(self, tester) -> None:
        self._tester = tester
        # By default a client keeps ten answers that it has not read yet; the oldest are lost.
        self._client = ActionClient(
            tester.node,
            Follow,
            f'{tester.name}/follow',
            goal_service_qos_profile=SERVICE_QOS,
            result_service_qos_profile=SERVICE_QOS,
        )
        assert self._client.wait_for_server(PATIENCE)

    def begin(self, **fields: object):
        """Send a goal; return the future of its answer, and the feedback so far."""
        feedback: list[Follow.Feedback] = []
        sent = self._tester.in_executor(
            self._client.send_goal_async,
            Follow.Goal(**fields),
            feedback_callback=lambda each: feedback.append(each.feedback),
        )
        return sent, feedback

    def follow(self, **fields: object):
        sent, feedback = self.begin(**fields)
        wait(sent.done, 'an answer to the goal')
        goal = sent.result()
        assert goal.accepted
        return goal, feedback

    def result(self, goal):
        future = self._tester.in_executor(goal.get_result_async)
        wait(future.done, 'a result')
        return future.result().status, future.result().result

    def close(self) -> None:
        self._client.destroy()


@pytest.fixture
def client(tester):
    client = Client(tester)
    yield client
    client.close()


def test_a_goal_reports_its_object_on_every_image_until_it_is_cancelled(tester, client, camera):
    goal, feedback = client.follow(prompt=tester.box_prompt(label='mug'))
    wait(lambda: len(feedback) >= 3, 'feedback')
    assert {each.track.label for each in feedback} == {'mug'}
    assert len({(each.header.stamp.sec, each.header.stamp.nanosec) for each in feedback}) > 1
    (object_id,) = tester.object_ids()
    assert feedback[0].track.object_id == object_id
    assert feedback[0].track.state == Track.STATE_TRACKED
    assert not feedback[0].track.mask.data

    cancelled = tester.in_executor(goal.cancel_goal_async)
    wait(cancelled.done, 'an answer to the cancellation')
    status, result = client.result(goal)
    assert (status, result.end) == (GoalStatus.STATUS_CANCELED, END.END_CANCELED)
    assert result.track.object_id == object_id
    assert tester.object_ids() == []


def test_a_goal_succeeds_when_its_object_is_removed_and_others_go_on(tester, client, camera):
    goal, heard = client.follow(prompt=tester.box_prompt())
    other, feedback = client.follow(prompt=tester.box_prompt(100.0, 60.0, 140.0, 110.0))
    wait(lambda: heard and feedback, 'feedback of both goals')
    first, second = heard[-1].track.object_id, feedback[-1].track.object_id
    assert tester.call('remove_object', object_id=first).success
    status, result = client.result(goal)
    assert (status, result.end) == (GoalStatus.STATUS_SUCCEEDED, END.END_REMOVED)
    assert result.message == f'object {first} was removed'
    count = len(feedback)
    wait(lambda: len(feedback) > count + 1, 'feedback of the other goal')
    assert feedback[-1].track.object_id == second
    tester.call('reset')
    assert client.result(other)[1].end == END.END_REMOVED


def test_a_goal_joins_an_object_that_is_tracked_already(tester, client, camera):
    object_id = tester.add_box(label='mug').track.object_id
    goal, feedback = client.follow(prompt=Prompt(object_id=object_id))
    wait(lambda: feedback, 'feedback')
    assert feedback[0].track.object_id == object_id
    tester.call('reset')
    assert client.result(goal)[1].end == END.END_REMOVED


def test_an_object_is_kept_as_long_as_one_of_its_goals_lives(tester, client, camera):
    object_id = tester.add_box().track.object_id
    goals = [client.follow(prompt=Prompt(object_id=object_id)) for _ in range(2)]
    wait(lambda: all(feedback for _, feedback in goals), 'feedback of both goals')
    (first, _), (second, feedback) = goals
    tester.in_executor(first.cancel_goal_async)
    assert client.result(first)[1].end == END.END_CANCELED
    count = len(feedback)
    wait(lambda: len(feedback) > count + 1, 'feedback of the other goal')
    assert tester.object_ids() == [object_id]
    tester.in_executor(second.cancel_goal_async)
    assert client.result(second)[1].end == END.END_CANCELED
    assert tester.object_ids() == []


BESIDE = ImageBox(x_min=1000.0, y_min=1000.0, x_max=1010.0, y_max=1010.0)
NOTHING_TO_FOLLOW = 'the goal has neither a prompt, nor an object_id, nor a text'


@pytest.mark.parametrize(
    ('fields', 'reason'),
    [
        ({}, NOTHING_TO_FOLLOW),
        ({'prompt': Prompt(label='mug')}, NOTHING_TO_FOLLOW),
        ({'prompt': Prompt(object_id=77)}, 'there is no object 77; the objects are: none'),
        ({'prompt': Prompt(box=BESIDE)}, 'does not lie inside the image of 160x120 pixels'),
        ({'text': 'red mug'}, 'texts cannot be searched for'),
        ({'give_up_after': Duration(sec=-5)}, 'give_up_after is -5 s, and must not be negative'),
    ],
)
def test_a_goal_that_cannot_be_met_is_aborted_with_the_reason(
    tester, client, camera, fields, reason
):
    goal, feedback = client.follow(**fields)
    status, result = client.result(goal)
    assert (status, result.end) == (GoalStatus.STATUS_ABORTED, END.END_REFUSED)
    assert reason in result.message
    assert not feedback
    assert tester.object_ids() == []


def test_of_many_goals_at_once_no_more_follow_than_may(tester, client, camera, monkeypatch):
    # Every image is one message of feedback to each.
    monkeypatch.setattr(camera, 'rate', 3.0)
    object_id = tester.add_box().track.object_id
    given = [client.begin(prompt=Prompt(object_id=object_id)) for _ in range(MOST_GOALS + 8)]
    wait(lambda: all(sent.done() for sent, _ in given), 'answers to all goals')
    accepted = [sent.result() for sent, _ in given if sent.result().accepted]
    # At once: a result can be asked for during a minute only.
    results = [tester.in_executor(goal.get_result_async) for goal in accepted]

    def refusals() -> list[str]:
        return [each.result().result.message for each in results if each.done()]

    refused = len(accepted) - MOST_GOALS
    # Some may have been accepted together with others, and are refused all the same.
    wait(lambda: len(refusals()) == refused, 'the refusals')
    assert set(refusals()) <= {f'{MOST_GOALS} goals are in progress'}
    wait(lambda: sum(bool(heard) for _, heard in given) == MOST_GOALS, 'feedback')
    assert len(refusals()) == refused
    tester.call('reset')
    wait(lambda: all(each.done() for each in results), 'all results')
    ends = [each.result().result.end for each in results]
    assert ends.count(END.END_REMOVED) == MOST_GOALS


def test_the_goals_of_a_node_that_is_deactivated_end(tester, client, camera):
    goal, feedback = client.follow(prompt=tester.box_prompt())
    wait(lambda: feedback, 'feedback')
    assert tester.change(Transition.TRANSITION_DEACTIVATE)
    status, result = client.result(goal)
    assert (status, result.end) == (GoalStatus.STATUS_ABORTED, END.END_STOPPED)
    refused, _ = client.follow(prompt=tester.box_prompt())
    assert client.result(refused)[1].message == 'the node is inactive'
    assert tester.change(Transition.TRANSITION_ACTIVATE)


def test_events_are_heard_live_and_by_subscribers_that_join_late(tester, camera):
    live: list[TrackEvent] = []
    profile = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    topic = f'{tester.name}/events'
    tester.node.create_subscription(TrackEvent, topic, live.append, profile)
    object_id = tester.add_box(label='kept').track.object_id

    def of_object(heard):
        return [each.event for each in heard if each.track.label == 'kept']

    wait(lambda: of_object(live) == [TrackEvent.STARTED], 'the start')
    assert tester.call('remove_object', object_id=object_id).success
    ends = [TrackEvent.STARTED, TrackEvent.ENDED]
    wait(lambda: of_object(live) == ends, 'the end')
    late: list[TrackEvent] = []
    tester.node.create_subscription(TrackEvent, topic, late.append, profile)
    wait(lambda: of_object(late) == ends, 'the events before the subscription')
    assert [each.header for each in late] == [each.header for each in live[-len(late) :]]
    assert late[-1].track.object_id == object_id
