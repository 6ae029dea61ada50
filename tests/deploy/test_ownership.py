"""Only stacks of the system itself are changed, taken over or deleted, whatever else has their name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from msaspec.deploy.aws.state import Deployed
from msaspec.deploy.context import Context
from msaspec.deploy.invocation import Invocation
from msaspec.deploy.ownership import own
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.linting import cfn_lint
from msaspec.template.owner import Claim, claim, metadata
from msaspec.template.role import MAIN, REGISTRY, Named
from tests import told as programs
from tests.deploy.account import OWNING, SMALL, Account
from tests.deploy.recorded import Heard, Recorded, aws, described, missing, original

FOREIGN = """\
Description: Payroll of the accounting team
Resources:
  Payroll: {Type: AWS::SNS::Topic}
  Numbers: {Type: AWS::Logs::LogGroup}
"""
CHECKING = "Checking msa.yaml ...\n"
"""What `deploy` says first."""
FAILING = "Resources: {Broken: {Type: AWS::EC2::Instance, Properties: {ImageId: ami-0, SubnetId: subnet-0}}}"
STORE = SMALL.replace("name: shop", "name: store") + "environments: {prod: {}}\n"
STORE_PROD = SMALL.replace("name: shop", "name: store-prod").replace("cart:", "billing:")


@pytest.fixture(autouse=True)
def unlinted(monkeypatch: pytest.MonkeyPatch) -> None:
    """cfn-lint finds nothing, at once."""
    monkeypatch.setattr(cfn_lint, "examine", lambda *arguments: ())


def make(account: Account, template: str = FOREIGN, name: str = "shop") -> str:
    """A stack that msaspec did not make; its id."""
    made = account.cloudformation.create_stack(StackName=name, TemplateBody=template)
    account.settled(name)
    return str(made["StackId"])


def told(account: Account) -> list[Any]:
    """What has changed in the account: the events of all stacks."""
    stacks = account.cloudformation.describe_stacks()["Stacks"]
    return [account.cloudformation.describe_stack_events(StackName=each["StackId"])["StackEvents"] for each in stacks]


COMMANDS = [
    ("deploy", "--yes"),
    ("deploy", "--yes", "--wait"),
    ("deploy", "--dry-run"),
    ("deploy", "--yes", "--allow-replace", "cart"),
    ("destroy", "--yes"),
    ("destroy", "--yes", "--delete-data", "media"),
    ("cancel",),
    ("continue-rollback",),
]


def test_a_stack_that_msaspec_did_not_make(account: Account) -> None:
    """Every command that would change it refuses, on the line of its name, says what it is, and asks for nothing."""
    make(account)
    account.write(SMALL)
    before = told(account)
    for words in COMMANDS:
        result = account.run(*words)
        assert result.exit_code == 1, words
        assert result.stderr.removeprefix(CHECKING).startswith(
            "msa.yaml:2:7: error MSA621: The stack shop in us-east-1, account 123456789012, was not made by msaspec:"
            " it is CREATE_COMPLETE, created "
        )
        assert 'described as "Payroll of the accounting team". This command is about the system `shop`' in result.stderr
        assert "hint: Nothing was changed. Check the Region, the account, `name` and --env." in result.stderr
        assert ("msaspec deploy --adopt shop" in result.stderr) == (words[0] == "deploy")
    assert "aws cloudformation cancel-update-stack --stack-name shop --region us-east-1" in account.run("cancel").stderr
    assert (told(account), account.change_sets()) == (before, [])


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (Named(MAIN, "store-prod"), Named(MAIN, "store", "prod")),
        (Named(MAIN, "store", "prod"), Named(MAIN, "store-prod")),
        (Named(MAIN, "shop-registry"), Named(REGISTRY, "shop")),
    ],
    ids=str,
)
def test_the_stack_of_another_system(account: Account, here: Named, there: Named) -> None:
    """`store` with the environment `prod` is not the system `store-prod`, in either direction; nor is a stack of
    repositories that of an environment or of a system."""
    assert here.name == there.name
    make(account, f"Metadata: {json.dumps({'msaspec': metadata(there)})}\n{FOREIGN}", there.name)
    account.write(SMALL.replace("name: shop", f"name: {here.system}") + "environments: {prod: }\n")
    before = told(account)
    for words in COMMANDS:
        result = account.run(*words, "--env", here.environment or "-")
        assert result.exit_code == 1, words
        assert f"The stack {here.name} in us-east-1, account 123456789012, belongs to {there}: it" in result.stderr
        assert result.stderr.removeprefix(CHECKING).startswith("msa.yaml:2:7: error MSA621: ")
        assert f"This command is about {here}." in result.stderr
    assert told(account) == before


def test_the_stack_of_another_environment_is_kept(account: Account) -> None:
    """From deployment to deployment: what one system has made the other neither changes nor takes over."""
    account.write(STORE)
    assert account.run("deploy", "--yes", "--env", "prod").exit_code == 0
    account.write(STORE_PROD)
    result = account.run("deploy", "--yes")
    assert (result.exit_code, "MSA621" in result.stderr) == (1, True)
    assert "CartInstance" in account.ids("store-prod")
    assert account.run("deploy", "--yes", "--adopt", "store-prod").exit_code == 0
    assert {"BillingInstance"} <= set(account.ids("store-prod"))
    account.write(STORE)
    assert account.run("destroy", "--yes", "--env", "prod").exit_code == 1
    assert {"BillingInstance"} <= set(account.ids("store-prod"))


def test_a_stack_that_failed_elsewhere_is_not_deleted(account: Account) -> None:
    """Neither one that was rolled back, nor one that was only proposed."""
    id = make(account, FAILING)
    assert account.status() == "ROLLBACK_COMPLETE"
    result = account.deploy(SMALL)
    assert (result.exit_code, account.status()) == (1, "ROLLBACK_COMPLETE")
    assert account.stack()["StackId"] == id  # type: ignore[index]
    assert "MSA621" in result.stderr
    assert account.deploy(None, "--adopt", "shop").exit_code == 0


def test_a_stack_that_others_only_proposed(account: Account) -> None:
    """It is theirs while it has their change set; by --adopt both change sets stand side by side."""
    account.cloudformation.create_change_set(
        StackName="shop", ChangeSetName="theirs", ChangeSetType="CREATE", TemplateBody=FOREIGN
    )
    result = account.deploy(SMALL)
    assert (result.exit_code, account.change_sets()) == (1, ["theirs"])
    assert "was not made by msaspec: it is REVIEW_IN_PROGRESS" in result.stderr
    assert account.run("destroy", "--yes").exit_code == 1
    assert account.status() == "REVIEW_IN_PROGRESS"
    assert account.deploy(None, "--adopt", "shop").exit_code == 0
    assert account.status() == "CREATE_COMPLETE"


def test_a_stack_that_another_system_only_proposed(account: Account) -> None:
    """Its change set tells whose it is."""
    account.cloudformation.create_change_set(
        StackName="shop",
        ChangeSetName="msaspec-1",
        ChangeSetType="CREATE",
        TemplateBody="Metadata: {msaspec: {system: s, environment: hop, stack: main}}\n" + FOREIGN,
    )
    assert "belongs to the system `s`, environment `hop`" in account.deploy(SMALL).stderr


def test_a_stack_becomes_the_systems_own_by_a_word(account: Account) -> None:
    """It says what it was, shows what goes as from no manifest, and belongs to the system from then on."""
    id = make(account)
    result = account.deploy(SMALL, "--adopt", "shop")
    assert result.exit_code == 0, result.stderr
    assert "warning MSA621: The stack shop in us-east-1, account 123456789012, was not made by msaspec" in result.stderr
    assert "hint: With --adopt it becomes the system `shop`, without an environment." in result.stderr
    assert "not from this manifest\n  - Payroll" in result.stderr
    assert "network" not in result.stderr[: result.stderr.index("Payroll")].partition("The stack shop\n")[2]
    assert account.stack()["StackId"] == id  # type: ignore[index]
    again = account.deploy(None, "--adopt", "shop")
    assert again.exit_code == 0
    assert "`--adopt shop` has no effect: no stack of another owner has that name." in again.stderr
    assert account.run("destroy", "--yes").exit_code == 0


def test_only_a_stack_of_the_system_can_be_adopted(account: Account) -> None:
    """Another name is a usage error, before anything is asked."""
    account.write(SMALL)
    result = account.run("deploy", "--yes", "--adopt", "shpo")
    assert result.exit_code == 2
    assert "`shpo` is not a stack of the system, which has shop." in result.stderr
    assert account.calls == {}


def test_data_of_others_is_guarded_when_their_stack_is_adopted(account: Account) -> None:
    """The gate holds for what is from no manifest, too."""
    make(account, "Resources: {Papers: {Type: AWS::S3::Bucket}}")
    result = account.deploy(SMALL, "--adopt", "shop")
    assert (result.exit_code, "Papers" in account.ids()) == (1, True)
    assert "error MSA510: The bucket `Papers` (not from this manifest) would be deleted" in result.stderr
    assert "--allow-replace Papers" in result.stderr


def test_the_repositories_of_another(account: Account) -> None:
    """`push` and `deploy` ask whose the stack of the repositories is."""
    make(account, FOREIGN, "shop-registry")
    account.world.client("ecr").create_repository(repositoryName="shop/cart")
    account.write(OWNING)
    for words in (("push",), ("deploy", "--yes"), ("destroy", "--yes", "--stack", "registry")):
        result = account.run(*words)
        assert (result.exit_code, "error MSA621: The stack shop-registry in" in result.stderr) == (1, True)
        assert "This command is about the image repositories of the system `shop`." in result.stderr
    assert account.stack() is None


def test_repositories_that_no_stack_of_the_system_made(account: Account) -> None:
    """They are somebody's, until `deploy` takes them over and shows it."""
    account.world.client("ecr").create_repository(repositoryName="shop/cart")
    account.write(OWNING)
    result = account.run("push")
    assert result.exit_code == 3
    assert "MSA626: The stack shop-registry does not have these repositories: shop/cart." in result.stderr
    assert "Create them first: msaspec deploy" in result.stderr


