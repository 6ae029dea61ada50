"""Requests that are repeated with their client token do their work once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small
from tests.sandbox.test_operations import LOGS, OTHER, begin, in_stack, longer, refused, stuck


@pytest.fixture
def strict(world: World) -> Iterator[None]:
    """A sandbox where a token exists as soon as it was used."""
    world.repeats = False
    yield
    world.repeats = True


def proposed(deployer: Deployer, text: str, **words: Any) -> dict[str, Any]:
    """A change set of the name `named`."""
    answer: dict[str, Any] = deployer.client.create_change_set(
        StackName=deployer.name, ChangeSetName="named", ChangeSetType="CREATE", TemplateBody=text, **words
    )
    return answer


def test_a_change_set_is_made_once(deployer: Deployer) -> None:
    """The same request gives the same change set; another token or template under its name is refused."""
    first = proposed(deployer, small(LOGS), ClientToken="one")
    again = proposed(deployer, small(LOGS), ClientToken="one")
    assert (first["Id"], first["StackId"]) == (again["Id"], again["StackId"])
    assert len(deployer.client.list_change_sets(StackName=deployer.name)["Summaries"]) == 1
    for text, token, attribute in ((LOGS, "two", "ClientToken"), (OTHER + LOGS, "one", "Template")):
        with refused(
            deployer, f"ChangeSet named cannot be created due to a mismatch with existing attribute {attribute}"
        ):
            proposed(deployer, small(text), ClientToken=token)


def test_a_change_set_is_executed_once(world: World, deployer: Deployer) -> None:
    """While it runs and after it ended; without the token, or with another, it says how its execution stands."""
    id = proposed(deployer, small(LOGS))["Id"]
    execute = deployer.client.execute_change_set
    with world.hold("Logs") as held:
        execute(ChangeSetName=id, ClientRequestToken="one")
        assert held.reached.wait(10)
        execute(ChangeSetName=id, ClientRequestToken="one")
        described = deployer.client.describe_change_set(ChangeSetName=id)
        assert described["ExecutionStatus"] == "EXECUTE_IN_PROGRESS"
        for words in ({}, {"ClientRequestToken": "two"}):
            with pytest.raises(
                deployer.client.exceptions.InvalidChangeSetStatusException,
                match=r"cannot be executed in its current execution status of \[EXECUTE_IN_PROGRESS\]",
            ):
                execute(ChangeSetName=id, **words)
    assert deployer.ended() == "CREATE_COMPLETE"
    execute(ChangeSetName=id, ClientRequestToken="one")
    assert deployer.ended() == "CREATE_COMPLETE"
    assert in_stack(deployer) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert {event.get("ClientRequestToken") for event in deployer.told()} == {"one", None}


def creating(deployer: Deployer) -> Callable[[], Any]:
    """CreateStack with the token `mine`."""
    text = small(LOGS)
    return lambda: deployer.client.create_stack(StackName=deployer.name, TemplateBody=text, ClientRequestToken="mine")


def updating(deployer: Deployer) -> Callable[[], Any]:
    """UpdateStack with the token `mine`."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    text = small(longer(LOGS))
    return lambda: deployer.client.update_stack(StackName=deployer.name, TemplateBody=text, ClientRequestToken="mine")


def deleting(deployer: Deployer) -> Callable[[], Any]:
    """DeleteStack with the token `mine`, by the id of the stack."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    id = deployer.stack()["StackId"]
    return lambda: deployer.client.delete_stack(StackName=id, ClientRequestToken="mine")


OPERATIONS = [(creating, "CREATE_COMPLETE"), (updating, "UPDATE_COMPLETE"), (deleting, "DELETE_COMPLETE")]


@pytest.mark.parametrize(("prepared", "status"), OPERATIONS)
def test_a_stack_is_worked_on_once(
    world: World, deployer: Deployer, prepared: Callable[[Deployer], Callable[[], Any]], status: str
) -> None:
    """CreateStack, UpdateStack and DeleteStack, repeated while they run and afterwards, answer as the first time."""
    request = prepared(deployer)
    with world.hold("Logs") as held:
        first = request()
        assert held.reached.wait(10)
        again = request()
        id = deployer.stack()["StackId"]
    assert deployer.ended(id) == status
    last = request()
    assert deployer.ended(id) == status
    keys = "StackId", "OperationId"
    assert [first.get(key) for key in keys] == [again.get(key) for key in keys] == [last.get(key) for key in keys]
    mine = [event for event in deployer.told(id) if event.get("ClientRequestToken") == "mine"]
    statuses = [event["ResourceStatus"] for event in mine if event["LogicalResourceId"] == deployer.name]
    assert statuses[0] == status
    assert statuses.count(status) == 1


def test_cancelling_and_continuing_happen_once(world: World, deployer: Deployer) -> None:
    """A repeated cancellation finds an update that goes back already; a repeated continuation one that is back."""
    stuck(world, deployer)
    for _ in range(2):
        deployer.client.continue_update_rollback(StackName=deployer.name, ClientRequestToken="on")
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    with world.hold("Logs") as held:
        begin(deployer, small(longer(LOGS)))
        assert held.reached.wait(10)
        deployer.client.cancel_update_stack(StackName=deployer.name, ClientRequestToken="stop")
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    deployer.client.cancel_update_stack(StackName=deployer.name, ClientRequestToken="stop")


@pytest.mark.parametrize(("prepared", "status"), OPERATIONS)
def test_a_token_may_exist_already(
    strict: None, world: World, deployer: Deployer, prepared: Callable[[Deployer], Callable[[], Any]], status: str
) -> None:
    """Where the sandbox is told so, each repetition meets TokenAlreadyExistsException."""
    request = prepared(deployer)
    with world.hold("Logs") as held:
        request()
        assert held.reached.wait(10)
        id = deployer.stack()["StackId"]
    with pytest.raises(deployer.client.exceptions.TokenAlreadyExistsException, match="token already exists"):
        request()
    assert deployer.ended(id) == status


def test_a_token_is_one_request_s(deployer: Deployer) -> None:
    """The same token for something else is refused, and nothing is done; a malformed one is a ValidationError."""
    assert creating(deployer)()
    assert deployer.ended() == "CREATE_COMPLETE"
    with pytest.raises(deployer.client.exceptions.TokenAlreadyExistsException):
        deployer.client.delete_stack(StackName=deployer.name, ClientRequestToken="mine")
    assert deployer.stack()["StackStatus"] == "CREATE_COMPLETE"
    for token, said in (("-", "satisfy regular expression pattern"), ("x" * 129, "less than or equal to 128")):
        with refused(deployer, f"at 'clientRequestToken' failed to satisfy constraint: Member must .*{said}"):
            deployer.client.delete_stack(StackName=deployer.name, ClientRequestToken=token)
