"""`msaspec secret`: what people set, where it is kept, and what refuses to start without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from msaspec.cli import main
from tests import told
from tests.deploy.account import SMALL, Account

WANTED = SMALL.replace(
    "buckets:", "secrets: {stripe: {keys: [api_key, hook]}, idle: {keys: [value]}, jwt: {}}\nbuckets:"
)
WANTED = WANTED.replace("uses: [media]", "uses: [media, stripe, jwt]")
VALUE = "sk_live_한 $x '\"\\ ${y}"


def given(account: Account, value: bytes, *words: str) -> Result:
    """A command with something on its standard input."""
    return CliRunner().invoke(main, list(words), input=value, obj=account.app(), catch_exceptions=False)


def parameter(account: Account, name: str) -> dict[str, Any]:
    """A parameter as Systems Manager has it."""
    found: dict[str, Any] = account.world.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    return found


def test_a_value_is_kept_encrypted_and_never_shown(account: Account) -> None:
    """It comes from standard input, without the line break at its end, or from the terminal; it can be set anew."""
    account.write(WANTED)
    result = given(account, f"{VALUE}\n".encode(), "secret", "set", "stripe", "api_key")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Set api_key of stripe. cart reads it at the next start." in " ".join(result.stderr.split())
    kept = parameter(account, "/msaspec/shop/stripe/api_key")
    assert (kept["Value"], kept["Type"]) == (VALUE, "SecureString")
    asked: list[str] = []
    app = replace(account.app(answerable=True), ask_hidden=lambda prompt: asked.append(prompt) or "other")  # type: ignore[func-returns-value]
    again = CliRunner().invoke(main, ["secret", "set", "stripe", "api_key"], obj=app, catch_exceptions=False)
    assert again.exit_code == 0
    assert asked == ["Value of stripe api_key: "]
    assert parameter(account, "/msaspec/shop/stripe/api_key")["Value"] == "other"
    listed = account.run("secret", "list", "--format", "json")
    rows = told.rows(listed.stdout, "secret")
    assert [(row["name"], row["key"], row["state"]) for row in rows] == [
        ("idle", "value", "empty"),
        ("stripe", "api_key", "set"),
        ("stripe", "hook", "empty"),
    ]
    assert rows[1]["since"].endswith(" UTC")
    for said in (result, again, listed, account.run("secret", "list")):
        assert "other" not in said.output
        assert "sk_live" not in said.output


def test_nothing_starts_before_all_is_set(account: Account) -> None:
    """`deploy` names every empty key that a service reads, on its line, and changes nothing; then it deploys."""
    refused = account.deploy(WANTED)
    assert refused.exit_code == 1
    assert account.stack() is None
    assert "msaspec secret set stripe api_key" in " ".join(refused.stderr.split())
    assert "msaspec secret set stripe hook" in " ".join(refused.stderr.split())
    assert "secret set idle" not in " ".join(refused.stderr.split())
    assert account.run("verify").exit_code == 1
    for key in ("api_key", "hook"):
        assert given(account, b"x", "secret", "set", "stripe", key).exit_code == 0
    assert account.run("verify").exit_code == 0
    assert account.deploy(WANTED).exit_code == 0


@pytest.mark.parametrize(
    ("words", "value", "message"),
    [
        (["set", "stripe", "api_kye"], b"x", "Did you mean `stripe api_key`?"),
        (["set", "jwt", "value"], b"x", "has a key"),
        (["set", "stripe"], b"x", "set NAME KEY [FILE]"),
        (["set", "stripe", "hook", "msa.yaml", "x"], b"x", "set NAME KEY [FILE]"),
        (["list", "a", "b"], b"", "secret list [FILE]"),
        (["set", "stripe", "hook"], b"\n", "is empty"),
        (["set", "stripe", "hook"], b"x" * 4097, "4,096 bytes"),
        (["set", "stripe", "hook"], b"a\0b", "NUL"),
        (["set", "stripe", "hook"], b"\xff", "not UTF-8"),
        (["set", "stripe", "hook", "-"], b"x", "cannot be the manifest and the value"),
    ],
)  # fmt: skip
def test_what_cannot_be_set(account: Account, words: list[str], value: bytes, message: str) -> None:
    """A usage error says what to write; nothing is kept."""
    account.write(WANTED)
    result = given(account, value, "secret", *words)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert account.calls["PutParameter"] == 0


def parameters(account: Account) -> list[str]:
    """The parameters that are there, by name."""
    ssm = account.world.client("ssm")
    return sorted(each["Name"] for each in ssm.get_parameters_by_path(Path="/msaspec", Recursive=True)["Parameters"])


def test_what_is_set_stays_and_is_named_before_the_question(account: Account) -> None:
    """The stack goes without it; `destroy` says so before it asks, also of a key that the manifest has no more, and
    says nothing of those of another stack. Without a deletion nothing is touched."""
    account.write(WANTED)
    for key in ("api_key", "hook"):
        assert given(account, VALUE.encode(), "secret", "set", "stripe", key).exit_code == 0
    ssm, ours = account.world.client("ssm"), ["/msaspec/shop/stripe/api_key", "/msaspec/shop/stripe/hook"]
    for other in ("/msaspec/shop-prod/stripe/api_key", "/msaspec/shop/removed/key"):
        ssm.put_parameter(Name=other, Value="x", Type="SecureString")
    assert account.deploy(WANTED).exit_code == 0
    there = parameters(account)
    for result in (account.run("destroy", answer="n\n"), account.run("destroy", "--yes")):
        said = " ".join(result.stderr.split())
        for name in (*ours, "/msaspec/shop/removed/key"):
            assert f"Stays: the parameter {name}, which somebody set with `msaspec secret set`" in said
        assert "--delete-data stripe deletes it" in said
        assert "shop-prod" not in said
        assert "sk_live" not in said
        assert parameters(account) == there
    assert account.stack() is None


def test_what_is_set_goes_by_name(account: Account) -> None:
    """The keys of the entries that are named, after the stack is gone; those of others stay. The same command again
    finishes what was interrupted."""
    account.write(WANTED)
    for entry, key in (("stripe", "api_key"), ("stripe", "hook"), ("idle", "value")):
        assert given(account, b"x", "secret", "set", entry, key).exit_code == 0
    assert account.deploy(WANTED).exit_code == 0
    refused = account.run("destroy", "--yes", "--delete-data", "strype")
    assert refused.exit_code == 1
    assert "stripe" in refused.stderr
    result = account.run("destroy", "--yes", "--delete-data", "stripe")
    said = " ".join(result.stderr.split())
    assert result.exit_code == 0, said
    assert "Deleted for good, as you asked: the parameter /msaspec/shop/stripe/api_key" in said
    assert said.index("The stack shop is deleted.") < said.index("Removed the parameter /msaspec/shop/stripe/hook.")
    assert parameters(account) == ["/msaspec/shop/idle/value"]
    again = account.run("destroy", "--yes", "--delete-data", "idle")
    assert again.exit_code == 0, again.stderr
    assert "Removed the parameter /msaspec/shop/idle/value." in " ".join(again.stderr.split())
    assert parameters(account) == []