def test_status_and_diff_say_whose_a_stack_is(account: Account) -> None:
    """Nothing of it is blamed on the network."""
    make(account)
    account.write(SMALL)
    status = account.run("status").stdout
    assert "  It was not made by msaspec. This command is about the system `shop`, without an environment.\n" in status
    assert "  not from this manifest   2 resources\n" in status
    (row,) = programs.rows(account.run("status", "--format", "json").stdout, "status")
    assert (row["owner"], [entry["entry"] for entry in row["entries"]]) == (None, [None])
    diff = account.run("diff", "--against", "stack", "--stack", "main")
    assert diff.exit_code == 1
    assert "not from this manifest\n  - Payroll" in diff.stdout
    assert "msa.yaml:2:7: error MSA621: " in diff.stderr
    assert "hint: `msaspec deploy` refuses to change it." in diff.stderr
    (gone,) = (
        row
        for row in programs.rows(account.run("diff", "--against", "stack", "--format", "json").stdout, "change")
        if row["logical_id"] == "Payroll"
    )
    assert gone["entry"] is None


def test_a_stack_of_ones_own_with_something_of_others(account: Account) -> None:
    """What somebody put into it by hand is told as from no manifest; the network is only what the manifest has."""
    account.deploy(SMALL)
    body = account.cloudformation.get_template(StackName="shop")["TemplateBody"]
    added = body.replace("Resources:\n", "Resources:\n  PublicTopic: {Type: AWS::SNS::Topic}\n", 1)
    account.cloudformation.update_stack(StackName="shop", TemplateBody=added, Capabilities=["CAPABILITY_IAM"])
    account.settled()
    assert "  not from this manifest   1 resource\n" in account.run("status").stdout
    result = account.deploy()
    assert "not from this manifest\n  - PublicTopic" in result.stderr
    assert result.exit_code == 0


