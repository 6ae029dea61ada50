"""What a deployment does about how it finds the stack, and about what happens on the way."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from msaspec.deploy.aws.pace import Pace
from tests.deploy.account import SMALL, STORING, Account, interrupting

OTHER = SMALL.replace("8000", "8001")


def test_a_failed_creation_is_told_on_its_line(account: Account) -> None:
    """The first cause with the service's reason stands on top, exit code 3; the next run makes what is missing."""
    account.world.refuse("CartInstance", "We currently do not have sufficient t4g.small capacity.")
    result = account.deploy(SMALL)
    assert result.exit_code == 3
    assert account.status() == "CREATE_FAILED"
    told = result.stderr[result.stderr.index("msa.yaml:7:3: error MSA620") :]
    assert told.startswith(
        "msa.yaml:7:3: error MSA620: AWS::EC2::Instance `CartInstance` of `services.cart` failed to create: "
        "We currently do not have sufficient t4g.small capacity. The stack shop is CREATE_FAILED.\n  7 |   cart:"
    )
    assert "Everything created so far is kept. Correct the cause, then continue from there: msaspec deploy" in told
    compared = account.run("diff", "--against", "stack")
    assert compared.exit_code == 1, "only what was not made is new"
    assert "2 entries differ: 1 resource added; 1 output added." in compared.stderr, "with the output that needs it"
    outputs = account.run("outputs")
    assert (outputs.exit_code, outputs.stdout) == (3, "")
    assert "error MSA631: The stack shop is CREATE_FAILED" in outputs.stderr
    status = account.run("status")
    assert (
        status.exit_code,
        "The stack shop is CREATE_FAILED. Everything created so far is kept." in status.stderr,
    ) == (3, True)
    result = account.deploy()
    assert result.exit_code == 0, result.stderr
    assert account.status() == "UPDATE_COMPLETE"


def test_a_failed_creation_that_was_rolled_back_is_begun_anew(account: Account) -> None:
    """By `--rollback`. The next run clears the rest away."""
    account.world.refuse("CartInstance", "No.")
    result = account.deploy(SMALL, "--rollback")
    assert (result.exit_code, account.status()) == (3, "ROLLBACK_COMPLETE")
    assert "msaspec deploy, which offers to delete what is left" in result.stderr
    compared = account.run("diff", "--against", "stack")
    assert "19 resources added; 1 output added; 1 parameter added." in compared.stderr, "all of it is new"
    result = account.deploy()
    assert result.exit_code == 0, result.stderr
    assert "the stack is ROLLBACK_COMPLETE and holds no data" in result.stderr
    assert account.status() == "CREATE_COMPLETE"


def test_a_failed_creation_is_not_cleared_in_a_dry_run(account: Account) -> None:
    """A look changes nothing: it says what would have to go first."""
    account.world.refuse("CartInstance", "No.")
    account.deploy(SMALL, "--rollback")
    result = account.run("deploy", "--dry-run")
    assert (result.exit_code, account.status()) == (3, "ROLLBACK_COMPLETE")
    assert "MSA616" in result.stderr


def test_a_database_that_a_failed_creation_left_is_named(account: Account) -> None:
    """CloudFormation could not delete the database; `deploy` does not either, `destroy` does when told."""
    account.world.refuse("CartInstance", "No.")
    account.world.refuse("MainDatabase", "It is being backed up.", "DELETE")
    assert account.deploy(STORING, "--rollback").exit_code == 3
    assert account.status() == "ROLLBACK_FAILED"
    database = account.ids()["MainDatabase"]
    result = account.deploy()
    assert result.exit_code == 3
    assert f"MainDatabase (AWS::RDS::DBInstance {database}" in result.stderr
    assert "msaspec destroy" in result.stderr
    assert account.run("destroy", "--yes").exit_code == 0
    assert account.deploy().exit_code == 0


def test_a_failed_update_leaves_all_as_it_was(account: Account) -> None:
    """Exit code 3, the cause on its line, and the next command; a correction goes through."""
    account.deploy(SMALL)
    before = account.ids()
    account.world.refuse("CartInstance", "The host did not signal in time.", "UPDATE")
    result = account.deploy(OTHER)
    assert (result.exit_code, account.status(), account.ids()) == (3, "UPDATE_ROLLBACK_COMPLETE", before)
    assert "failed to update: The host did not signal in time." in result.stderr
    assert "The system is as it was before." in result.stderr
    assert account.deploy().exit_code == 0


