"""What an edge changes, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from msaspec import pipeline

HEAD = "msaspec: 1\nname: shop\nnetwork: {placement: public}\nservices:\n"
SHOP = HEAD + "  cart: {image: cart:1, port: 80, paths: [/c]}\n  user: {image: user:1, port: 8002}\n"


def resources(manifest: str) -> dict[str, Any]:
    """The resources of the compiled manifest."""
    template = pipeline.compile_main(pipeline.load(manifest, "msa.yaml")).stack.template
    return dict(template["Resources"])


def test_a_first_caller_changes_nothing_on_the_host_of_the_callee() -> None:
    """A new service that uses others gives them an address, and leaves their hosts, roles and groups as they were."""
    before = resources(SHOP)
    after = resources(SHOP + "  mail: {image: mail:1, uses: [cart, user]}\n")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == set()
    new = {name for name in after if name not in before and not name.startswith("Mail")}
    address = {"Namespace", "DhcpOptions", "DhcpOptionsAssociation"}
    assert new == address | {f"{name}Address{end}" for name in ("Cart", "User") for end in ("", "Instance")}


def test_an_edge_is_one_rule_and_nothing_in_return() -> None:
    """`uses` opens the callee's port to the caller's group, by one rule, and no port of the caller."""
    found = resources(SHOP + "  mail: {image: mail:1, port: 25, uses: [user]}\n")
    rules = [entry["Properties"] for entry in found.values() if entry["Type"] == "AWS::EC2::SecurityGroupIngress"]
    assert [(rule["GroupId"], rule["SourceSecurityGroupId"], rule["FromPort"], rule["ToPort"]) for rule in rules] == [
        ({"Ref": "UserSecurityGroup"}, {"Ref": "MailSecurityGroup"}, 8002, 8002)
    ]
