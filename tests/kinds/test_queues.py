"""Queues and topics: what is delivered, what stands in an account, and what an edit may do to them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from msaspec.deploy import gate
from msaspec.update import changes, losses, objections
from tests.deploy.account import Account
from tests.template import compiled

HEAD = "msaspec: 1\nname: shop\nnetwork: {placement: public}\n"
SHOP = f"""{HEAD}
topics: {{events: {{}}, ordered: {{fifo: true}}}}
queues:
  paid:
    from: {{events: {{filter: {{type: [paid]}}}}}}
    visibility: 5 min
    keep: 14 days
    delay: 10 s
    dead_letter: 2
  every: {{from: [events]}}
  strict: {{fifo: true, from: [ordered]}}
services:
  shop: {{image: "docker.io/library/shop:1", uses: {{paid: consume, events: publish, ordered: publish, strict: both}}}}
"""


def test_what_is_published_reaches_the_queues_that_want_it(account: Account) -> None:
    """A message of the topic is in every queue that names it, as it was published, unless its filter is another."""
    assert account.deploy(SHOP).exit_code == 0
    ids, sns, sqs = account.ids(), account.world.client("sns"), account.world.client("sqs")
    for kind in ("paid", "created"):
        attributes = {"type": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=ids["EventsTopic"], Message=f"it is {kind}", MessageAttributes=attributes)

    def held(queue: str) -> list[str]:
        found = sqs.receive_message(QueueUrl=ids[queue], MaxNumberOfMessages=10, WaitTimeSeconds=0)
        return sorted(message["Body"] for message in found.get("Messages", []))

    sqs.set_queue_attributes(QueueUrl=ids["PaidQueue"], Attributes={"DelaySeconds": "0"})
    assert held("EveryQueue") == ["it is created", "it is paid"]
    assert attributes_of(account, "PaidQueue")["ApproximateNumberOfMessages"] in ("0", "1")
    sns.publish(TopicArn=ids["OrderedTopic"], Message="first", MessageGroupId="1")
    assert held("StrictQueue") == ["first"]


def attributes_of(account: Account, queue: str) -> dict[str, str]:
    """What SQS says of a queue."""
    api = account.world.client("sqs")
    found: dict[str, str] = api.get_queue_attributes(QueueUrl=account.ids()[queue], AttributeNames=["All"])[
        "Attributes"
    ]
    return found


def test_what_is_declared_stands_in_sqs_and_sns(account: Account) -> None:
    """Times, dead letters, policies and filters, by what the services say; and `status` shows what waits."""
    assert account.deploy(SHOP).exit_code == 0
    ids, paid = account.ids(), attributes_of(account, "PaidQueue")
    assert (paid["VisibilityTimeout"], paid["MessageRetentionPeriod"], paid["DelaySeconds"]) == ("300", "1209600", "10")
    dead = attributes_of(account, "PaidDeadLetters")
    redrive = json.loads(paid["RedrivePolicy"])
    assert (redrive["deadLetterTargetArn"], int(redrive["maxReceiveCount"])) == (dead["QueueArn"], 2)
    assert dead["MessageRetentionPeriod"] == "1209600"
    deny, allow = json.loads(paid["Policy"])["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": [ids["EventsTopic"]]}}
    assert allow["Resource"] == paid["QueueArn"]
    assert attributes_of(account, "StrictQueue")["FifoQueue"] == "true"
    sns = account.world.client("sns")
    said = sns.get_subscription_attributes(SubscriptionArn=ids["EventsToPaidSubscription"])["Attributes"]
    assert json.loads(said["FilterPolicy"]) == {"type": ["paid"]}
    assert said["RawMessageDelivery"] == "true"
    shown = " ".join(account.run("status").stdout.split())
    assert "queues.paid well 0 waiting, messages kept 14 days" in shown
    assert "queues.paid well 0 dead letters" in shown
    changed = SHOP.replace("delay: 10 s", "delay: 20 s").replace("type: [paid]", "type: [sold]")
    assert account.deploy(changed).exit_code == 0
    assert attributes_of(account, "PaidQueue")["DelaySeconds"] == "20"
    said = sns.get_subscription_attributes(SubscriptionArn=ids["EventsToPaidSubscription"])["Attributes"]
    assert json.loads(said["FilterPolicy"]) == {"type": ["sold"]}


def test_messages_stay_and_go_by_a_word(account: Account) -> None:
    """A queue that leaves the manifest is refused without its name, and stays; destroyed with its data it is gone."""
    assert account.deploy(SHOP).exit_code == 0
    every = account.ids()["EveryQueue"]
    without = SHOP.replace("  every: {from: [events]}\n", "")
    refused = account.deploy(without)
    assert refused.exit_code == 1
    assert "--allow-replace every" in refused.stderr
    assert account.deploy(without, "--allow-replace", "every").exit_code == 0
    sqs = account.world.client("sqs")
    assert every in sqs.list_queues()["QueueUrls"]
    assert account.run("destroy", "--yes", "--delete-data", "paid", "--delete-data", "strict").exit_code == 0
    left = [url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]]
    assert {name.split("-")[1] for name in left} == {"EveryQueue", "EveryDeadLetters"}


def between(before: str, after: str) -> Any:
    """The changes between two queues."""
    text = f"{HEAD}queues: {{orders: {{{{}}}}}}\nservices: {{a1: {{image: a, uses: {{orders: send}}}}}}\n"
    old, new = (compiled(text.replace("{{}}", f"{{{each}}}")).stack for each in (before, after))
    return changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)


def test_a_shorter_time_is_warned_of_and_another_order_is_a_loss() -> None:
    """`keep` deletes what is older at once; `fifo` makes another queue."""
    (told,) = objections.costs(between("keep: 14 days", "keep: 4 days"))
    assert "would delete messages that are older than 4 days; it keeps them for 14 days now" in told.message
    assert list(objections.costs(between("keep: 4 days", "keep: 14 days"))) == []
    found = between("", "fifo: true")
    assert losses.found(found)
    assert gate.judge(found, (), lambda each: each).refused


@pytest.mark.parametrize("number", [1, 20, 21, 400])
def test_the_steps_of_a_backlog_have_no_gap(number: int) -> None:
    """From the first message to `max` each number of wanted copies is in one step, which gives no fewer copies."""
    text = f"{HEAD}queues: {{orders: }}\nservices:\n  a1: {{image: a, runtime: fargate, uses: {{orders: consume}},"
    text += f" scale: {{min: 0, max: {number}, backlog: {{orders: 100}}}}}}\n"
    policy = compiled(text).stack.template["Resources"]["A1ScaleOnBacklog"]["Properties"]
    steps = policy["StepScalingPolicyConfiguration"]["StepAdjustments"]
    assert len(steps) == min(number, 20)
    assert steps[0]["MetricIntervalLowerBound"] == 0
    for one, other in pairwise(steps):
        assert one["MetricIntervalUpperBound"] == other["MetricIntervalLowerBound"]
        assert one["ScalingAdjustment"] == one["MetricIntervalUpperBound"]
    assert "MetricIntervalUpperBound" not in steps[-1]
    assert steps[-1]["ScalingAdjustment"] == number


def test_scaling_on_messages_stands_in_the_account(account: Account) -> None:
    """On both runtimes: a policy for more copies, one for fewer, and an alarm that starts each."""
    text = f"""{HEAD}