def test_a_deletion_that_goes_on_elsewhere_is_not_joined(account: Account) -> None:
    """Nor is data removed of a stack of the same name that another deleted."""
    id = make(account, "Resources: {Papers: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}}")
    bucket = account.ids()["Papers"]
    account.cloudformation.delete_stack(StackName=id)
    account.settled()
    account.write(SMALL)
    result = account.run("destroy", "--yes", "--delete-data", "Papers")
    assert (result.exit_code, "MSA621" in result.stderr) == (1, True)
    account.world.client("s3").head_bucket(Bucket=bucket)


OLD = {
    "shop. Compiled by msaspec; change the manifest, not this.": Named(MAIN, "shop"),
    "shop, environment prod. Compiled by msaspec; change the manifest, not this.": Named(MAIN, "shop", "prod"),
    "Image repositories of shop. Compiled by msaspec.": Named(REGISTRY, "shop"),
    "Whatever a patch made of it.": None,
}


@pytest.mark.parametrize(("description", "owner"), OLD.items())
def test_a_stack_of_an_older_version(description: str, owner: Named | None) -> None:
    """Its Metadata has only the manifest's entries. Its description tells; where that is silent it is the system's."""
    said = claim({"Description": description, "Metadata": {"msaspec": {"manifest": ["services.cart"]}}})
    assert said == Claim(True, owner)
    assert said.contradicts(Named(MAIN, "shop", "prod")) == (owner not in (None, Named(MAIN, "shop", "prod")))


