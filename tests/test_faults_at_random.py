"""Faults of all phases, planted at random in one manifest, are all told in one run, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msaspec.cli import main
from msaspec.linting import sealed
from tests import told as programs

MANIFEST = """\
msaspec: 1
name: shop
region: eu-west-1
protect: true
network:
  zones: 2
  placement: public
databases:
  main:
    version: "17"
    storage: 20 GiB
    backups: 7 days
buckets:
  media: {}
services:
  web:
    image: docker.io/library/web:1.0
    port: 8080
    paths: [/web]
    health: /web/up
    uses: [cart, media]
    env:
      LEVEL: info
      CART: ${cart.url}
  cart:
    image: docker.io/library/cart:1.0
    port: 8081
    runtime: {type: instance}
    uses:
      main: {access: owner}
      user: {}
    env:
      NAME: cart
      HOST: ${main.host}
  user:
    image: docker.io/library/user:1.0
    port: 8082
    logs: 30 days
    framework: plain
    runtime: fargate
  mailer:
    image: docker.io/library/mailer:1.0
    runtime: fargate
    scale: 2
    command: [run, mail]
environments:
  prod:
    services:
      user: {scale: 2}
patches:
  - {op: add, path: /Resources/Vpc/Metadata, value: {a: b}}
  - {op: test, path: /Resources/Vpc/Type, value: 'AWS::EC2::VPC'}
"""
LINES = MANIFEST.splitlines()


@dataclass(frozen=True)
class Fault:
    """A line of the manifest, written wrong, and how that is told."""

    right: str
    wrong: str
    code: str
    line: int = 0
    """How many lines below the wrong one it is told."""

    def __repr__(self) -> str:
        return f"{self.code}: {self.wrong.strip()}"


FAULTS = (
    # YAML
    Fault("protect: true", "protect: yes", "MSA109"),
    Fault("    backups: 7 days", '    backups: "7 days', "MSA104"),
    Fault("    paths: [/web]", "    paths: [/web", "MSA104", 1),
    Fault("    logs: 30 days", "    logs: !!str 30 days", "MSA111"),
    Fault("      LEVEL: info", "\t\tLEVEL: info", "MSA105"),
    Fault("  zones: 2", "  zones: 2: 3", "MSA104"),
    Fault("    storage: 20 GiB", "    storage: 20 GiB\n    storage: 30 GiB", "MSA108", 1),
    Fault("      NAME: cart", "      NAME: ca\x07rt", "MSA103"),
    # shape
    Fault("region: eu-west-1", "region: Ireland", "MSA204"),
    Fault("    port: 8082", '    port: "8082"', "MSA203"),
    Fault("    image: docker.io/library/user:1.0", "    imge: docker.io/library/user:1.0", "MSA201"),
    Fault("    image: docker.io/library/mailer:1.0", "    framework: plain", "MSA202", -1),
    Fault("    scale: 2", "    scale: {min: 3, max: 2}", "MSA204"),
    Fault("    health: /web/up", "    health: web/up", "MSA204"),
    Fault('    version: "17"', "    version: 17", "MSA203"),
    Fault("  media: {}", "  media: {cdn: perhaps}", "MSA203"),
    Fault("  placement: public", "  placement: pubic", "MSA204"),
    Fault("    runtime: {type: instance}", "    runtime: {type: instence}", "MSA213"),
    # meaning and references
    Fault("    uses: [cart, media]", "    uses: [cart, media, sessions]", "MSA210"),
    Fault("      user: {}", "      usr: {}", "MSA210"),
    Fault("      main: {access: owner}", "      main: {access: ovner}", "MSA204"),
    Fault("      HOST: ${main.host}", "      HOST: ${main.hots}", "MSA220"),
    Fault("      CART: ${cart.url}", "      CART: ${user.url}", "MSA221"),
    Fault("    framework: plain", "    env: {PASSWORD: hunter2hunter2}", "MSA304"),
    # environments
    Fault("      user: {scale: 2}", "      userr: {scale: 2}", "MSA133"),
    # patches
    Fault("  - {op: add, path: /Resources/Vpc/Metadata, value: {a: b}}",
          "  - {op: add, path: /Resources/Vpcc/Metadata, value: {a: b}}", "MSA410"),
    # cfn-lint
    Fault("  - {op: test, path: /Resources/Vpc/Type, value: 'AWS::EC2::VPC'}",
          "  - {op: add, path: /Resources/Odd, value: {Type: 'AWS::S3::Bukket'}}", "E3006"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, a working directory and a cache of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv(sealed.CACHE_DIR, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def told(faults: tuple[Fault, ...]) -> tuple[list[tuple[int, str]], list[tuple[int, str]], str]:
    """What `lint` says of the manifest with these faults, by line and code; what it should say; and its text."""
    lines, wanted = [], []
    by_line = {fault.right: fault for fault in faults}
    for line in LINES:
        fault = by_line.get(line)
        if fault:
            wanted.append((len(lines) + 1 + fault.line, fault.code))
        lines += (fault.wrong if fault else line).split("\n")
    Path("msa.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    result = CliRunner().invoke(main, ["lint", "--format", "json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    found = [(each["line"], each["code"]) for each in programs.rows(result.stdout, "diagnostic")]
    return sorted(found), sorted(wanted), result.stdout


def test_the_manifest_itself_is_right() -> None:
    """So that whatever is told is of a planted fault."""
    assert told(())[:2] == ([], [])


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_each_fault_alone(fault: Fault) -> None:
    """A fault is told once, where it is, and nothing follows from it."""
    found, wanted, text = told((fault,))
    assert found == wanted, text


@given(faults=st.lists(st.sampled_from(FAULTS), min_size=2, max_size=8, unique_by=lambda fault: fault.right))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_faults_of_any_phases_are_told_together(faults: list[Fault]) -> None:
    """However many there are, and whatever phases they are of: all of them, and no other."""
    found, wanted, text = told(tuple(faults))
    assert found == wanted, text