queues: {{orders: }}
services:
  task: {{image: "docker.io/library/t:1", runtime: fargate, uses: {{orders: consume}}, scale: &scale
    {{min: 0, max: 3, backlog: {{orders: 5}}}}}}
  host: {{image: "docker.io/library/h:1", runtime: autoscaling, uses: {{orders: both}}, scale: *scale}}
"""
    assert account.deploy(text).exit_code == 0
    alarms = account.world.client("cloudwatch").describe_alarms()["MetricAlarms"]
    started = {alarm["AlarmDescription"]: alarm["AlarmActions"] for alarm in alarms}
    ids = account.ids()
    assert started["Messages wait for task."] == [ids["TaskScaleOnBacklog"]]
    assert started["No message waits for host."] == [ids["HostScaleOnIdle"]]
    policies = account.world.client("autoscaling").describe_policies()["ScalingPolicies"]
    assert {policy["AdjustmentType"] for policy in policies} == {"ExactCapacity"}


TOLD = f"""{HEAD}
topics: {{alerts: {{}}, events: {{}}}}
queues: {{orders: {{notify: alerts}}, mail: {{from: [events], notify: events}}, silent: {{}}}}
services: {{shop: {{image: "docker.io/library/shop:1", uses: {{orders: both, mail: consume, silent: send}}}}}}
"""


def test_dead_letters_set_off_an_alarm(account: Account) -> None:
    """The alarm watches the queue of dead letters, with the first of them, and tells the topic; its policy admits
    CloudWatch for this account."""
    assert account.deploy(TOLD).exit_code == 0
    ids, cloudwatch, sns = account.ids(), account.world.client("cloudwatch"), account.world.client("sns")
    found = {each["AlarmName"]: each for each in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert set(found) == {ids["OrdersDeadLettersAlarm"], ids["MailDeadLettersAlarm"]}
    alarm = found[ids["OrdersDeadLettersAlarm"]]
    assert alarm["AlarmActions"] == [ids["AlertsTopic"]]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": ids["OrdersDeadLetters"].rpartition("/")[2]}]
    told = alarm["MetricName"], alarm["ComparisonOperator"], alarm["Threshold"], alarm["TreatMissingData"]
    assert told == ("ApproximateNumberOfMessagesVisible", "GreaterThanThreshold", 0.0, "ignore")
    policy = json.loads(sns.get_topic_attributes(TopicArn=ids["AlertsTopic"])["Attributes"]["Policy"])
    (admitted,) = (each for each in policy["Statement"] if each["Effect"] == "Allow")
    assert admitted["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert admitted["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert account.deploy(TOLD.replace("orders: {notify: alerts}", "orders: {}")).exit_code == 0
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == 1


def test_a_topic_that_is_told_is_no_source() -> None:
    """`notify` subscribes the queue to nothing; a queue may take from the topic that it tells."""
    resources = compiled(TOLD).stack.template["Resources"]
    assert [name for name in resources if name.endswith("Subscription")] == ["EventsToMailSubscription"]
