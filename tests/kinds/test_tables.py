"""DynamoDB tables: what an edit may do to one, and what stands in an account."""

from __future__ import annotations

import pytest

from msaspec.deploy import gate
from msaspec.update import changes, losses, objections
from msaspec.update.changes import Change
from tests.deploy.account import Account
from tests.template import compiled

HEAD = """\
msaspec: 1
name: shop
network: {placement: public}
services: {cart: {image: "docker.io/library/cart:1", uses: {orders: {access: read-write}}}}
"""
BASE = "key: id, indexes: {by-email: email}, expires: expires_at"


def manifest(fields: str) -> str:
    """A system of one table with some fields."""
    return f"{HEAD}tables: {{orders: {{{fields}}}}}\n"


def between(before: str, after: str) -> tuple[Change, ...]:
    """The changes between two tables."""
    old, new = (compiled(manifest(each)).stack for each in (before, after))
    return changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)


def refused(before: str, after: str) -> list[str]:
    """What AWS refuses of an edit."""
    return [each.message for each in objections.refused(between(before, after))]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (BASE.replace("by-email: email", "by-email: email, by-x: x"), ""),
        (BASE.replace("by-email: email", "by-email: email, by-x: x, by-w: w"), "would gain or lose 2 indexes"),
        (BASE.replace("by-email: email", "by-x: x"), "would gain or lose 2 indexes (`by-email`, `by-x`)"),
        (BASE.replace("by-email: email", "by-email: phone"), "would change its index `by-email`"),
        (BASE.replace("expires_at", "ends"), "would expire by `ends` instead of `expires_at`, which needs two"),
    ],
    ids=["one more", "two more", "another name", "another key", "another expiry"],
)
def test_what_dynamodb_refuses_is_told_before(after: str, said: str) -> None:
    """One index an update, and no change of one; the attribute of the expiry changes in two steps."""
    found = refused(BASE, after)
    assert len(found) == bool(said)
    assert all(said in each for each in found)


@pytest.mark.parametrize(
    "after",
    [
        BASE.replace("key: id", "key: user"),
        BASE.replace("key: id", "key: id, sort: at"),
        BASE.replace("key: id", "key: {name: id, type: number}"),
        BASE.replace("expires_at", "expires_at, backups: 0 days"),
    ],
    ids=["another key", "a sort key", "another type", "no recovery"],
)
def test_what_loses_items_or_their_past_needs_a_word(after: str) -> None:
    """It is a loss, refused without the table's name."""
    found = between(BASE, after)
    assert losses.found(found)
    assert gate.judge(found, (), lambda each: each).refused
    assert not gate.judge(found, ["orders"], lambda each: each).refused


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("key: id", "key: id, expires: at", "would begin to delete items"),
        (BASE, BASE + ", backups: 7 days", "could no longer be recovered to a time of more than 7 days ago"),
        (BASE, BASE.replace(", expires: expires_at", ""), "CloudFormation may leave the expiry on"),
        (BASE, BASE + ", protect: false", ""),
    ],
    ids=["an expiry", "less recovery", "no expiry", "no protection"],
)
def test_what_costs_something_is_warned_of(before: str, after: str, said: str) -> None:
    """It needs no word, and is told."""
    found = between(before, after)
    assert not gate.judge(found, (), lambda each: each).refused
    (told,) = objections.costs(found)
    assert said in told.message


def test_tables_with_indexes_are_made_one_after_the_other() -> None:
    """Each waits for the one before, by name; one without indexes waits for none."""
    tables = "{a1: {key: x, indexes: {abc: z}}, b1: {key: x}, c1: {key: x, indexes: {abc: z}}}"
    resources = compiled(HEAD.replace("orders", "a1") + f"tables: {tables}\n").stack.template["Resources"]
    waiting = {name: body.get("DependsOn") for name, body in resources.items() if name.endswith("1Table")}
    assert waiting == {"A1Table": None, "B1Table": None, "C1Table": "A1Table"}


def test_what_is_declared_stands_in_dynamodb(account: Account) -> None:
    """Keys, indexes, recovery, expiry and protection, by what DynamoDB says; changed in place, and read by `status`."""
    assert account.deploy(manifest(BASE + ", backups: 7 days")).exit_code == 0
    api = account.world.client("dynamodb")
    (name,) = api.list_tables()["TableNames"]
    table = api.describe_table(TableName=name)["Table"]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert [each["IndexName"] for each in table["GlobalSecondaryIndexes"]] == ["by-email"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
    recovery = api.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert api.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    status = account.run("status")
    shown = " ".join(status.stdout.split())
    assert "tables.orders well active, deletion protection, backups" in shown
    more = manifest(BASE.replace("by-email: email", "by-email: email, by-x: x") + ", backups: 7 days, protect: false")
    assert account.deploy(more, "--allow-replace", "orders").exit_code == 0
    table = api.describe_table(TableName=name)["Table"]
    assert {each["IndexName"] for each in table["GlobalSecondaryIndexes"]} == {"by-email", "by-x"}
    assert table["DeletionProtectionEnabled"] is False


def test_a_table_stays_comes_back_and_goes_by_a_word(account: Account) -> None:
    """`destroy` leaves it with its items; the next deployment says how to take it over, which works; then it goes."""
    assert account.deploy(manifest(BASE)).exit_code == 0
    api = account.world.client("dynamodb")
    (name,) = api.list_tables()["TableNames"]
    api.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": {"id": {"S": "1"}}}}]})
    assert account.run("destroy", "--yes").exit_code == 0
    assert api.list_tables()["TableNames"] == [name]
    patch = f"patches: [{{op: add, path: /Resources/OrdersTable/Properties/TableName, value: {name}}}]"
    result = account.deploy(f"{manifest(BASE)}{patch}\n", "--import", "OrdersTable")
    assert result.exit_code == 0, result.stderr
    assert api.get_item(TableName=name, Key={"id": {"S": "1"}})["Item"]
    assert account.run("destroy", "--yes", "--delete-data", "orders").exit_code == 0
    assert api.list_tables()["TableNames"] == []


def test_one_that_stayed_is_named_when_its_entry_comes_again(account: Account) -> None:
    """With what to write to have it again."""
    assert account.deploy(manifest(BASE)).exit_code == 0
    (name,) = account.world.client("dynamodb").list_tables()["TableNames"]
    assert (
        account.deploy(
            HEAD.replace(", uses: {orders: {access: read-write}}", ""), "--allow-replace", "orders"
        ).exit_code
        == 0
    )
    told = account.deploy(manifest(BASE)).stderr
    assert f"The table {name} of an earlier `tables.orders` exists in the account" in told
    assert f"[{{op: add, path: /Resources/OrdersTable/Properties/TableName, value: {name}}}]" in told
