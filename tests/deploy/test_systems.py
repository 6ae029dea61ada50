"""Two systems that use each other's services: deployed, updated and destroyed in an order that breaks nothing."""

from __future__ import annotations

import json

import pytest

from msaspec import pipeline
from msaspec.deploy import permissions
from msaspec.sandbox.account import Account as Allowed
from tests.deploy.account import Account

PAYMENTS = """\
msaspec: 1
name: payments
protect: false
network: {placement: public}
shares: {ledger: [shop]}
services:
  ledger: {image: docker.io/library/nginx:1, port: 8080, ports: {console: 9000}, runtime: fargate}
environments: {prod: }
"""
SHOP = """\
msaspec: 1
name: shop
protect: false
network: {system: payments, placement: public}
systems: {payments: }
services:
  web: {image: docker.io/library/nginx:1, port: 80, runtime: fargate, uses: [payments/ledger]}
environments: {prod: }
"""


def both(account: Account, payments: str = PAYMENTS, shop: str = SHOP) -> None:
    """Both manifests, beside each other."""
    account.write(payments, "payments.yaml")
    account.write(shop, "shop.yaml")


def deployed(account: Account) -> None:
    """Both manifests, in both stacks."""
    both(account)
    for name in ("payments", "shop"):
        result = account.run("deploy", "--yes", "--env", "prod", f"{name}.yaml")
        assert result.exit_code == 0, result.output


def rules(account: Account, group: str) -> list[tuple[int, str]]:
    """The rules of a security group: the port, and the group that may connect."""
    (found,) = account.world.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return [(rule["FromPort"], pair["GroupId"]) for rule in found["IpPermissions"] for pair in rule["UserIdGroupPairs"]]


def variables(account: Account, stack: str, task: str) -> dict[str, str]:
    """The variables of a task definition of a stack."""
    described = account.world.client("ecs").describe_task_definition(taskDefinition=account.ids(stack)[task])
    return {
        each["name"]: each["value"] for each in described["taskDefinition"]["containerDefinitions"][0]["environment"]
    }


def test_two_systems_live_and_go_in_order(account: Account) -> None:
    """With exactly the permissions of their policies: the user is deployed second and destroyed first. Its rule opens
    the port in the other's group, and its variables have the other's name."""
    both(account)
    for command, *words in (
        ("deploy", "payments"),
        ("deploy", "shop"),
        ("deploy", "payments"),
        ("diff", "shop"),
        ("destroy", "shop"),
        ("destroy", "payments"),
    ):
        (name,) = words
        document = pipeline.load((account.folder / f"{name}.yaml").read_bytes(), f"{name}.yaml")
        system = pipeline.compile_system(document, "prod")
        statements = permissions.policy(system.stacks, [command], "caller")["Statement"]
        allowed = frozenset(action for each in statements for action in each["Action"])
        account.world.account = Allowed(allowed=allowed)
        options = ["--against", "stack"] if command == "diff" else ["--yes"]
        result = account.run(command, "--env", "prod", *options, f"{name}.yaml")
        account.world.account = Allowed()
        assert result.exit_code == 0, result.output
        if words == ["shop"] and command == "deploy":
            ledger, web = account.ids("payments-prod"), account.ids("shop-prod")
            assert rules(account, ledger["LedgerSecurityGroup"]) == [(8080, web["WebSecurityGroup"])]
            known = variables(account, "shop-prod", "WebTask")
            assert known["LEDGER_URL"] == "http://ledger.payments-prod.internal:8080"
            assert known["LEDGER_ADDRESS"] == "ledger.payments-prod.internal:8080"
        if words == ["shop"] and command == "destroy":
            assert rules(account, ledger["LedgerSecurityGroup"]) == []


@pytest.mark.parametrize(
    ("payments", "shop", "code", "said"),
    [
        (None, SHOP, "MSA545", "msaspec deploy --env prod"),
        (PAYMENTS.replace("[shop]", "[admin]"), SHOP, "MSA546", "shares: {ledger: [shop]}"),
        (
            PAYMENTS,
            SHOP.replace("[payments/ledger]", "{payments/ledger: {ports: [console]}}"),
            "MSA546",
            "ports: [...]",
        ),
        (PAYMENTS, SHOP.replace(", placement: public", ""), "MSA550", "PrivateSubnet1"),
        (PAYMENTS, SHOP.replace("system: payments,", "system: payments, cidr: 10.9.0.0/16,"), "MSA550", "10.0.0.0/16"),
    ],
    ids=["absent", "not shared", "not that port", "no such subnets", "another block"],
)
def test_a_user_is_refused_before_anything_is_made(
    account: Account, payments: str | None, shop: str, code: str, said: str
) -> None:
    """What the other system does not give ends the deployment with 3, and with what to do; `diff` warns."""
    both(account, payments or PAYMENTS, shop)
    if payments:
        assert account.run("deploy", "--yes", "--env", "prod", "payments.yaml").exit_code == 0
    result = account.run("deploy", "--yes", "--env", "prod", "shop.yaml")
    assert result.exit_code == 3, result.output
    assert code in result.output
    assert said in result.output
    assert account.stack("shop-prod") is None
    different = account.run("diff", "--env", "prod", "--against", "stack", "shop.yaml")
    assert different.exit_code == 1
    assert code in different.output


