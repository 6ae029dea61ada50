"""A manifest with environments: no command makes, changes or looks at a system that nobody named."""

from __future__ import annotations

import pytest

from tests.deploy.account import OWNING, SMALL, Account

TWO = SMALL + "environments: {dev: {}, prod: {tags: {stage: prod}}}\n"
COMMANDS = (
    ("deploy", "--yes"),
    ("deploy", "--dry-run"),
    ("deploy", "--sandbox"),
    ("destroy", "--yes"),
    ("push", "cart"),
    ("verify",),
    ("status",),
    ("outputs", "--format", "json"),
    ("logs", "cart"),
    ("cancel",),
    ("continue-rollback",),
    ("diff", "--against", "stack"),
    ("policy",),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_forgotten_env_is_a_usage_error(account: Account, words: tuple[str, ...]) -> None:
    """It names the environments, and the command that was meant, with the words that it had; AWS is not asked."""
    account.write(TWO)
    result = account.run(*words)
    assert result.exit_code == 2, result.output
    said = " ".join(result.output.split())
    assert "The manifest has the environments `dev` and `prod`; `--env -` stands for the file itself" in said
    assert f"msaspec {words[0]} --env dev{''.join(f' {word}' for word in words[1:])}" in said
    assert "`--env -` stands for the file itself" in said
    assert not account.calls


def test_an_environment_is_named_by_a_variable(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """MSASPEC_ENV stands for --env, which wins; hints name the environment all the same."""
    account.write(TWO)
    monkeypatch.setenv("MSASPEC_ENV", "prod")
    result = account.run("status")
    assert result.exit_code == 3
    assert "msaspec deploy --env prod" in " ".join(result.stderr.split())
    assert "msaspec deploy --env dev" in " ".join(account.run("status", "--env", "dev").stderr.split())
    monkeypatch.setenv("MSASPEC_ENV", "")
    assert account.run("status").exit_code == 2
    monkeypatch.setenv("MSASPEC_ENV", "prdo")
    assert "MSA130" in account.run("lint").output


def test_the_file_itself_is_deployed_by_a_word(account: Account) -> None:
    """`--env -` means it, and the commands in messages say so too."""
    account.write(TWO)
    assert account.run("deploy", "--env", "-", "--yes").exit_code == 0
    assert account.status("shop") == "CREATE_COMPLETE"
    assert account.run("status", "--env", "-").exit_code == 0
    assert account.run("destroy", "--env", "-", "--yes").exit_code == 0
    missing = " ".join(account.run("status", "--env", "-").stderr.split())
    assert "msaspec deploy --env -" in missing


def test_a_manifest_without_environments_needs_no_word(account: Account) -> None:
    """`--env -` is right there too; an empty map of environments is none."""
    account.write(SMALL + "environments: {}\n")
    assert account.run("deploy", "--dry-run").exit_code == 0
    assert account.run("deploy", "--env", "-", "--dry-run").exit_code == 0


def test_what_all_environments_share_is_named_by_its_stack(account: Account) -> None:
    """The repositories belong to no environment, so that --stack registry is enough."""
    account.write(OWNING + "environments: {prod: {}}\n")
    account.run("deploy", "--env", "prod", "--yes")
    assert account.status("shop-registry") == "CREATE_COMPLETE"
    assert account.run("status", "--stack", "registry").exit_code == 0
    assert account.run("destroy", "--stack", "registry", "--yes").exit_code == 0
    assert account.status("shop-registry") is None


def test_what_is_wrong_with_the_file_itself_is_told_where_that_is_deployed(account: Account) -> None:
    """Neither a warning nor an error of a system that nobody deploys concerns an environment: lint, deploy."""
    open_door = SMALL.replace("uses: [media]", "paths: [/], runtime: fargate, uses: [media]")
    closed = "environments: {prod: {ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}}}\n"
    account.write(open_door + closed)
    assert account.run("lint").stdout == "1 file, 1 stack: no findings.\n"
    assert "MSA361" not in account.run("deploy", "--env", "prod", "--dry-run").output
    assert "MSA361" in account.run("lint", "--env", "-").output
    assert "MSA361" in account.run("deploy", "--env", "-", "--dry-run").output
    account.write(open_door.replace("paths: [/]", "hosts: [a.shop.example.com]") + closed)
    assert account.run("lint").exit_code == 0
    assert account.run("lint", "--env", "-").exit_code == 1
    assert "MSA360" not in account.run("deploy", "--env", "prod", "--dry-run").output
