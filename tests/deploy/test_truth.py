"""A deployment says what is so: races, what fails after success, Ctrl-C at any moment, failed states."""

from __future__ import annotations

from typing import Any

import click
import pytest

from msaspec import pipeline
from msaspec.linting import cfn_lint
from msaspec.template import render
from tests import told
from tests.deploy.account import OWNING, SMALL, Account
from tests.deploy.by_hand import refusal

OTHER = SMALL.replace("8000", "8001")


def test_waiting_for_whoever_came_first_in_a_first_creation(account: Account) -> None:
    """Two first deployments at once, of which one waits: it goes on when the other is done."""
    account.write(SMALL)
    account.write(OTHER, "other.yaml")

    def overtake() -> None:
        client = account.cloudformation
        text = render.to_yaml(pipeline.compile_main(pipeline.load(OTHER, "msa.yaml")).stack)
        client.create_change_set(
            StackName="shop",
            ChangeSetName="of-somebody-else",
            ChangeSetType="CREATE",
            TemplateBody=text,
            Capabilities=["CAPABILITY_IAM"],
        )
        client.get_waiter("change_set_create_complete").wait(StackName="shop", ChangeSetName="of-somebody-else")
        client.execute_change_set(StackName="shop", ChangeSetName="of-somebody-else")

    account.at("ExecuteChangeSet", overtake)
    result = account.run("deploy", "--yes", "--wait")
    assert result.exit_code == 0, result.stderr
    assert "Another deployment has changed the stack shop; continuing from there." in result.stderr
    assert account.status() == "UPDATE_COMPLETE"
    assert account.change_sets() == []


@pytest.mark.parametrize("operation", ["UpdateTerminationProtection", "SetStackPolicy"])
def test_what_fails_after_the_deployment_is_what_is_left(account: Account, operation: str) -> None:
    """The system is deployed: its outputs are told, and the command that does the rest; it ends with 3."""
    said = f"User: arn:aws:iam::1:user/a is not authorized to perform: cloudformation:{operation} on resource: x"

    def refuse(name: str) -> None:
        if name == operation:
            raise refusal("AccessDenied", said, 403, name)

    account.before = refuse
    result = account.deploy(SMALL)
    assert result.exit_code == 3
    assert account.status() == "CREATE_COMPLETE"
    assert result.stdout.split()[:2] == ["MediaBucket", account.ids()["MediaBucket"]]
    assert "error MSA633: The stack shop is deployed, but its " in result.stderr
    hint = (
        f"Ask to have `cloudformation:{operation}` granted, or use other "
        f"credentials with --profile. Then: msaspec deploy"
    )
    assert f"hint: {hint}" in result.stderr
    account.before = lambda name: None
    assert account.deploy().exit_code == 0
    stack = account.stack()
    assert stack
    assert stack["EnableTerminationProtection"] is True
    assert account.cloudformation.get_stack_policy(StackName="shop").get("StackPolicyBody")


def test_a_stack_that_cannot_be_read_back_is_there_all_the_same(account: Account) -> None:
    """Where the answer about the repositories is lost once they are updated, the images in them are looked for, and the
    system is deployed; only the reading is left."""
    account.world.images = (("shop/cart", "1.0"), ("shop/user", "1.0"))
    assert account.deploy(OWNING).exit_code == 0
    account.calls.clear()

    def refuse(name: str) -> None:
        if name == "DescribeStacks" and account.calls["ExecuteChangeSet"] == 1:
            account.before = lambda name: None
            raise refusal("AccessDenied", "You may not.", 403, name)

    account.before = refuse
    result = account.deploy(OWNING + "  user: {image: 'user:1.0', port: 8001}\n")
    assert (result.exit_code, account.status()) == (3, "UPDATE_COMPLETE"), result.stderr
    assert "error MSA633: The stack shop-registry is deployed, but its outputs cannot be read" in result.stderr
    assert "MSA522" not in result.stderr


@pytest.mark.parametrize("operation", ["DescribeStacks", "ListChangeSets", "CreateChangeSet", "GetStackPolicy"])
def test_ctrl_c_at_any_moment(account: Account, operation: str) -> None:
    """It ends with 130, leaves no change set, and says that nothing goes on."""
    account.deploy(SMALL)

    def interrupt() -> None:
        raise KeyboardInterrupt

    account.write(OTHER)
    account.at(operation, interrupt)
    result = account.run("deploy", "--yes")
    assert result.exit_code == 130
    assert "Interrupted. Nothing is running in CloudFormation for this command." in result.stderr
    assert (account.status(), account.change_sets()) == ("CREATE_COMPLETE", [])


@pytest.mark.parametrize("old", [3, 99])
def test_an_answer_that_is_older_than_the_creation_is_asked_for_again(account: Account, old: int) -> None:
    """That the stack does not exist is no news of one that was just made: it is protected all the same, or said."""
    executed = [False]
    answers = iter(range(old))

    def stale(name: str) -> None:
        executed[0] = executed[0] or name == "ExecuteChangeSet"
        if name == "DescribeStacks" and executed[0] and next(answers, None) is not None:
            raise refusal("ValidationError", "Stack with id shop does not exist", 400, name)

    account.before = stale
    result = account.deploy(SMALL)
    account.before = lambda name: None
    if old == 3:
        assert result.exit_code == 0, result.stderr
        stack = account.stack()
        assert stack
        assert stack["EnableTerminationProtection"] is True
    else:
        assert result.exit_code == 3
        assert "was deployed, and CloudFormation does not find it any more" in result.stderr


def test_ctrl_c_while_linting(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before AWS was asked for anything."""

    def interrupt(*ignored: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cfn_lint, "examine", interrupt)
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(account.folder))
    account.write(SMALL)
    for words in (["deploy", "--yes"], ["lint"]):
        result = account.run(*words)
        assert (result.exit_code, "Interrupted." in result.stderr) == (130, True)
    assert not account.calls


def test_ctrl_c_while_arguments_are_read(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even then it is 130, and not click's own end."""

    def interrupt(*ignored: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "make_context", interrupt)
    result = account.run("status")
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize(("words", "status"), [((), "CREATE_FAILED"), (("--rollback",), "ROLLBACK_COMPLETE")])
def test_a_stack_in_a_failed_state_is_no_good_status(account: Account, words: tuple[str, ...], status: str) -> None:
    """`status` shows it, names the next command, and ends with 3."""
    account.world.refuse("CartInstance", "No.")
    assert account.deploy(SMALL, *words).exit_code == 3
    assert account.status() == status
    result = account.run("status")
    assert result.exit_code == 3
    assert f"The stack shop is {status}." in result.stderr
    assert "msaspec deploy" in result.stderr
    shown = account.run("status", "--format", "json")
    assert (shown.exit_code, told.rows(shown.stdout, "status")[0]["status"]) == (3, status)
