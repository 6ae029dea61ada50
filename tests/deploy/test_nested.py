"""Systems that do not fit into one stack: deployed, changed, grown and removed as nested stacks, and told as one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from msaspec.checks.of_the_template.limits import COUNTS
from msaspec.deploy.aws import nested
from msaspec.deploy.aws.events import NESTED_A_LOOK, Feed
from msaspec.deploy.flattening import flat, still
from msaspec.template import nesting, reading
from tests import sampling
from tests.deploy.account import Account

HEAD = """\
msaspec: 1
name: shop
network: {placement: public}
buckets: {media: }
services:
"""
LINE = "  {name}: {{image: docker.io/library/nginx:{tag}, port: 8000, runtime: fargate, uses: [media{uses}]}}\n"


def system(*names: str, tag: str = "1", changed: str = "") -> str:
    """Services that each call the one before it; the one that `changed` names runs another image."""
    lines = [HEAD]
    for number, name in enumerate(names):
        uses = f", {names[number - 1]}" if number else ""
        lines.append(LINE.format(name=name, tag=2 if name == changed else tag, uses=uses))
    return "".join(lines)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes CloudFormation's limit one that three services pass."""
    monkeypatch.setattr(nesting, "RESOURCES", 30)
    nested._READ.clear()
    yield
    nested._READ.clear()


SHOP = system("cart", "user", "web")


def inside(account: Account, home: str) -> dict[str, str]:
    """The resources of a nested stack."""
    return account.ids(account.ids()[home])


def status_of(account: Account, home: str) -> list[str]:
    """What happened to a nested stack as a whole, the oldest first."""
    id = account.ids()[home]
    events = account.cloudformation.describe_stack_events(StackName=id)["StackEvents"]
    return [each["ResourceStatus"] for each in reversed(events) if each["PhysicalResourceId"] == id]


@pytest.mark.usefixtures("small")
def test_a_large_system_is_deployed_as_nested_stacks(account: Account) -> None:
    """Each service has its own, the bucket is in the root, and what is told is the one system. Deployed again, nothing
    is to be done, although CloudFormation looks into all nested stacks."""
    result = account.deploy(SHOP)
    assert result.exit_code == 0, result.stderr
    assert account.status() == "CREATE_COMPLETE"
    ids = account.ids()
    assert {"CartNested", "UserNested", "WebNested", "MediaBucket", "Vpc"} <= set(ids)
    assert "CartService" not in ids
    assert {"CartService", "CartTask", "CartTaskRole", "CartLogGroup"} <= set(inside(account, "CartNested"))
    assert "nested stacks: uploaded" in result.stderr
    assert "services.cart  CartService  CREATE_COMPLETE" in result.stderr
    assert "CartNested  CREATE" not in result.stderr
    shown = account.run("status")
    assert "services.cart" in shown.stdout
    assert "CartNested" not in shown.stdout + shown.stderr
    again = account.deploy()
    assert (again.exit_code, account.change_sets()) == (0, [])
    assert "The stack shop has no changes." in again.stderr
    assert account.status() == "CREATE_COMPLETE"


