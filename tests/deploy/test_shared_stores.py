"""Databases, caches and brokers that another system uses: a whole life of both, and what each side refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from msaspec import pipeline
from msaspec.deploy import permissions
from msaspec.sandbox.account import Account as Allowed
from tests.deploy.account import Account
from tests.deploy.test_systems import both, rules, variables

PAYMENTS = """\
msaspec: 1
name: payments
protect: false
network: {placement: public}
shares: {main: [shop], sessions: {with: [shop], cache: {prefix: "shop:"}}, bus: {with: [shop], broker: send}}
databases: {main: {engine: ENGINE, protect: false}}
caches: {sessions: {protect: false}}
brokers: {bus: }
services:
  ledger: {image: docker.io/library/nginx:1, runtime: fargate, uses: [main, sessions, bus]}
environments: {prod: }
"""
SHOP = """\
msaspec: 1
name: shop
protect: false
network: {system: payments, placement: public}
systems: {payments: }
services:
  web:
    image: docker.io/library/nginx:1
    runtime: fargate
    uses:
      payments/main: {database: {engine: ENGINE}}
      payments/sessions: {cache: }
      payments/bus: {broker: }
  report:
    image: docker.io/library/nginx:1
    runtime: instance
    uses: {payments/main: {database: {engine: ENGINE, database: web, access: read-only}}}
environments: {prod: }
"""


def run(account: Account, command: str, name: str, *words: str) -> Any:
    """Run a command, with exactly the permissions of its policy."""
    document = pipeline.load((account.folder / f"{name}.yaml").read_bytes(), f"{name}.yaml")
    system = pipeline.compile_system(document, "prod")
    statements = permissions.policy(system.stacks, [command], "caller")["Statement"]
    allowed = frozenset(action for each in statements for action in each["Action"])
    account.world.account = Allowed(allowed=allowed)
    options = ["--against", "stack"] if command == "diff" else ["--yes"]
    result = account.run(command, "--env", "prod", *options, *words, f"{name}.yaml")
    account.world.account = Allowed()
    return result


def outputs(account: Account, stack: str) -> dict[str, str]:
    """The outputs of a stack."""
    return {each["OutputKey"]: each["OutputValue"] for each in (account.stack(stack) or {})["Outputs"]}


@pytest.mark.parametrize("engine", ["postgres", "aurora-mysql"])
def test_stores_are_used_and_go_in_order(account: Account, engine: str) -> None:
    """With exactly the permissions of their policies. The user's stack asks the other's server for a database of its
    own, under names that begin with the stack; roles of its services read their own secrets alone; all is as before
    when it is gone."""
    both(account, PAYMENTS.replace("ENGINE", engine), SHOP.replace("ENGINE", engine))
    for command, name in (("deploy", "payments"), ("deploy", "shop"), ("deploy", "payments"), ("diff", "shop")):
        result = run(account, command, name)
        assert result.exit_code == 0, result.output
    theirs, given = account.ids("payments-prod"), outputs(account, "payments-prod")
    own = account.ids("shop-prod")
    group = given["MainSharedDatabaseSecurityGroup"]
    users = {each for _, each in rules(account, group)}
    assert {own["WebSecurityGroup"], own["ReportSecurityGroup"]} <= users
    assert (6379, own["WebSecurityGroup"]) in rules(account, given["SessionsSharedCacheSecurityGroup"])
    call = account.world.database_calls[-1]
    assert (call["Host"], call["Claim"]) == (given["MainSharedDatabaseHost"], "shop-prod of 123456789012 in us-east-1")
    (database,) = call["Databases"]
    assert database == {
        "Name": "shop_prod_web",
        "Owner": "shop_prod_web",
        "ReadWrite": [],
        "ReadOnly": ["shop_prod_report"],
    }
    known = variables(account, "shop-prod", "WebTask")
    assert known["MAIN_HOST"] == given["MainSharedDatabaseHost"]
    assert known["MAIN_NAME"] == known["MAIN_USERNAME"] == "shop_prod_web"
    assert known["SESSIONS_USERNAME"] == known["BUS_USERNAME"] == "system-shop"
    role = own["WebExecutionRole"]
    iam = account.world.client("iam")
    allowed = json.dumps(
        [
            iam.get_role_policy(RoleName=role, PolicyName=each)["PolicyDocument"]
            for each in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
    )
    assert all(secret in allowed for secret in (given["SessionsSharedSecretForShop"], given["BusSharedSecretForShop"]))
    assert given["MainSharedDatabaseMasterSecret"] not in allowed, "that of the master is for the function alone"
    assert theirs["LedgerToSessionsSecret"] not in allowed
    refused = run(account, "destroy", "payments")
    assert refused.exit_code == 3, refused.output
    assert "shop-prod uses `bus`, `main`, `network`, `sessions`." in refused.output
    for command, name in (("destroy", "shop"), ("destroy", "payments")):
        words = [word for each in ("main", "sessions", "bus") for word in ("--delete-data", each)]
        result = run(account, command, name, *(words if name == "payments" else ()))
        assert result.exit_code == 0, result.output
        if name == "shop":
            assert own["WebSecurityGroup"] not in {each for _, each in rules(account, group)}


@pytest.mark.parametrize(
    ("shop", "code", "said"),
    [
        ("{database: {engine: mysql}}", "MSA552", "Write `payments/main: {database: {engine: postgres, port: 5432}}`."),
        ("{database: {port: 5433}}", "MSA552", "`database: {engine: postgres, port: 5433}`"),
        ("{cache: }", "MSA552", "database: {engine: postgres"),
        (" ", "MSA546", "does not share"),
    ],
)
def test_a_store_that_is_another_is_refused(account: Account, shop: str, code: str, said: str) -> None:
    """Before anything is made, with what to write."""
    payments = "\n".join(each for each in PAYMENTS.splitlines() if not each.startswith(("caches", "brokers", "shares")))
    payments = payments.replace(", sessions, bus", "").replace(
        "name: payments", "name: payments\nshares: {main: [shop]}"
    )
    text = SHOP.partition("      payments/main")[0] + f"      payments/main: {shop}\nenvironments: {{prod: }}\n"
    both(account, payments.replace("ENGINE", "postgres"), text)
    assert run(account, "deploy", "payments").exit_code == 0
    result = run(account, "deploy", "shop")
    assert result.exit_code == 3, result.output
    assert code in result.output
    assert said in " ".join(result.output.split())
    assert account.stack("shop-prod") is None


def test_a_store_that_is_used_does_not_go(account: Account) -> None:
    """Neither it, nor its share, nor a cache without users, which no secret tells."""
    payments = PAYMENTS.replace("ENGINE", "postgres").replace(
        "{protect: false}}\nbrokers", "{protect: false, auth: false}}\nbrokers"
    )
    payments = payments.replace(', cache: {prefix: "shop:"}', "")
    both(account, payments, SHOP.replace("ENGINE", "postgres").replace("{cache: }", "{cache: {auth: false}}"))
    for name in ("payments", "shop"):
        result = run(account, "deploy", name)
        assert result.exit_code == 0, result.output
    for changed, entry in (
        (payments.replace("main: [shop], ", ""), "main"),
        (payments.replace("sessions: {with: [shop]}, ", ""), "sessions"),
        (payments.replace("bus: {with: [shop]", "bus: {with: [admin]"), "bus"),
    ):
        account.write(changed, "payments.yaml")
        result = run(account, "deploy", "payments")
        assert result.exit_code == 3, result.output
        assert f"shop-prod uses `{entry}`." in result.output
