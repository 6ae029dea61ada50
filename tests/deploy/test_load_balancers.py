"""Deploying what stands behind a load balancer, whose own protection must not leave it lying about."""

from __future__ import annotations

from tests.deploy.account import SMALL, Account

FRONTED = SMALL.replace("port: 8000,", "port: 8000, paths: [/cart], runtime: fargate,")


def balancers(account: Account) -> list[str]:
    """The load balancers that there are."""
    found = account.world.client("elbv2").describe_load_balancers()["LoadBalancers"]
    return [each["LoadBalancerArn"] for each in found]


def test_its_address_comes_first(account: Account) -> None:
    """The URLs of the services stand on top of the outputs."""
    result = account.deploy(FRONTED)
    assert result.exit_code == 0, result.stderr
    first, second, *_ = result.stdout.splitlines()
    assert first.split()[0] == "CartUrl"
    assert first.split()[1].endswith(".elb.amazonaws.com/cart")
    assert second.split()[0] == "IngressUrl"
    assert "warning MSA361" in result.stderr


def test_another_runtime_takes_the_balancer_away(account: Account) -> None:
    """Its protection is lifted, which is told, and nothing of it stays in the account."""
    account.deploy(FRONTED)
    assert len(balancers(account)) == 1
    result = account.deploy(FRONTED.replace("fargate", "instance"))
    assert result.exit_code == 0, result.stderr
    assert (
        "Turned off the deletion protection of the load balancer IngressLoadBalancer, which is removed."
    ) in result.stderr
    assert balancers(account) == []


def test_a_failed_creation_is_cleared(account: Account) -> None:
    """What was made is kept, with the protected balancer; the next deployment goes on from there."""
    account.world.refuse("CartService", "The service did not stabilize.")
    result = account.deploy(FRONTED)
    assert (result.exit_code, account.status()) == (3, "CREATE_FAILED")
    assert "CartService` of `services.cart` failed to create: The service did not stabilize." in result.stderr
    result = account.deploy()
    assert result.exit_code == 0, result.stderr
    assert len(balancers(account)) == 1


def test_destroying_takes_it_along(account: Account) -> None:
    """After the question the protection is lifted, and the balancer goes."""
    account.deploy(FRONTED)
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert balancers(account) == []