def test_the_log_of_a_service_that_never_came_up(account: Account) -> None:
    """Its last lines stand below the cause, what would steer the terminal made visible."""
    account.deploy(SMALL)
    ids, held = account.ids(), account.world.hold("CartInstance")

    def boot() -> None:
        logs, name = account.world.client("logs"), {"logGroupName": ids["CartLogGroup"]}
        name["logStreamName"] = f"{ids['CartInstance']}/boot"
        logs.create_log_stream(**name)
        said = [{"timestamp": int(time.time() * 1000), "message": "-- health\n500 on \x1b[31m/\x1b[0m"}]
        logs.put_log_events(**name, logEvents=said)
        held.release()

    account.at("DescribeStackEvents", boot, held.reached.is_set)
    account.world.refuse(
        "CartInstance", "Failed to receive 1 resource signal(s) within the specified duration", "UPDATE"
    )
    result = account.deploy(OTHER)
    assert result.exit_code == 3
    assert f"--log-stream-names {ids['CartInstance']}/boot" in result.stderr
    assert "500 on �[31m/�[0m" in result.stderr


def test_a_stuck_way_back_is_continued(account: Account) -> None:
    """`deploy` says which resource and what to do; `continue-rollback` skips it, and then deploying works again."""
    account.deploy(SMALL)
    account.world.refuse("CartInstance", "No capacity.", "UPDATE")
    held = account.world.hold("CartInstance")

    def lock() -> None:
        account.world.refuse("CartLogGroup", "The group is locked.", "UPDATE")
        held.release()

    account.at("DescribeStackEvents", lock, held.reached.is_set)
    result = account.deploy(SMALL.replace("port: 8000", "port: 8001, logs: 7 days"))
    assert result.exit_code == 3
    assert account.status() == "UPDATE_ROLLBACK_FAILED"
    assert "msaspec continue-rollback" in result.stderr
    result = account.deploy()
    assert result.exit_code == 3
    assert "MSA614" in result.stderr
    assert "CartLogGroup" in result.stderr
    result = account.run("continue-rollback", "--skip", "Vpc")
    assert result.exit_code == 1
    assert "These are: CartLogGroup." in result.stderr
    result = account.run("continue-rollback", "--skip", "CartLogGroup")
    assert result.exit_code == 0, result.stderr
    assert account.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert account.deploy().exit_code == 0


def test_another_operation_is_in_the_way(account: Account) -> None:
    """A second deployment is refused while one is going on, and with `--wait` comes after it."""
    account.deploy(SMALL)
    with account.world.hold("CartInstance") as held:
        assert account.deploy(OTHER, "--no-wait").exit_code == 0
        assert held.reached.wait(20)
        result = account.deploy()
        assert result.exit_code == 3
        assert "MSA613" in result.stderr
        assert "status --follow" in result.stderr
        account.at("GetTemplate", held.release)
        result = account.deploy(SMALL.replace("8000", "8002"), "--wait")
    assert result.exit_code == 0, result.stderr
    assert "is UPDATE_IN_PROGRESS; waiting for it to end." in result.stderr
    assert result.stderr.count("shop  UPDATE_COMPLETE\n") == 2
    assert account.status() == "UPDATE_COMPLETE"


def test_an_update_is_cancelled(account: Account) -> None:
    """`cancel` takes it back and ends well; the deployment that was cancelled ends with 3."""
    account.deploy(SMALL)
    before = account.ids()
    with account.world.hold("CartInstance") as held:
        account.deploy(OTHER, "--no-wait")
        assert held.reached.wait(20)
        result = account.run("cancel")
    assert result.exit_code == 0, result.stderr
    assert "The stack shop is as it was before the update." in result.stderr
    assert (account.status(), account.ids()) == ("UPDATE_ROLLBACK_COMPLETE", before)
    with account.world.hold("CartInstance") as held:

        def cancel() -> None:
            account.cloudformation.cancel_update_stack(StackName="shop")

        account.at("DescribeStackEvents", cancel, held.reached.is_set)
        assert account.deploy(OTHER).exit_code == 3
    assert (account.status(), account.ids()) == ("UPDATE_ROLLBACK_COMPLETE", before)
    result = account.run("cancel")
    assert result.exit_code == 3
    assert "no running update to cancel" in result.stderr


