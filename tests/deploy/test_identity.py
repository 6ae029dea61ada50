"""What a system is called in AWS, from a manifest that may be wrong elsewhere: `pipeline.identity`."""

from __future__ import annotations

import pytest

from msaspec import pipeline
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.pipeline import Identity
from msaspec.template.role import MAIN, REGISTRY, Named
from tests import goldens

TEXT = """\
msaspec: 1
name: shop
region: eu-west-1
network: {placement: public}
services:
  cart: {image: 'cart:1.0', port: 8000}
environments:
  prod: {region: us-east-1}
  empty:
"""


def identity(text: str, environment: str | None = None) -> Identity:
    """The identity of a manifest."""
    return pipeline.identity(pipeline.load(text, "msa.yaml"), environment)


def codes(text: str, environment: str | None = None) -> list[tuple[str, bool]]:
    """Code of everything that is told instead, and whether it has a line."""
    with pytest.raises(Invalid) as caught:
        identity(text, environment)
    return [(said.code, said.span is not None) for said in caught.value.diagnostics]


def test_a_system_has_two_stacks() -> None:
    """Its own, and that of its image repositories, in the Region of the manifest."""
    assert identity(TEXT) == Identity("shop", (Named(REGISTRY, "shop"), Named(MAIN, "shop")), "eu-west-1")


def test_an_environment_has_its_own_stack() -> None:
    """It ends with the environment's name, the registry is shared, and the overlay may choose the Region."""
    registry = Named(REGISTRY, "shop")
    assert identity(TEXT, "prod") == Identity("shop", (registry, Named(MAIN, "shop", "prod")), "us-east-1")
    assert identity(TEXT, "empty") == Identity("shop", (registry, Named(MAIN, "shop", "empty")), "eu-west-1")


def test_without_a_region_there_is_none() -> None:
    """Then the command line or the shared files say it."""
    assert identity(TEXT.replace("region: eu-west-1\n", "")).region is None
    assert identity(TEXT.replace("region: eu-west-1", "region: [a]")).region is None


@pytest.mark.parametrize("environment", [None, "prod"])
def test_it_is_what_the_compiler_says(environment: str | None) -> None:
    """The names are those of the compiled stacks."""
    text = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8") + "environments: {prod: {}}\n"
    compiled = pipeline.compile_system(pipeline.load(text, "msa.yaml"), environment)
    assert identity(text, environment).stacks == tuple(each.owner for each in compiled.stacks)


@pytest.mark.parametrize(
    "broken",
    [
        TEXT.replace("port: 8000", "port: many, colour: red"),
        TEXT.replace("services:\n  cart: {image: 'cart:1.0', port: 8000}\n", ""),
        TEXT.replace("msaspec: 1", "msaspec: 7"),
        TEXT.replace("placement: public", "placement: nowhere"),
        TEXT.replace("prod: {", "prod: {services: {crat: {port: 1}, cart: {uses: }}, buckets: {gone: }, "),
        TEXT.replace("prod: {", "prod: {name: other, "),
        TEXT + "defaults: 7\n",
    ],
)
@pytest.mark.parametrize("environment", [None, "prod"])
def test_what_is_wrong_elsewhere_does_not_matter(broken: str, environment: str | None) -> None:
    """Who looks at what is deployed does not have to have a correct manifest, nor a correct overlay."""
    found = identity(broken, environment)
    assert (found.system, found.stacks[-1].name) == ("shop", "shop-prod" if environment else "shop")


@pytest.mark.parametrize(
    "name", ["Shop", "7", "[a]", "''", "shop--x", "a" * 41, "{a: b}", "true", "null", "'shop\n\n  '"]
)
def test_a_wrong_name_is_told(name: str) -> None:
    """Where the name itself is wrong everything that is wrong is told, with its lines."""
    found = codes(TEXT.replace("name: shop", f"name: {name}").replace("port: 8000", "port: many"))
    assert len(found) >= 2
    assert all(placed for _, placed in found)


def test_a_missing_name_is_told() -> None:
    """A manifest without a name names no stack."""
    assert codes(TEXT.replace("name: shop\n", ""))


def test_an_unknown_environment_is_told() -> None:
    """It is no reason to look at the stack of another."""
    assert codes(TEXT, "prdo") == [("MSA130", True)]


def test_an_environment_that_is_no_map_is_told() -> None:
    """What cannot be merged is told, although the name is right."""
    assert codes(TEXT.replace("prod: {region: us-east-1}", "prod: 7"), "prod")
