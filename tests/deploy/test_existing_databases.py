"""A database server that exists: looked at before a deployment, used, and left as it was."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec import pipeline
from msaspec.deploy import permissions
from msaspec.sandbox.account import Account as Allowed
from tests.deploy.account import Account
from tests.deploy.test_existing_network import network

SYSTEM = """\
msaspec: 1
name: shop
network: {vpc: VPC, cidr: 10.20.0.0/16, public: [PUBLIC1, PUBLIC2], private: [PRIVATE1, PRIVATE2]}
databases: {main: {engine: ENGINE, existing: {host: HOST, security_group: GROUP, secret: "SECRET"}}}
services:
  cart: {image: 'docker.io/library/nginx:1', uses: [main], runtime: fargate}
  user: {image: 'docker.io/library/nginx:1', uses: {main: {database: cart, access: read-only}}, runtime: instance}
"""


def served(account: Account, engine: str) -> dict[str, str]:
    """A VPC with a server that somebody made, with a master user in a secret."""
    ids = network(account)
    ec2, rds, secrets = (account.world.client(name) for name in ("ec2", "rds", "secretsmanager"))
    group = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=ids["VPC"])["GroupId"]
    rds.create_db_subnet_group(
        DBSubnetGroupName="theirs",
        DBSubnetGroupDescription="theirs",
        SubnetIds=[ids["PRIVATE1"], ids["PRIVATE2"]],
    )
    rds.create_db_instance(
        DBInstanceIdentifier="theirs",
        Engine=engine,
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="admin1",
        MasterUserPassword="of-the-owner-1234",
        DBSubnetGroupName="theirs",
        VpcSecurityGroupIds=[group],
    )
    (instance,) = rds.describe_db_instances()["DBInstances"]
    text = '{"username": "admin1", "password": "of-the-owner-1234"}'
    secret = secrets.create_secret(Name="theirs", SecretString=text)["ARN"]
    return {**ids, "HOST": instance["Endpoint"]["Address"], "GROUP": group, "SECRET": secret, "ENGINE": engine}


def written(ids: dict[str, str], text: str = SYSTEM) -> str:
    """The manifest with the names of what is there."""
    for name in sorted(ids, key=len, reverse=True):
        text = text.replace(name, ids[name])
    return text


def theirs(account: Account, ids: dict[str, str]) -> Any:
    """The server, its secret and its group without the rules."""
    ec2, rds, secrets = (account.world.client(name) for name in ("ec2", "rds", "secretsmanager"))
    (group,) = ec2.describe_security_groups(GroupIds=[ids["GROUP"]])["SecurityGroups"]
    return (
        [
            {key: value for key, value in each.items() if key != "LatestRestorableTime"}
            for each in rds.describe_db_instances()["DBInstances"]
        ],
        secrets.get_secret_value(SecretId=ids["SECRET"])["SecretString"],
        group["IpPermissionsEgress"],
        group["IpPermissions"],
    )


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_a_system_uses_a_server_that_exists(account: Account, engine: str) -> None:
    """Deployed, looked at and destroyed with exactly its policies. The server is asked for a database and two users;
    its group gets three rules, and afterwards everything is as it was."""
    ids = served(account, engine)
    before = theirs(account, ids)
    account.write(written(ids))
    stacks = [pipeline.compile_main(pipeline.load(written(ids), "msa.yaml")).stack]
    for command, *words in (
        ("deploy", "--yes"),
        ("status",),
        ("verify",),
        ("deploy", "--yes"),
        ("destroy", "--yes"),
    ):
        allowed = permissions.of_commands(stacks, [command]) | permissions.of_resources(stacks, [command])
        account.world.account = Allowed(allowed=frozenset({*allowed, *permissions.TEMPLATES}))
        result = account.run(command, *words)
        assert result.exit_code == 0, result.output
        account.world.account = Allowed()
        if command == "status":
            assert len(theirs(account, ids)[3][0]["UserIdGroupPairs"]) == 3
            (call,) = account.world.database_calls
            assert (call["Host"], call["username"]) == (ids["HOST"], "admin1")
            assert call["Claim"] == "shop of 123456789012 in us-east-1"
            assert call["Databases"] == [{"Name": "cart", "Owner": "cart", "ReadWrite": [], "ReadOnly": ["user"]}]
    assert theirs(account, ids) == before


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"GROUP": "sg-0123456789abcdef0"}, "security_group", "does not exist in us-east-1"),
        (
            {"SECRET": "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-AbCdEf"},
            "secret",
            "does not exist in us-east-1",
        ),
    ],
)
def test_what_is_not_there_is_told_before_anything_changes(
    account: Account, change: dict[str, str], field: str, said: str
) -> None:
    """At the line that names it."""
    ids = served(account, "postgres")
    result = account.deploy(written({**ids, **change}))
    assert result.exit_code == 1
    assert "MSA689" in result.stderr
    assert said in " ".join(result.stderr.split())
    assert account.stack() is None


def test_a_group_of_another_vpc(account: Account) -> None:
    """A rule could not name the groups of the services."""
    ids = served(account, "postgres")
    ec2 = account.world.client("ec2")
    other = ec2.create_vpc(CidrBlock="10.98.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="far", Description="far", VpcId=other)["GroupId"]
    result = account.deploy(written({**ids, "GROUP": group}))
    assert result.exit_code == 1
    assert f"is in the VPC `{other}`, and the services are in `{ids['VPC']}`" in " ".join(result.stderr.split())