def test_what_an_earlier_run_left_is_removed(account: Account) -> None:
    """A change set of a run that was killed goes, one of somebody else stays, and the stack is made."""
    account.cloudformation.create_change_set(
        StackName="shop",
        ChangeSetName="msaspec-left-behind",
        ChangeSetType="CREATE",
        TemplateBody="Metadata: {msaspec: {system: shop, stack: main}}\nResources: {Logs: {Type: AWS::Logs::LogGroup}}",
    )
    account.cloudformation.create_change_set(
        StackName="shop",
        ChangeSetName="of-somebody-else",
        ChangeSetType="CREATE",
        TemplateBody="Resources: {Logs: {Type: AWS::Logs::LogGroup}}",
    )
    assert account.status() == "REVIEW_IN_PROGRESS"
    result = account.deploy(SMALL)
    assert result.exit_code == 0, result.stderr
    assert account.status() == "CREATE_COMPLETE"
    assert account.change_sets() == ["of-somebody-else"]


def test_what_is_executed_is_what_was_shown(account: Account) -> None:
    """If another change set was executed in between, this one is not, and says so."""
    account.deploy(SMALL)
    account.write(OTHER)

    def overtake() -> None:
        account.cloudformation.update_stack(
            StackName="shop",
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "team", "Value": "other"}],
        )
        account.settled()

    account.at("ExecuteChangeSet", overtake)
    result = account.run("deploy", "--yes")
    assert result.exit_code == 3, result.stderr
    assert "MSA612" in result.stderr
    assert account.deploy().exit_code == 0


def test_saying_no_changes_nothing(account: Account) -> None:
    """The question names stack, Region and account; whoever says no leaves everything as it was."""
    account.write(SMALL)
    result = account.run("deploy", answer="n\n")
    assert result.exit_code == 1
    assert "Create the stack shop in us-east-1, account 123456789012? [y/N]" in result.stderr
    assert "Nothing was changed." in result.stderr
    account.settled()
    assert account.stack() is None
    assert account.run("deploy", answer="y\n").exit_code == 0


@pytest.mark.parametrize("form", ["text", "json"])
def test_breaking_off_at_the_question_changes_nothing(account: Account, form: str) -> None:
    """Ctrl-C and Ctrl-D are a no: the change set goes, with the empty stack that stood for it, and 130 is the end."""
    account.write(SMALL)
    result = account.run("deploy", "--format", form, answer="")
    assert result.exit_code == 130
    assert "Nothing was changed." in (result.stderr if form == "text" else result.stdout)
    assert "[y/N]: \n" in result.stderr
    assert account.settled() is None
    account.deploy(SMALL)
    account.write(OTHER)
    assert account.run("deploy", answer="").exit_code == 130
    assert (account.status(), account.change_sets()) == ("CREATE_COMPLETE", [])
    assert account.run("destroy", answer="").exit_code == 130
    assert account.status() == "CREATE_COMPLETE"


def test_an_interrupt_stops_the_watching_only(account: Account) -> None:
    """Exit code 130, both ways on are named, and the deployment comes to its end. A first one cannot be cancelled."""
    with account.world.hold("CartInstance") as held:
        account.pace = interrupting(held)
        result = account.deploy(SMALL)
        assert result.exit_code == 130
        assert "continues in CloudFormation. Watch it: msaspec status --follow" in result.stderr
        assert "Abort it: msaspec destroy" in result.stderr
        assert "Termination protection and the stack policy are not on yet." in result.stderr
        outputs = account.run("outputs", "--format", "env")
        assert (outputs.exit_code, outputs.stdout) == (3, "")
        assert "hint: Watch it: msaspec status --follow" in outputs.stderr
        assert account.status() == "CREATE_IN_PROGRESS"
    account.pace = Pace(first=0.02, most=0.1)
    assert account.settled() == "CREATE_COMPLETE"
    result = account.deploy()
    assert result.exit_code == 0
    stack = account.stack()
    assert stack
    assert stack["EnableTerminationProtection"] is True


def test_nobody_waits_and_somebody_joins(account: Account) -> None:
    """`--no-wait` begins and ends; `status --follow` shows all of it from its beginning, and how it ended."""
    with account.world.hold("CartInstance") as held:
        result = account.deploy(SMALL, "--no-wait")
        assert result.exit_code == 0
        assert "has started" in result.stderr
        assert "Termination protection and the stack policy are not set yet." in result.stderr
        assert held.reached.wait(20)
        status = account.run("status", "--format", "json")
        assert json.loads(status.stdout.splitlines()[0])["status"] == "CREATE_IN_PROGRESS"
        account.at("GetTemplate", held.release)
        result = account.run("status", "--follow")
    assert result.exit_code == 0, result.stderr
    assert "network  Vpc  CREATE_COMPLETE" in result.stderr
    assert "CREATE_COMPLETE" in result.stdout.splitlines()[0]