def test_an_older_stack_is_deployed_and_destroyed_as_before(account: Account) -> None:
    """The Metadata alone is no change: it comes with the next one."""
    account.deploy(SMALL)
    body = account.cloudformation.get_template(StackName="shop")["TemplateBody"]
    older = body.replace("system: shop, stack: main, ", "").replace("    system: shop\n    stack: main\n", "")
    assert older != body
    zones = (account.stack() or {})["Parameters"]
    account.run("destroy", "--yes")
    words = {"Capabilities": ["CAPABILITY_IAM"], "Tags": [{"Key": "team", "Value": "shop"}], "Parameters": zones}
    account.cloudformation.create_stack(StackName="shop", TemplateBody=older, **words)
    account.settled()
    assert account.run("diff", "--against", "stack", "--stack", "main").exit_code == 0
    assert "The stack shop has no changes." in account.deploy().stderr
    assert account.deploy(SMALL.replace("8000", "8001")).exit_code == 0
    told = account.cloudformation.get_template(StackName="shop")["TemplateBody"]
    assert "system: shop" in told
    assert account.run("destroy", "--yes").exit_code == 0


@pytest.mark.parametrize(
    "said",
    [
        {"system": "shop", "stack": "main"},
        {"system": "shop", "environment": "prod", "stack": "main"},
        {"system": "shop", "stack": "registry"},
    ],
)
def test_what_a_template_says_is_what_it_was_told(said: dict[str, str]) -> None:
    """The Metadata of an owner reads back as that owner."""
    owner = claim({"Metadata": {"msaspec": said}}).owner
    assert owner
    assert metadata(owner) == said


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"Metadata": None},
        {"Metadata": {"msaspec": []}},
        {"Metadata": {"other": {"system": "shop", "stack": "main"}}},
    ],
)
def test_a_template_that_says_nothing(template: dict[str, Any]) -> None:
    """It is not msaspec's."""
    assert claim(template) == Claim(False)


def test_a_template_that_cannot_be_read_is_not_ours() -> None:
    """What nobody can read nobody may replace."""
    there = aws(cloudformation=Recorded(get_template=original("{")))
    with pytest.raises(Invalid):
        own(Context(there, Heard(), Invocation()), Named(MAIN, "shop"), Deployed("shop", "id", "CREATE_COMPLETE"))


def test_what_a_dry_run_leaves_is_nobodys() -> None:
    """A proposed stack that is being deleted has no template: it is busy, and not another's."""
    leaving = Deployed("shop", "id", "DELETE_IN_PROGRESS")
    there = aws(cloudformation=Recorded(get_template=original("")))
    assert own(Context(there, Heard(), Invocation()), Named(MAIN, "shop"), leaving).template == {}
    there = aws(cloudformation=Recorded(get_template=missing("id"), describe_stacks=described("DELETE_IN_PROGRESS")))
    assert own(Context(there, Heard(), Invocation()), Named(MAIN, "shop"), leaving).template == {}


def test_nothing_more_is_asked_where_nothing_is_wrong(account: Account) -> None:
    """Whose a stack is the template tells that is read anyway."""
    account.deploy(SMALL)
    account.calls.clear()
    account.deploy()
    assert account.calls["GetTemplate"] == 1
    account.calls.clear()
    account.run("destroy", "--yes")
    assert account.calls["GetTemplate"] == 1
