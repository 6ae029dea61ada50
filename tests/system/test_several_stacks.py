"""What stands in several stacks: a system that calls another one, and one that grows past the limit of a stack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from msaspec import sandbox
from tests.system.booted import EXAMPLES, asking, program, tasks
from tests.system.shop import Outside, Shop
from tests.system.site import running

REGION = "eu-west-1"
IMAGES = {"nginx": program(Path(__file__).parent / "stand_ins", "forward.py")}
LIMITED = """\
import sys
from msaspec.template import nesting
nesting.RESOURCES = 45
from msaspec.__main__ import run
sys.exit(run())
"""
"""msaspec, as if CloudFormation took 45 resources a template."""
SYSTEM = """\
msaspec: 1
name: shop
region: eu-west-1
network: {placement: public}
buckets: {media: }
services:
"""
SERVICE = """\
  NAME:
    image: docker.io/library/nginx:1.29
    port: 8080
    runtime: fargate
    scale: 2
    env: {PORT: 8080, SAYS: "NAME VERSION"}
    paths: [/NAME]
    uses: [media]
"""


def example(system: str, service: str) -> str:
    """One of the two systems of the example, without its domain; its service says its name. Its port is another one,
    since the credentials of a task are given at port 80 of an address that its host has here."""
    text = (EXAMPLES / "two-systems" / system / "msa.yaml").read_text("utf-8").replace("port: 80\n", "port: 8080\n")
    text = re.sub(r"\ningress: .*\n", "\n", text)
    text, once = re.subn(rf"(?m)^  {service}:\n", f"  {service}:\n    env: {{PORT: 8080, SAYS: {service}}}\n", text)
    assert once == 1
    return text


def grown(**versions: int) -> str:
    """A system of some services, each of which says its name and its version."""
    made = (SERVICE.replace("NAME", name).replace("VERSION", str(number)) for name, number in versions.items())
    return SYSTEM + "".join(made)


def says(shop: Shop, service: str, path: str, words: str) -> Outside:
    """A client of a service, when it is answered so."""
    client = shop.http(service)

    def said() -> bool:
        answer = client.get(path)
        return (answer.status_code, answer.text) == (200, words)

    shop.site.until(said, f"{service} says {words}", 90)
    return client


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Shop, Shop]]:
    """The example of two systems, deployed and running: the one that is called, and the one that calls."""
    first, second = tmp_path / "payments", tmp_path / "shop"
    first.mkdir()
    second.mkdir()
    with sandbox.serve(signals=True, anyone=True) as world, running(world, REGION, first, IMAGES) as site:
        payments = Shop(world, site, first, example("payments", "ledger"))
        payments.run("deploy", "--yes")
        shop = Shop(world, site, second, example("shop", "web"))
        shop.run("deploy", "--yes")
        yield payments, shop


def test_a_service_of_another_system_is_called(two: tuple[Shop, Shop]) -> None:
    """At the name that the other stack tells, through the rule that the caller's stack adds and nothing else; a new
    version of it is called as soon as it is up. While it is called it cannot be removed, and without the use it is not
    reached any more."""
    payments, shop = two
    web = says(shop, "web", "/ledger", "web ledger")
    (caller,), (callee,) = tasks(shop, "web"), tasks(payments, "ledger")
    site = shop.site
    there = site.boxes[callee].address
    assert site.namespaces[caller].reaches(there, 8080)
    assert not site.namespaces[callee].reaches(site.boxes[caller].address, 8080, 0.5)
    payments.run("deploy", "--yes", text=payments.text.replace("SAYS: ledger", "SAYS: ledger-2"))
    site.until(lambda: web.get("/ledger").text == "web ledger-2", "the new version is called")
    assert "shop" in payments.run("destroy", "--yes", code=3).stderr
    shop.run("deploy", "--yes", text=shop.text.replace("    uses: [payments/ledger]\n", ""))
    (caller,), (callee,) = tasks(shop, "web"), tasks(payments, "ledger")
    assert not site.namespaces[caller].reaches(site.boxes[callee].address, 8080, 0.5)
    assert site.permissions.denied == []


def test_a_system_grows_past_the_limit_of_a_stack(tmp_path: Path) -> None:
    """While somebody keeps asking: not one request fails when the system becomes nested stacks, when a service that
    stands in the root changes, and when one in a nested stack does. Tasks of what does not change go on, and the
    bucket has what it had."""
    with sandbox.serve(signals=True, anyone=True) as world, running(world, REGION, tmp_path, IMAGES) as site:
        shop = Shop(world, site, tmp_path, grown(cart=1, user=1), program=("-c", LIMITED))
        shop.run("deploy", "--yes")
        cart = says(shop, "cart", "", "cart 1")
        first = tasks(shop, "cart")
        (bucket,) = (each["Name"] for each in shop.client("s3").list_buckets()["Buckets"] if "media" in each["Name"])
        shop.client("s3").put_object(Bucket=bucket, Key="cart/kept", Body=b"kept")
        with asking(lambda: cart.get("")) as asked:
            shop.run("deploy", "--yes", text=grown(cart=1, user=1, web=1, mail=1))
            assert {"WebNested", "MailNested"} <= nested(shop)
            assert tasks(shop, "cart") == first
            shop.run("deploy", "--yes", text=grown(cart=2, user=1, web=1, mail=1))
            site.until(lambda: cart.get("").text == "cart 2", "the new version")
        assert {said for _, said in asked.answers} == {"cart 1", "cart 2"}
        web, standing = says(shop, "web", "", "web 1"), tasks(shop, "mail") | tasks(shop, "cart")
        with asking(lambda: web.get("")):
            shop.run("deploy", "--yes", text=grown(cart=2, user=1, web=2, mail=1))
            site.until(lambda: web.get("").text == "web 2", "the new version")
        assert tasks(shop, "mail") | tasks(shop, "cart") == standing
        assert shop.client("s3").get_object(Bucket=bucket, Key="cart/kept")["Body"].read() == b"kept"
        assert site.permissions.denied == []


def nested(shop: Shop) -> set[str]:
    """The nested stacks of the system."""
    found = shop.client("cloudformation").describe_stack_resources(StackName="shop")["StackResources"]
    return {each["LogicalResourceId"] for each in found if each["ResourceType"] == "AWS::CloudFormation::Stack"}