@pytest.mark.usefixtures("small")
def test_only_the_stack_of_a_changed_service_moves(account: Account) -> None:
    """Its task and its service; what is listed is what happens, and what is uploaded is new."""
    account.deploy(SHOP)
    nested._READ.clear()  # Another process knows no templates.
    account.write(system("cart", "user", "web", changed="user"))
    look = account.run("diff", "--against", "stack")
    assert "services.user" in look.stdout
    assert "services.cart" not in look.stdout
    result = account.deploy()
    assert result.exit_code == 0, result.stderr
    assert "nested stacks: uploaded 1 template." in result.stderr
    assert "services.user  UserService  UPDATE_COMPLETE" in result.stderr
    assert "services.cart" not in result.stderr
    assert "UPDATE_COMPLETE" in status_of(account, "UserNested")
    assert status_of(account, "CartNested") == ["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


@pytest.mark.usefixtures("small")
def test_only_the_stack_of_a_changed_service_is_read(account: Account) -> None:
    """Its template, for the others are known to be as they are to be, and its events: nothing happens in the others."""
    account.deploy(SHOP)
    nested._READ.clear()  # Another process knows no templates.
    account.asked.clear()
    result = account.deploy(system("cart", "user", "web", changed="user"))
    assert result.exit_code == 0, result.stderr
    assert "services.user  UserService  UPDATE_COMPLETE" in result.stderr
    followed = {sent["body"]["StackName"] for operation, sent in account.asked if operation == "DescribeStackEvents"}
    root = account.cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
    assert followed == {root, account.ids()["UserNested"]}
    read = [sent for operation, sent in account.asked if operation == "GetObject"]
    # CloudFormation, which is in the same process, names no owner.
    assert len([sent for sent in read if "x-amz-expected-bucket-owner" in sent["headers"]]) == 1


@pytest.mark.usefixtures("small")
def test_what_is_removed_takes_its_stack_along(account: Account) -> None:
    """All that is in it is listed as removed; the others stay in stacks of their own although they would fit in one.
    The whole goes with all of them."""
    account.deploy(SHOP)
    result = account.deploy(system("cart", "user"))
    assert result.exit_code == 0, result.stderr
    assert "WebNested" not in account.ids()
    assert "UserNested" in account.ids()
    listed = result.stderr.partition("services.web")[2].partition("services.")[0]
    assert "removed" in listed
    assert "Service" in listed
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert "CartNested  DELETE" not in result.stderr
    assert "services.cart  CartService  DELETE_COMPLETE" in result.stderr
    stacks = account.cloudformation.describe_stacks()["Stacks"]
    assert [each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"] == []
    assert account.world.client("ecs").list_clusters()["clusterArns"] == []


@pytest.mark.usefixtures("small")
def test_a_failure_inside_is_told_on_its_line(account: Account) -> None:
    """With the name that the resource has in the one template; what was there is as before."""
    account.deploy(SHOP)
    account.world.controls.refuse("UserService", "no more of these", "UPDATE", 1)
    result = account.deploy(system("cart", "user", "web", changed="user"))
    assert result.exit_code == 3
    assert "`UserService` of `services.user` failed to update: no more of these" in result.stderr
    assert "msa.yaml:7:3" in result.stderr
    assert account.status() == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.usefixtures("small")
def test_a_first_creation_that_fails_is_rolled_back(account: Account) -> None:
    """AWS does not say what becomes of nested stacks where it is kept."""
    account.world.controls.refuse("UserService", "no more of these", "CREATE", 1)
    result = account.deploy(SHOP)
    assert result.exit_code == 3
    assert "`UserService` of `services.user` failed to create: no more of these" in result.stderr
    assert account.status() == "ROLLBACK_COMPLETE"


@pytest.mark.usefixtures("small")
def test_templates_are_read_from_cloudformation_where_the_bucket_lost_them(account: Account) -> None:
    """Objects expire; what somebody else put in their place is not believed."""
    account.deploy(SHOP)
    nested._READ.clear()
    s3 = account.world.client("s3")
    bucket = next(each["Name"] for each in s3.list_buckets()["Buckets"] if "templates" in each["Name"])
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    s3.delete_object(Bucket=bucket, Key=keys[0])
    s3.put_object(Bucket=bucket, Key=keys[1], Body=b"Resources: {}")
    account.write(system("cart", "user", "web", tag="2"))  # What is not to change need not be read.
    look = account.run("diff", "--against", "stack")
    assert look.stdout.count("image: docker.io/library/nginx:1 -> docker.io/library/nginx:2") == 3, look.stdout
    result = account.deploy(system("cart", "user", "web", changed="web"))
    assert result.exit_code == 0, result.stderr
    assert "nested stacks: uploaded" in result.stderr


def test_a_system_that_outgrows_one_stack(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deployed stays in its stack, unchanged; what is added is in stacks of its own."""
    nested._READ.clear()
    account.deploy(system("cart", "user"))
    before = account.ids()
    monkeypatch.setattr(nesting, "RESOURCES", len(before) + 4)
    result = account.deploy(system("cart", "user", "web"))
    assert result.exit_code == 0, result.stderr
    after = account.ids()
    assert {name: after.get(name) for name in before} == before
    assert {"WebService", "WebTask"} <= set(inside(account, "WebNested"))
    assert "services.cart" not in result.stderr
    again = account.deploy()
    assert "The stack shop has no changes." in again.stderr, again.stderr


def test_a_system_grows_step_by_step(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one stack to several times its limit: at each step nothing that is deployed is made anew, in the root and in
    the nested stacks, and a deployed service may gain what it needs as long as its stack has room."""
    nested._READ.clear()
    names = [f"service-{number}" for number in range(7)]
    assert account.deploy(stored(*names[:2])).exit_code == 0
    monkeypatch.setattr(nesting, "RESOURCES", len(account.ids()) + 12)

    def everything() -> dict[str, str]:
        root = account.ids()
        homes = [name for name in root if nesting.is_home(name, nesting.NESTED)]
        return root | {name: id for home in homes for name, id in inside(account, home).items()}

    known = everything()
    for count in (3, 4, 7):
        result = account.deploy(stored(*names[:count]))
        assert result.exit_code == 0, result.stderr
        now = everything()
        assert {name: now.get(name) for name in known} == known
        known = now
    more = stored(*names).replace("uses: [sessions]", "uses: [sessions, service-6]", 1)
    result = account.deploy(more)
    assert result.exit_code == 0, result.stderr
    now = everything()
    assert {"Service0ToService6", "Service6Address"} <= set(now)
    restarted = {"Service0Task", "Service6Service"}
    assert {name for name, id in known.items() if now.get(name) != id} <= restarted


def test_a_stack_that_is_full_says_so(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is changed, with the way round."""
    account.deploy(system("cart", "user"))
    monkeypatch.setattr(nesting, "RESOURCES", len(account.ids()))
    monkeypatch.setitem(COUNTS, "Resources", len(account.ids()))
    result = account.deploy(system("cart", "user", "web"))
    assert result.exit_code == 1
    assert "error MSA527: The stack itself has" in result.stderr
    assert "Deploy it anew as another environment" in result.stderr
    assert (account.status(), account.change_sets()) == ("CREATE_COMPLETE", [])


def rows(*names: str, action: str = "Modify") -> list[dict[str, Any]]:
    """Rows of a change set."""
    kinds = {name: nesting.NESTED if name.endswith("Nested") else "AWS::ECS::Service" for name in names}
    return [{"LogicalResourceId": name, "ResourceType": kinds[name], "Action": action} for name in names]


def test_rows_of_nested_stacks_are_those_of_the_one_template() -> None:
    """Those that change by the comparison; nested stacks of others are left as they are."""
    found = flat(rows("CartNested", "CartNested.CartService", "Vpc"), {}, {"CartService"})
    assert [row["LogicalResourceId"] for row in found] == ["CartService", "Vpc"]
    found = flat(rows("CartNested", "CartNested.CartService", "Vpc"), {}, ())
    assert [row["LogicalResourceId"] for row in found] == ["Vpc"]
    assert [row["LogicalResourceId"] for row in flat(rows("CartNested"), {}, ())] == ["CartNested"]
    assert [row["LogicalResourceId"] for row in flat(rows("Mine.Queue"), {}, ())] == ["Mine.Queue"]
    added = flat(rows("CartNested", "CartNested.CartService", action="Add"), {}, ())
    assert [row["LogicalResourceId"] for row in added] == ["CartService"]


def test_still_are_nested_stacks_in_which_nothing_changes() -> None:
    """CloudFormation looked into them, and what it lists of them follows from nothing that changes."""
    listed = rows("CartNested", "CartNested.CartService", "UserNested", "UserNested.UserService", "WebNested", "Vpc")
    looked_into = [{**row, "ChangeSetId": "arn"} for row in listed if row["LogicalResourceId"] != "WebNested"]
    added = [{**row, "ChangeSetId": "arn"} for row in rows("ApiNested", action="Add")]
    every = [*looked_into, *rows("WebNested"), *added]
    assert still(every, flat(every, {}, {"CartService"})) == {"UserNested"}
    assert still(every, ()) == {"CartNested", "UserNested"}


LARGE = [f"service-{number:02}" for number in range(60)]


@pytest.mark.skipif(not sampling.WHOLE, reason="takes minutes")
def test_sixty_services(account: Account) -> None:
    """By the limits of CloudFormation: deployed, one changed, removed."""
    nested._READ.clear()
    assert account.deploy(system(*LARGE)).exit_code == 0
    result = account.deploy(system(*LARGE, changed=LARGE[30]))
    assert (result.exit_code, result.stderr.count("nested stacks: uploaded 1 template.")) == (0, 1)
    moved = [
        each for each in account.ids() if each.endswith("Nested") and "UPDATE_COMPLETE" in status_of(account, each)
    ]
    assert moved == ["Service30Nested"]
    assert account.run("destroy", "--yes").exit_code == 0


@pytest.mark.usefixtures("small")
def test_the_policy_of_the_caller_names_nested_stacks(account: Account) -> None:
    """What CloudFormation does with them, and where their templates are."""
    account.write(SHOP)
    said = json.loads(account.run("policy").stdout)
    statements = {each["Sid"]: each for each in said["Statement"]}
    assert statements["Nested"]["Resource"] == ["arn:*:cloudformation:*:*:stack/shop-*"]
    assert {"cloudformation:CreateStack", "cloudformation:ListStackResources"} <= set(statements["Nested"]["Action"])
    assert "s3:GetObject" in statements["Templates"]["Action"]
    reads = json.loads(account.run("policy", "--for", "status").stdout)
    assert "cloudformation:CreateStack" not in json.dumps(reads)


@pytest.mark.usefixtures("small")
def test_compile_writes_what_other_tools_deploy(account: Account) -> None:
    """A root whose nested stacks are beside it; to standard output the one template, and a word about it."""
    account.write(SHOP)
    assert account.run("compile", "-o", "made/shop.yaml").exit_code == 0
    made = account.folder / "made"
    root = reading.load((made / "shop.yaml").read_text("utf-8"))
    where = nesting.nested_in(root)
    assert where["CartNested"] == "shop.nested/CartNested.yaml"
    nested_ones = {home: reading.load((made / url).read_text("utf-8")) for home, url in where.items()}
    whole = account.run("compile")
    assert "`msaspec deploy` makes" in whole.stderr
    assert nesting.join(root, nested_ones)["Resources"] == reading.load(whole.stdout)["Resources"]


@pytest.mark.usefixtures("small")
def test_a_look_asks_few_of_the_nested_stacks(account: Account) -> None:
    """While it goes on; at the end each once, and what happened in all of them is told."""
    names = [f"service-{number}" for number in range(6)]
    account.deploy(system(*names))
    root = account.cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
    feed, told = Feed.of_the_last_operation(account.aws(), root)
    services = {event.logical_id for event in told if event.type == "AWS::ECS::Service"}
    assert services == {f"Service{number}Service" for number in range(6)}
    homes = [event for event in told if event.logical_id.endswith("Nested")]
    for inner in feed._inner.values():
        inner.done = False
    account.calls.clear()
    asked: list[str] = []
    feed._news_of = lambda inner: asked.append(inner.id) or []  # type: ignore[method-assign, func-returns-value]
    feed._inside(homes[:1], all_of_them=False)
    assert len(asked) == NESTED_A_LOOK


STORED = """\
msaspec: 1
name: shop
network: {{placement: public}}
caches: {{sessions: }}
services:
{services}"""
SERVICE = "  {name}: {{image: docker.io/library/nginx:1, port: 8000, runtime: fargate, uses: [sessions]}}\n"


def stored(*names: str) -> str:
    """Services that each use the one store."""
    return STORED.format(services="".join(SERVICE.format(name=name) for name in names))


def let_in(account: Account) -> set[str]:
    """The reasons of the rules that the group of the store has."""
    group = account.ids()["SessionsCacheSecurityGroup"]
    (found,) = account.world.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return {pair["Description"] for rule in found["IpPermissions"] for pair in rule["UserIdGroupPairs"]}


@pytest.mark.usefixtures("small")
def test_rules_of_stores_come_and_go_with_their_services(account: Account) -> None:
    """They are in the group of the store, and no resources of their own. What is listed is the group."""
    result = account.deploy(stored("cart", "user", "web"))
    assert result.exit_code == 0, result.stderr
    assert let_in(account) == {"cart uses sessions", "user uses sessions", "web uses sessions"}
    assert not [name for home in ("CartNested", "UserNested") for name in inside(account, home) if "ToSessions" in name]
    again = account.deploy()
    assert "The stack shop has no changes." in again.stderr, again.stderr
    assert account.run("diff", "--against", "stack").exit_code == 0
    result = account.deploy(stored("api", "cart", "web"))
    assert result.exit_code == 0, result.stderr
    assert let_in(account) == {"api uses sessions", "cart uses sessions", "web uses sessions"}
    assert account.run("destroy", "--yes").exit_code == 0


def test_a_system_that_outgrows_one_stack_keeps_its_rules(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """EC2 would refuse the same rule a second time; rules of services that come are in the group."""
    nested._READ.clear()
    account.deploy(stored("cart", "user"))
    before = account.ids()
    monkeypatch.setattr(nesting, "RESOURCES", len(before) + 5)
    result = account.deploy(stored("cart", "user", "web"))
    assert result.exit_code == 0, result.stderr
    assert {name: account.ids().get(name) for name in before} == before
    assert let_in(account) == {"cart uses sessions", "user uses sessions", "web uses sessions"}
    assert "WebToSessions" not in inside(account, "WebNested")
    result = account.deploy(stored("user", "web"))
    assert result.exit_code == 0, result.stderr
    assert let_in(account) == {"user uses sessions", "web uses sessions"}


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes the root one that has no room for groups and names."""
    monkeypatch.setattr(nesting, "RESOURCES", 15)
    nested._READ.clear()
    yield
    nested._READ.clear()


def groups_of(account: Account) -> set[str]:
    """The names in the tags of the groups that there are."""
    found = account.world.client("ec2").describe_security_groups()["SecurityGroups"]
    return {tag["Value"] for each in found for tag in each.get("Tags", ()) if tag["Key"] == "Name"}


@pytest.mark.usefixtures("crowded")
def test_the_group_of_a_removed_service_goes_with_it(account: Account) -> None:
    """Its stack of groups may clean up before that of its tasks; then the deployment removes it, and says so."""
    account.deploy(SHOP)
    assert any(name.startswith("Names0") for name in account.ids())
    result = account.deploy(system("cart", "user"))
    assert result.exit_code == 0, result.stderr
    assert "MSA630" not in result.stderr
    assert "Removed the security group sg-" in result.stderr
    assert groups_of(account) == {"shop/cart", "shop/user"}
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert groups_of(account) == set()


@pytest.mark.usefixtures("crowded")
def test_destroy_removes_groups_that_nobody_watched(account: Account) -> None:
    """Those of nested stacks of the system by the tags that CloudFormation sets; a group of somebody else is not
    touched, and then the network stays."""
    account.deploy(SHOP)
    account.write(system("cart", "user"))
    assert account.run("deploy", "--yes", "--no-wait").exit_code == 0
    account.run("status", "--follow")
    assert account.status() == "UPDATE_COMPLETE"
    assert "shop/web" in groups_of(account)
    ec2, vpc = account.world.client("ec2"), account.ids()["Vpc"]
    words = {"Description": "mine", "VpcId": vpc}
    mine = ec2.create_security_group(GroupName="shop-Names01-mine", **words)["GroupId"]
    result = account.run("destroy", "--yes")
    assert result.exit_code == 3, result.stderr
    assert "`Vpc` of `network` failed to delete" in result.stderr
    assert groups_of(account) == set()
    ec2.delete_security_group(GroupId=mine)
    assert account.run("destroy", "--yes").exit_code == 0
