"""A sandbox that awaits the signals of hosts: what waits for which, what goes on meanwhile, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from msaspec import sandbox
from msaspec.sandbox.cloudformation.awaited import Awaited
from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small

T = TypeVar("T")
INITIATED = "Resource creation Initiated"
IMAGE = "{{resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-ARCHITECTURE}}"


def host(name: str = "Host", signal: str = "", architecture: str = "x86_64") -> str:
    """A host that waits for its signal; another architecture replaces it."""
    image = IMAGE.replace("ARCHITECTURE", architecture)
    properties = f"{{ImageId: '{image}', InstanceType: t3.micro}}"
    policy = f"{{ResourceSignal: {{{signal}}}}}"
    return f"  {name}: {{Type: AWS::EC2::Instance, CreationPolicy: {policy}, Properties: {properties}}}\n"


def logs(name: str = "Logs", needs: str = "[]", days: int = 30) -> str:
    """A log group, after what it needs."""
    return f"  {name}: {{Type: AWS::Logs::LogGroup, DependsOn: {needs}, Properties: {{RetentionInDays: {days}}}}}\n"


def group(type: str = "t3.micro", count: int = 2, timeout: str = "PT10M") -> str:
    """A group of hosts that are replaced by those of another type, each time with signals."""
    image = IMAGE.replace("ARCHITECTURE", "x86_64")
    return f"""
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.0.0.0/16}}}}
  Subnet: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24}}}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {{LaunchTemplateData: {{ImageId: '{image}', InstanceType: {type}}}}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {{ResourceSignal: {{Count: {count}, Timeout: {timeout}}}}}
    UpdatePolicy: {{AutoScalingRollingUpdate: {{WaitOnResourceSignals: true, PauseTime: {timeout}}}}}
    Properties:
      MinSize: '{count}'
      MaxSize: '3'
      VPCZoneIdentifier: [!Ref Subnet]
      LaunchTemplate: {{LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}}
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A sandbox that awaits signals."""
    with sandbox.start(signals=True) as world:
        yield world


def begin(deployer: Deployer, text: str, **words: Any) -> None:
    """Has a change set carried out, without waiting."""
    described = deployer.propose(text)
    deployer.client.execute_change_set(StackName=deployer.name, ChangeSetName=described["ChangeSetName"], **words)


def signal(deployer: Deployer, id: str, status: str = "SUCCESS", name: str = "Host") -> None:
    """Signals as a host does, by the id of the stack."""
    stack_id = deployer.stack()["StackId"]
    deployer.client.signal_resource(StackName=stack_id, LogicalResourceId=name, UniqueId=id, Status=status)


def told(deployer: Deployer, name: str = "Host", stack: str | None = None) -> list[tuple[str, str | None]]:
    """Status and reason of each event of a resource, oldest first."""
    events = [event for event in deployer.told(stack)[::-1] if event["LogicalResourceId"] == name]
    return [(event["ResourceStatus"], event.get("ResourceStatusReason")) for event in events]


def eventually(met: Callable[[], T]) -> T:
    """Waits until something is so, and returns what was read then: another reading may give something else."""
    for _ in range(1500):
        if found := met():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came")


def waits(deployer: Deployer, name: str = "Host", status: str = "CREATE_IN_PROGRESS") -> str:
    """Waits until a resource was made and waits itself; returns its physical id."""
    eventually(lambda: told(deployer, name)[-1:] == [(status, INITIATED)])
    return deployer.ids()[name]


def running(world: World) -> set[str]:
    """The hosts that run."""
    found = world.client("ec2").describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
    return {each["InstanceId"] for reservation in found["Reservations"] for each in reservation["Instances"]}


def hosts(world: World, deployer: Deployer) -> list[str]:
    """The hosts of the group."""
    scaling, id = world.client("autoscaling"), deployer.ids()["Group"]
    [found] = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[id])["AutoScalingGroups"]
    return [each["InstanceId"] for each in found["Instances"]]


def came(id: str, status: str = "SUCCESS") -> str:
    """What is said of a signal."""
    return f"Received {status} signal with UniqueId {id}"


def test_a_host_is_complete_when_it_signals(deployer: Deployer) -> None:
    """It is made, with its id, and in progress until its signal; what needs it comes after, what does not before."""
    begin(deployer, small(host() + logs("After", "Host") + logs("Beside") + logs("Next", "Beside")))
    id = waits(deployer)
    eventually(lambda: deployer.statuses().get("Next") == "CREATE_COMPLETE")
    assert "After" not in deployer.statuses()
    assert deployer.stack()["StackStatus"] == "CREATE_IN_PROGRESS"
    signal(deployer, id)
    assert deployer.ended() == "CREATE_COMPLETE"
    expected = [None, INITIATED, came(id)]
    assert told(deployer) == [*(("CREATE_IN_PROGRESS", reason) for reason in expected), ("CREATE_COMPLETE", None)]
    assert {event["PhysicalResourceId"] for event in deployer.told() if event["LogicalResourceId"] == "Host"} == {
        "",
        id,
    }
    assert set(deployer.statuses().values()) == {"CREATE_COMPLETE"}


def test_hosts_wait_at_the_same_time(deployer: Deployer) -> None:
    """Each for its own signal, in any order."""
    begin(deployer, small(host("One") + host("Two") + host("Three", "Count: 0")))
    ids = {name: waits(deployer, name) for name in ("One", "Two")}
    eventually(lambda: deployer.statuses().get("Three") == "CREATE_COMPLETE")
    signal(deployer, ids["Two"], name="Two")
    eventually(lambda: deployer.statuses()["Two"] == "CREATE_COMPLETE")
    assert deployer.statuses()["One"] == "CREATE_IN_PROGRESS"
    signal(deployer, ids["One"], name="One")
    assert deployer.ended() == "CREATE_COMPLETE"


def test_a_signal_counts_once(deployer: Deployer) -> None:
    """A second one of the same unique id, whatever it says, is not told and does not count."""
    begin(deployer, small(host(signal="Count: 2")))
    waits(deployer)
    for status in ("SUCCESS", "SUCCESS", "FAILURE"):
        signal(deployer, "i-1", status)
    eventually(lambda: told(deployer)[-1] == ("CREATE_IN_PROGRESS", came("i-1")))
    assert deployer.statuses() == {"Host": "CREATE_IN_PROGRESS"}
    signal(deployer, "i-2")
    assert deployer.ended() == "CREATE_COMPLETE"
    assert told(deployer)[-3:] == [
        ("CREATE_IN_PROGRESS", came("i-1")),
        ("CREATE_IN_PROGRESS", came("i-2")),
        ("CREATE_COMPLETE", None),
    ]


def test_a_signal_may_be_faster_than_its_host(world: World, deployer: Deployer) -> None:
    """What comes while the resource is still being made counts."""
    with world.hold("Host") as held:
        begin(deployer, small(host()))
        assert held.reached.wait(10)
        signal(deployer, "i-early")
    assert deployer.ended() == "CREATE_COMPLETE"
    assert told(deployer)[-2:] == [("CREATE_IN_PROGRESS", came("i-early")), ("CREATE_COMPLETE", None)]


def test_a_failure_takes_everything_back(world: World, deployer: Deployer) -> None:
    """The host fails by its signal, those that still wait are cancelled, all are named, and none runs on."""
    before = running(world)
    begin(deployer, small(host() + host("Other") + logs()))
    ids = [waits(deployer), waits(deployer, "Other")]
    assert running(world) - before == set(ids)
    signal(deployer, ids[0], "FAILURE")
    assert deployer.ended() == "ROLLBACK_COMPLETE"
    assert deployer.reason("Host") == came(ids[0], "FAILURE")
    assert deployer.reason("Other") == "Resource creation cancelled"
    back = next(event for event in deployer.told() if event["ResourceStatus"] == "ROLLBACK_IN_PROGRESS")
    said = "The following resource(s) failed to create: [Host, Other]. "
    assert back["ResourceStatusReason"].startswith(said)
    assert set(deployer.statuses().values()) == {"DELETE_COMPLETE"}
    assert running(world) == before


def test_another_failure_cancels_those_that_wait(world: World, deployer: Deployer) -> None:
    """A resource that fails for a reason of its own ends the waiting."""
    world.refuse("Logs", "No more")
    with world.hold("Logs") as held:
        begin(deployer, small(host() + logs("First") + logs(needs="First")))
        assert held.reached.wait(10)
        waits(deployer)
    assert deployer.ended() == "ROLLBACK_COMPLETE"
    assert (deployer.reason("Logs"), deployer.reason("Host")) == ("No more", "Resource creation cancelled")


def test_no_signal_in_time_is_a_failure(deployer: Deployer) -> None:
    """After the timeout the missing ones are counted."""
    begin(deployer, small(host(signal="Timeout: PT1S")))
    assert deployer.ended() == "ROLLBACK_COMPLETE"
    assert deployer.reason("Host") == "Failed to receive 1 resource signal(s) within the specified duration"


def test_a_group_waits_for_its_hosts(world: World, deployer: Deployer) -> None:
    """As many as its policy says; another update that replaces none waits for none."""
    begin(deployer, small(group()))
    waits(deployer, "Group")
    first, second = hosts(world, deployer)
    signal(deployer, first, name="Group")
    eventually(lambda: told(deployer, "Group")[-1] == ("CREATE_IN_PROGRESS", came(first)))
    assert deployer.stack()["StackStatus"] == "CREATE_IN_PROGRESS"
    signal(deployer, second, name="Group")
    assert deployer.ended() == "CREATE_COMPLETE"
    assert deployer.deploy(small(group().replace("MaxSize: '3'", "MaxSize: '4'"))) == "UPDATE_COMPLETE"


def test_a_group_fails_by_one_host(deployer: Deployer) -> None:
    """The signal is told first, then what it means for the group; where none comes, that."""
    unable = "Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
    begin(deployer, small(group()))
    waits(deployer, "Group")
    signal(deployer, "i-1", "FAILURE", "Group")
    assert deployer.ended() == "ROLLBACK_COMPLETE"
    assert ("CREATE_IN_PROGRESS", came("i-1", "FAILURE")) in told(deployer, "Group")
    assert deployer.reason("Group") == f"Received 1 FAILURE signal(s) out of 2. {unable}"
    late = Deployer(deployer.client, f"{deployer.name}-late")
    begin(late, small(group(timeout="PT1S")))
    assert late.ended() == "ROLLBACK_COMPLETE"
    assert late.reason("Group") == f"Received 0 SUCCESS signal(s) out of 2. {unable}"
    missing = "Failed to receive 2 resource signal(s) for the current batch"
    assert ("CREATE_IN_PROGRESS", f"{missing}. Each resource signal timeout is counted as a FAILURE.") in told(
        late, "Group"
    )


def grouped(world: World, deployer: Deployer) -> list[str]:
    """A group that stands, and its hosts."""
    begin(deployer, small(group()))
    waits(deployer, "Group")
    made = hosts(world, deployer)
    for id in made:
        signal(deployer, id, name="Group")
    assert deployer.ended() == "CREATE_COMPLETE"
    return made


def replaced(world: World, deployer: Deployer, old: list[str]) -> list[str]:
    """Waits until all hosts of the group are others, as many as before; returns those."""

    def others() -> list[str]:
        now = hosts(world, deployer)
        return now if len(now) == len(old) and not set(old) & set(now) else []

    return eventually(others)


def test_a_rolling_update_waits_for_the_new_hosts(world: World, deployer: Deployer) -> None:
    """The update goes on when each of them has signalled."""
    old = grouped(world, deployer)
    begin(deployer, small(group("t3.small") + logs(needs="Group")))
    new = replaced(world, deployer, old)
    signal(deployer, new[0], name="Group")
    eventually(lambda: told(deployer, "Group")[-1] == ("UPDATE_IN_PROGRESS", came(new[0])))
    assert "Logs" not in deployer.statuses()
    signal(deployer, new[1], name="Group")
    assert deployer.ended() == "UPDATE_COMPLETE"
    assert told(deployer, "Group")[-2:] == [("UPDATE_IN_PROGRESS", came(new[1])), ("UPDATE_COMPLETE", None)]


@pytest.mark.parametrize(
    ("status", "ended"), [("SUCCESS", "UPDATE_ROLLBACK_COMPLETE"), ("FAILURE", "UPDATE_ROLLBACK_FAILED")]
)
def test_the_way_back_of_a_rolling_update_waits_too(world: World, deployer: Deployer, status: str, ended: str) -> None:
    """Its policy holds for the hosts that take the place of those that failed."""
    old = grouped(world, deployer)
    begin(deployer, small(group("t3.small")))
    new = replaced(world, deployer, old)
    signal(deployer, new[0], "FAILURE", "Group")
    deployer.wait(lambda status: status == "UPDATE_ROLLBACK_IN_PROGRESS")
    again = replaced(world, deployer, new)
    for id in again if status == "SUCCESS" else again[:1]:
        signal(deployer, id, status, "Group")
    assert deployer.ended() == ended
    kinds = {each["InstanceType"] for each in described(world, again)}
    assert kinds == {"t3.micro"}


def described(world: World, ids: list[str]) -> list[dict[str, Any]]:
    """Hosts, as EC2 has them."""
    found = world.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return [each for reservation in found for each in reservation["Instances"]]


def standing(deployer: Deployer) -> str:
    """A host that stands; returns its id."""
    begin(deployer, small(host()))
    id = waits(deployer)
    signal(deployer, id)
    assert deployer.ended() == "CREATE_COMPLETE"
    return id


def test_another_host_in_an_update_waits(world: World, deployer: Deployer) -> None:
    """The one before goes only when the new one has signalled; its old signal is none of the new one's."""
    old = standing(deployer)
    begin(deployer, small(host(architecture="arm64")))
    new = waits(deployer, status="UPDATE_IN_PROGRESS")
    assert new != old
    assert {old, new} <= running(world)
    assert deployer.stack()["StackStatus"] == "UPDATE_IN_PROGRESS"
    signal(deployer, new)
    assert deployer.ended() == "UPDATE_COMPLETE"
    assert deployer.ids() == {"Host": new}
    assert ("UPDATE_IN_PROGRESS", came(new)) in told(deployer)
    assert old not in running(world)


def test_another_host_that_fails_leaves_the_one_before(world: World, deployer: Deployer) -> None:
    """The new one is removed, and the stack lists the old one."""
    old = standing(deployer)
    begin(deployer, small(host(architecture="arm64")))
    new = waits(deployer, status="UPDATE_IN_PROGRESS")
    signal(deployer, new, "FAILURE")
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert (deployer.reason("Host"), deployer.ids()) == (came(new, "FAILURE"), {"Host": old})
    assert {old, new} & running(world) == {old}


def test_what_failed_and_stayed_is_made_again(world: World, deployer: Deployer) -> None:
    """`DisableRollback`: the next update makes another one, and removes what failed."""
    assert deployer.deploy(small(logs())) == "CREATE_COMPLETE"
    begin(deployer, small(logs() + host()), DisableRollback=True)
    failed = waits(deployer)
    signal(deployer, failed, "FAILURE")
    assert deployer.ended() == "UPDATE_FAILED"
    begin(deployer, small(logs() + host()), DisableRollback=True)
    eventually(lambda: deployer.ids().get("Host") not in (None, failed))
    made = waits(deployer)
    signal(deployer, made)
    assert deployer.ended() == "UPDATE_COMPLETE"
    assert {failed, made} & running(world) == {made}


def test_cancelling_an_update_ends_the_waiting(world: World, deployer: Deployer) -> None:
    """What waited is cancelled and removed."""
    old = standing(deployer)
    begin(deployer, small(host(architecture="arm64") + host("Other")))
    new = [waits(deployer, status="UPDATE_IN_PROGRESS"), waits(deployer, "Other")]
    deployer.client.cancel_update_stack(StackName=deployer.name)
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert deployer.reason("Host") == "Resource update cancelled"
    assert deployer.reason("Other") == "Resource creation cancelled"
    assert {old, *new} & running(world) == {old}


def test_deleting_the_stack_ends_the_waiting(world: World, deployer: Deployer) -> None:
    """What waited is cancelled, and leaves with the rest."""
    begin(deployer, small(host() + logs()))
    id = waits(deployer)
    stack = deployer.stack()["StackId"]
    assert deployer.delete() == "DELETE_COMPLETE"
    assert ("CREATE_FAILED", "Resource creation cancelled") in told(deployer, stack=stack)
    assert set(deployer.statuses(stack).values()) == {"DELETE_COMPLETE"}
    assert id not in running(world)


def refused(deployer: Deployer, match: str) -> Any:
    """Expects a ValidationError."""
    return pytest.raises(deployer.client.exceptions.ClientError, match=rf"ValidationError.*{match}")


def test_signals_outside_of_an_operation_are_refused(deployer: Deployer) -> None:
    """There has to be a stack, which is in progress, and a resource, which is too."""
    send = deployer.client.signal_resource
    words = {"StackName": deployer.name, "LogicalResourceId": "Host", "UniqueId": "i-1", "Status": "SUCCESS"}
    with refused(deployer, f"Stack {deployer.name} does not exist"):
        send(**words)
    begin(deployer, small(logs() + host()))
    id = waits(deployer)
    eventually(lambda: deployer.statuses().get("Logs") == "CREATE_COMPLETE")
    with refused(deployer, f"Resource Nobody does not exist for stack {deployer.name}"):
        send(**{**words, "LogicalResourceId": "Nobody"})
    with refused(deployer, "Resource Logs is in CREATE_COMPLETE state and cannot be signaled"):
        send(**{**words, "LogicalResourceId": "Logs"})
    with refused(deployer, r"'MAYBE' at 'status' failed .*: \[FAILURE, SUCCESS\]"):
        send(**{**words, "Status": "MAYBE"})
    with refused(deployer, "at 'uniqueId' failed .* less than or equal to 64"):
        send(**{**words, "UniqueId": "i" * 65})
    send(**{**words, "UniqueId": id})
    assert deployer.ended() == "CREATE_COMPLETE"
    with refused(deployer, f"Stack {deployer.stack()['StackId']} is in CREATE_COMPLETE state and cannot be signaled"):
        send(**words)


@pytest.mark.parametrize(
    ("timeout", "seconds"), [("PT1S", 1), ("PT15M", 900), ("PT1H30M", 5400), ("PT12H", 43_200), ("PT2H5S", 7205)]
)
def test_durations(timeout: str, seconds: int) -> None:
    """Hours, minutes and seconds."""
    assert Awaited(1, timeout).seconds == seconds


@pytest.mark.parametrize("timeout", ["", "PT", "15", "P1D", "PT5X"])
def test_what_is_no_duration(timeout: str) -> None:
    """Anything else."""
    with pytest.raises(ValueError, match="is no duration"):
        _ = Awaited(1, timeout).seconds