def test_what_is_used_does_not_go(account: Account) -> None:
    """Neither the stack, nor the share, nor the service, while somebody has its address; nor in a dry run. A stranger's
    share may go."""
    deployed(account)
    without = PAYMENTS.replace("shares: {ledger: [shop]}\n", "")
    for manifest, command in (
        (PAYMENTS, "destroy"),
        (without, "deploy"),
        (PAYMENTS.replace("[shop]", "[admin]"), "deploy"),
        (PAYMENTS.replace("ledger", "books"), "deploy"),
    ):
        account.write(manifest, "payments.yaml")
        for words in (["--yes"], ["--yes", "--dry-run"]) if command == "deploy" else (["--yes"],):
            result = account.run(command, "--env", "prod", *words, "payments.yaml")
            assert result.exit_code == 3, result.output
            assert "MSA547" in result.output
            assert "shop-prod uses `ledger`" in result.output
    account.write(SHOP.replace(", uses: [payments/ledger]", ""), "shop.yaml")
    assert account.run("deploy", "--yes", "--env", "prod", "shop.yaml").exit_code == 0
    account.write(without.replace("network:", "shares: {network: [shop]}\nnetwork:"), "payments.yaml")
    assert account.run("deploy", "--yes", "--env", "prod", "payments.yaml").exit_code == 0
    result = account.run("destroy", "--env", "prod", "--yes", "payments.yaml")
    assert "shop-prod uses `network`" in result.output
    assert account.run("destroy", "--env", "prod", "--yes", "shop.yaml").exit_code == 0
    assert account.run("destroy", "--env", "prod", "--yes", "payments.yaml").exit_code == 0


def test_a_port_that_moves_is_told_to_its_users(account: Account) -> None:
    """The deployment warns, `diff` of the user shows what changes, and the next deployment of the user follows."""
    deployed(account)
    account.write(PAYMENTS.replace("port: 8080", "port: 8081"), "payments.yaml")
    result = account.run("deploy", "--yes", "--env", "prod", "payments.yaml")
    assert result.exit_code == 0, result.output
    assert "MSA548" in result.output
    different = account.run("diff", "--env", "prod", "--against", "stack", "--format", "json", "shop.yaml")
    assert different.exit_code == 1
    changed = {row.get("logical_id") for row in map(json.loads, different.output.splitlines()) if "logical_id" in row}
    assert {"WebTask", "WebToLedgerOfPayments"} <= changed
    still = account.run("destroy", "--yes", "--env", "prod", "payments.yaml")
    assert still.exit_code == 3, "the old address tells it all the same"
    assert account.run("deploy", "--yes", "--env", "prod", "shop.yaml").exit_code == 0
    ledger, web = account.ids("payments-prod"), account.ids("shop-prod")
    assert rules(account, ledger["LedgerSecurityGroup"]) == [(8081, web["WebSecurityGroup"])]


STORES = """\
msaspec: 1
name: payments
protect: false
shares: {orders: [shop], events: [shop], carts: [shop], media: [shop]}
queues: {orders: }
topics: {events: }
tables: {carts: {key: id}}
buckets: {media: }
"""
USER = """\
msaspec: 1
name: shop
protect: false
systems: {payments: }
network: {placement: public}
services:
  web:
    image: docker.io/library/nginx:1
    runtime: fargate
    uses:
      payments/orders: {queue: send}
      payments/events: {topic: }
      payments/carts: {table: {access: read}}
      payments/media: {bucket: }
"""


def test_stores_are_used_by_permissions_alone(account: Account) -> None:
    """Queues, topics, tables and buckets of a system without a network: the role of the user names each, its variables
    have their names, and none goes while it is used."""
    both(account, STORES, USER)
    for name in ("payments", "shop"):
        result = account.run("deploy", "--yes", f"{name}.yaml")
        assert result.exit_code == 0, result.output
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (account.stack("payments") or {})["Outputs"]}
    assert not any(name.startswith("Network") for name in outputs)
    known = variables(account, "shop", "WebTask")
    assert known["ORDERS_QUEUE_URL"] == outputs["OrdersQueue"]
    assert known["EVENTS_TOPIC_ARN"] == outputs["EventsTopic"]
    assert known["CARTS_TABLE"] == outputs["CartsTable"]
    assert known["MEDIA_BUCKET"] == outputs["MediaBucket"]
    role = account.ids("shop")["WebTaskRole"]
    policy = account.world.client("iam").get_role_policy(RoleName=role, PolicyName="edges")["PolicyDocument"]
    allowed = json.dumps(policy)
    assert all(outputs[f"{name}Arn"] in allowed for name in ("OrdersSharedQueue", "CartsSharedTable"))
    account.write(STORES.replace("orders: [shop], ", ""), "payments.yaml")
    result = account.run("deploy", "--yes", "payments.yaml")
    assert result.exit_code == 3, result.output
    assert "shop uses `orders`." in result.output
    assert account.run("destroy", "--yes", "payments.yaml").exit_code == 3
    assert account.run("destroy", "--yes", "shop.yaml").exit_code == 0
    assert account.run("destroy", "--yes", "payments.yaml").exit_code == 0