def test_what_was_let_go_is_unguarded_until_the_next_deployment(account: Account) -> None:
    """Ctrl-C while data goes by a word: the policy lets it go, so that the update can do it, and that is told."""
    account.deploy(SMALL)
    with account.world.hold("CartInstance") as held:
        account.pace = interrupting(held)
        without = OTHER.replace("buckets: {media: }\n", "").replace(", uses: [media]", "")
        result = account.deploy(without, "--allow-replace", "media")
        assert result.exit_code == 130
        assert "Abort it: msaspec cancel" in result.stderr
        assert "The stack policy is relaxed for the data that you named." in result.stderr


class Broken:
    """Fails requests of the watching as a network or AWS would."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times = error, times

    def __call__(self, operation: str) -> None:
        """Before each request."""
        if operation == "DescribeStackEvents" and self.times:
            self.times -= 1
            raise self.error


def test_a_lost_connection_is_waited_out(account: Account) -> None:
    """Watching goes on when the network is back, which is told once each."""
    from botocore.exceptions import EndpointConnectionError

    account.deploy(SMALL)
    broken = Broken(EndpointConnectionError(endpoint_url="https://cloudformation"), 3)

    def begin() -> None:
        account.before = broken

    account.at("ExecuteChangeSet", begin)
    result = account.deploy(OTHER)
    assert result.exit_code == 0, result.stderr
    assert broken.times == 0
    assert result.stderr.count("AWS does not answer at the moment") == 1
    assert result.stderr.count("AWS answers again") == 1


@pytest.mark.parametrize(
    ("code", "message", "said", "exit_code"),
    [
        ("ExpiredToken", "The security token included in the request is expired", "MSA602", 3),
        (
            "AccessDenied",
            "User: arn:aws:iam::1:user/a is not authorized to perform: cloudformation:CreateChangeSet on resource: x",
            "The permission `cloudformation:CreateChangeSet` is missing",
            3,
        ),
        ("Throttling", "Rate exceeded", "MSA605", 3),
        ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]", "MSA606", 3),
        ("ValidationError", "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.", "MSA613", 3),
    ],
)
def test_what_aws_refuses_is_told_with_the_next_step(
    account: Account, code: str, message: str, said: str, exit_code: int
) -> None:
    """Credentials, permissions, rates and races end with 3 and a sentence, and never with a traceback."""
    from botocore.exceptions import ClientError

    def refuse(operation: str) -> None:
        if operation == "CreateChangeSet":
            answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(answer, operation)

    account.before = refuse
    result = account.deploy(SMALL)
    assert result.exit_code == exit_code
    assert said in result.stderr


def test_a_name_that_is_taken_is_told_before_anything_is_made(account: Account) -> None:
    """CloudFormation's check before a deployment stands on the manifest's line, and nothing was made."""
    account.world.client("s3").create_bucket(Bucket="shop-media-of-somebody")
    patch = "patches: [{op: add, path: /Resources/MediaBucket/Properties/BucketName, value: shop-media-of-somebody}]\n"
    result = account.deploy(SMALL + patch)
    assert result.exit_code == 3
    assert "msa.yaml:8:" in result.stderr
    assert "MSA611" in result.stderr
    account.settled()
    assert account.stack() is None


def test_a_session_that_ends_while_watching(account: Account) -> None:
    """The fault says that the deployment goes on and how to join it; the next run finds it done and settles it."""
    from botocore.exceptions import ClientError

    answer: Any = {"Error": {"Code": "ExpiredToken", "Message": "It has expired."}}
    account.at(
        "ExecuteChangeSet", lambda: setattr(account, "before", Broken(ClientError(answer, "DescribeStackEvents"), 1))
    )
    result = account.deploy(SMALL)
    assert result.exit_code == 3
    assert "MSA602" in result.stderr
    assert "The operation on the stack shop continues in CloudFormation." in result.stderr
    account.settled()
    assert account.deploy().exit_code == 0
    stack = account.stack()
    assert stack
    assert stack["EnableTerminationProtection"] is True


def test_a_refused_execution_leaves_the_policy_whole(account: Account) -> None:
    """What a word let go is guarded again when the update did not come to be."""
    account.deploy(SMALL)
    account.at(
        "ExecuteChangeSet",
        lambda: account.cloudformation.delete_change_set(StackName="shop", ChangeSetName=account.change_sets()[0]),
    )
    result = account.deploy(
        SMALL.replace("buckets: {media: }\n", "").replace(", uses: [media]", ""), "--allow-replace", "media"
    )
    assert result.exit_code == 3
    assert "MSA612" in result.stderr
    policy = account.cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"]
    assert "LogicalResourceId/MediaBucket" in policy
