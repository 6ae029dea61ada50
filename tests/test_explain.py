"""`msaspec explain`: manual pages, and what a service gets and why."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from msaspec import discover, pipeline
from msaspec.cli import main
from msaspec.explain import pages, readable
from msaspec.language.kind import Kind
from msaspec.source import beside
from tests import goldens

MANIFEST = """\
msaspec: 1
name: shop
network: {placement: public}
databases:
  main: {storage: 30 GiB}
buckets:
  media: {cdn: true}
defaults:
  logs: 14 days
services:
  cart:
    image: cart:1.0
    port: 8000
    paths: [/api/carts]
    uses:
      main: {database: carts}
      media: {access: read-write, prefix: carts/, invalidate: true}
      user:
    env:
      MAIN_HOST: elsewhere
      TEXT: at ${main.host} with ${main.password}
    secrets:
      API_KEY: /shop/api-key
      SIGNATURE: arn:aws:secretsmanager:eu-west-1:123456789012:secret:signature-AbCdEf#key
  user:
    image: public.ecr.aws/shop/user:2
    port: 8080
    health: /up
  worker:
    image: worker:1.0
environments:
  prod:
    services: {cart: {port: 9000}}
"""


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifest as msa.yaml of the working directory."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "msa.yaml"
    file.write_text(MANIFEST)
    return file


def explain(*arguments: str) -> Result:
    """The command's outcome."""
    return CliRunner().invoke(main, ["explain", *arguments])


def section(page: str, title: str) -> list[list[str]]:
    """The rows of a section of a page, in cells."""
    _, _, rest = page.partition(f"\n{title}\n")
    body = rest.partition("\n\n")[0]
    return [re.split(r" {2,}", line.strip()) for line in body.splitlines()]


def test_a_code_is_explained() -> None:
    """By its title, severity and manual; in any case of letters, without a manifest."""
    result = explain("msa301")
    assert result.exit_code == 0
    assert result.stdout.startswith("MSA301: Two services with the same public path (error)\n\n")
    assert "A path routes to one service only." in result.stdout
    assert result.stderr == ""


def test_a_warning_says_so() -> None:
    """The severity is that of the code."""
    assert "(warning)" in explain("MSA305").stdout.splitlines()[0]


@pytest.mark.parametrize("rule", ["E3012", "w2001"])
def test_a_rule_of_cfn_lint_is_explained(rule: str) -> None:
    """With its description and where it comes from."""
    result = explain(rule)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{rule.upper()}: ")
    assert "cfn-lint" in result.stdout.splitlines()[0]
    assert "Source: https://" in result.stdout


@pytest.mark.parametrize(
    ("subject", "hint"), [("MSA302x", "diagnostic"), ("MSA999", "MSA"), ("E9998", "E"), ("carts", "`cart`")]
)
def test_what_there_is_not_gets_a_suggestion(manifest: Path, subject: str, hint: str) -> None:
    """An unknown subject is a usage error that names the nearest known one."""
    result = explain(subject)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr
    assert hint in result.stderr.partition("Error: ")[2]


def test_what_a_service_is(manifest: Path) -> None:
    """Its image, port and the rest, each with the line it comes from or as a default."""
    rows = [re.split(r" {2,}", line.strip()) for line in explain("cart").stdout.partition("\n\n")[0].splitlines()]
    facts = {row[0]: row[1:] for row in rows}
    assert rows[0] == ["cart: a service of shop"]
    assert facts["image"] == ["cart:1.0", "msa.yaml:12"]
    assert facts["repository"][0] == "shop/cart"
    assert facts["port"] == ["8000", "msa.yaml:13"]
    assert facts["runtime"] == ["instance", "default"]
    assert facts["arch"] == ["arm64", "default"]
    assert facts["logs"] == ["14 days", "msa.yaml:9"]
    assert facts["health"] == ["/api/carts", "its first path"]
    assert "repository" not in explain("user").stdout.partition("\n\n")[0]
    assert re.search(r"health +/up +msa\.yaml:28", explain("user").stdout)
    assert explain("worker").stdout.startswith("worker: a worker of shop\n")


def test_addresses_and_callers(manifest: Path) -> None:
    """Where a service answers, and who may call it through which rule."""
    user = explain("user").stdout
    assert ["http://user.shop.internal:8080", "for the services that use it"] in section(user, "Addresses")
    assert section(user, "Called by") == [["cart", "port 8080 of UserSecurityGroup, rule CartToUser"]]
    cart = explain("cart").stdout
    assert "Called by" not in cart
    assert any(row[0].startswith("http://<CartPublicAddress") for row in section(cart, "Addresses"))


def test_what_each_edge_opens(manifest: Path) -> None:
    """The port and the rule of each use, and its options."""
    assert section(explain("cart").stdout, "Uses") == [
        ["database main", "port 5432 of MainDatabaseSecurityGroup, rule CartToMain", "database: carts, access: owner"],
        ["bucket media", "no port", "access: read-write, prefix: carts/, invalidate: true"],
        ["service user", "port 8080 of UserSecurityGroup, rule CartToUser"],
    ]


def test_every_variable_has_its_origin(manifest: Path) -> None:
    """Name, reason and value: secrets by where they are kept, tokens readable, an override said."""
    page = explain("cart").stdout
    variables = {row[0]: row[1:] for row in section(page, "Environment")}
    assert variables["MAIN_PASSWORD"] == ["injected by `uses: main`", "secret key 'password' of CartToMainSecret"]
    assert variables["MAIN_NAME"] == ["injected by `uses: main`", "carts"]
    assert variables["MAIN_HOST"] == ["`env`, msa.yaml:20; overrides the one injected by `uses: main`", "elsewhere"]
    text = "at <MainDatabase.Endpoint.Address> with <secret key 'password' of CartToMainSecret>"
    assert variables["TEXT"] == ["`env`, msa.yaml:21", text]
    assert variables["MEDIA_CDN_ID"] == ["injected by `uses: media`", "<MediaDistribution>"]
    assert variables["USER_URL"] == ["injected by `uses: user`", "http://user.shop.internal:8080"]
    assert variables["API_KEY"] == ["`secrets`, msa.yaml:23", "SSM parameter /shop/api-key"]
    assert variables["SIGNATURE"][1].startswith("secret key 'key' of arn:aws:secretsmanager:")


def test_every_grant_has_its_reason(manifest: Path) -> None:
    """What the role may do, by edge; and what its runtime needs."""
    grants = section(explain("cart").stdout, "May do")
    assert ["`uses: main`", "CartRole", "secretsmanager:GetSecretValue on <CartToMainSecret>"] in grants
    media = [grant for reason, _, grant in grants if reason == "`uses: media`"]
    assert any("s3:GetObject" in grant and grant.endswith("on <MediaBucket.Arn>/carts/*") for grant in media)
    assert any("s3:ListBucket" in grant and "if StringLike s3:prefix carts/*" in grant for grant in media)
    assert any("cloudfront:CreateInvalidation" in grant for grant in media)
    secrets = [grant for reason, _, grant in grants if reason == "`secrets`"]
    assert any("ssm:GetParameter" in grant and "parameter/shop/api-key" in grant for grant in secrets)
    assert any("secretsmanager:GetSecretValue on arn:aws:secretsmanager" in grant for grant in secrets)
    runtime = [grant for reason, _, grant in grants if reason == "runtime instance"]
    assert any("logs:PutLogEvents on <CartLogGroup.Arn>" in grant for grant in runtime)


def test_what_a_service_becomes(manifest: Path) -> None:
    """Its resources with their types."""
    becomes = section(explain("cart").stdout, "Becomes")
    assert ["CartRole", "AWS::IAM::Role"] in becomes
    assert ["CartToMain", "AWS::EC2::SecurityGroupIngress"] in becomes


def test_a_database_is_explained(manifest: Path) -> None:
    """What it is, who uses it with which access, its attributes, and what it becomes."""
    page = explain("main").stdout
    assert page.startswith("main: a database of shop\n")
    assert re.search(r"storage +30 GiB +msa\.yaml:5\n", page)
    assert re.search(r"backups +7 days +default\n", page)
    assert section(page, "Used by")[0][0] == "cart"
    assert section(page, "Used by")[0][-1] == "database: carts, access: owner"
    about = ["${main.host}", "Address of the instance, or of that of a cluster which writes."]
    assert about in section(page, "Attributes")
    assert ["MainDatabase", "AWS::RDS::DBInstance"] in section(page, "Becomes")


def test_a_database_has_the_attributes_of_its_engine(tmp_path: Path) -> None:
    """DocumentDB has no address of JDBC, so none is named."""
    file = tmp_path / "msa.yaml"
    for engine, there in ("postgres", True), ("documentdb", False):
        file.write_text(MANIFEST.replace("storage: 30 GiB", f"engine: {engine}"), "utf-8")
        result = CliRunner().invoke(main, ["explain", "main", str(file)], catch_exceptions=False)
        assert ("${main.jdbc_url}" in result.stdout, "${main.url}" in result.stdout) == (there, True)


ENGINES = ["postgres", "mysql", "mariadb", "aurora-postgres", "aurora-mysql", "documentdb"]
WRITTEN = {
    "storage": "30 GiB",
    "max_storage": "40 GiB",
    "multi_zone": True,
    "multi_zone_replicas": True,
    "capacity": {"max": 2},
    "tls": False,
    "extensions": ["vector"],
    "nodes": 2,
    "replicas": 1,
    "backups": "7 days",
    "auth": True,
    "protect": True,
    "length": 64,
}
"""A value of each field that some engine does not have."""


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        *(("databases", {"engine": engine}) for engine in ENGINES),
        ("databases", {"engine": "aurora-postgres", "size": "db.r7g.large"}),
        *(("caches", {"engine": engine}) for engine in ("valkey", "redis", "memcached")),
        ("secrets", {"from": "/shop/key"}),
        ("secrets", {"keys": ["user"]}),
    ],
    ids=str,
)
def test_fields_that_an_entry_cannot_have_are_left_out(tmp_path: Path, section: str, entry: dict[str, Any]) -> None:
    """They are those that `lint` refuses, and all of them; the others stand with their defaults."""
    path = tmp_path / "msa.yaml"

    def explained(**more: Any) -> Result:
        made = {"msaspec": 1, "name": "shop", "network": {"placement": "public"}, section: {"main": {**entry, **more}}}
        made["services"] = {"web": {"image": "docker.io/library/nginx:1.29"}}
        path.write_text(yaml.safe_dump(made), "utf-8")
        return CliRunner().invoke(main, ["explain", "main", str(path)])

    page = explained()
    assert page.exit_code == 0, page.output
    shown = {line.split()[0] for line in page.output.partition("\n\n")[0].splitlines()[1:]}
    model = next(kind for kind in discover.instances("msaspec.kinds", Kind) if kind.section == section).model
    idle = model.model_validate(entry).idle
    assert not shown & (idle - set(entry))
    refused = {
        field for field in WRITTEN if field in model.model_fields and explained(**{field: WRITTEN[field]}).exit_code
    }
    assert refused == idle & set(WRITTEN)
    assert idle <= set(WRITTEN)


def test_attributes_are_those_that_a_user_gets() -> None:
    """Of every entry of the cases that a service uses."""
    seen = set()
    for folder in goldens.cases():
        if not (folder / "expected.yaml").exists():
            continue
        document = pipeline.load((folder / "msa.yaml").read_bytes(), "msa.yaml", beside.reader(str(folder)))
        plan = pipeline.compile_main(document, environment_of(folder)).plan
        for kind, entries in plan.entries:
            for found, _ in entries:
                for edge in plan.callers_of(found.name):
                    assert set(edge.offer.attributes) == set(kind.named(found)), (folder.name, found.name)
                    seen.add(kind.section)
    assert len(seen) >= 9


def environment_of(folder: Path) -> str | None:
    """The environment of a case."""
    words = (folder / "args").read_text("utf-8").split() if (folder / "args").exists() else []
    return words[words.index("--env") + 1] if "--env" in words else None


def test_credits_of_a_type_without_any_are_left_out(tmp_path: Path) -> None:
    """As are further fields that do nothing beside what is written."""
    path = tmp_path / "msa.yaml"
    for chosen, shown in (("t4g.small", True), ("m7g.large", False)):
        made: dict[str, Any] = {"msaspec": 1, "name": "shop", "network": {"placement": "public"}}
        made["services"] = {
            "web": {"image": "docker.io/library/nginx:1.29", "runtime": {"type": "instance", "instance_type": chosen}}
        }
        path.write_text(yaml.safe_dump(made), "utf-8")
        result = CliRunner().invoke(main, ["explain", "web", str(path)])
        assert result.exit_code == 0, result.output
        assert ("runtime.credits" in result.output) == shown


def test_a_bucket_is_explained(manifest: Path) -> None:
    """The same for a bucket."""
    page = explain("media").stdout
    assert page.startswith("media: a bucket of shop\n")
    assert ["MediaDistribution", "AWS::CloudFront::Distribution"] in section(page, "Becomes")


def test_an_environment_is_explained(manifest: Path) -> None:
    """With --env, what its overlay makes of it, and the overlay's lines."""
    page = explain("cart", "--env", "prod").stdout
    assert page.startswith("cart: a service of shop, environment prod\n")
    assert re.search(r"port +9000 +msa\.yaml:33\n", page)


DEPLOY = ["runtime.deploy", "rolling", "default"]


@pytest.mark.parametrize(
    ("runtime", "rows"),
    [
        ("fargate", [["runtime.cpu", "0.5 vCPU", "default"], DEPLOY]),
        ("{type: fargate, spot: 50}", [["runtime.spot", "50", "msa.yaml:9"], DEPLOY]),
        ("{type: fargate, deploy: rolling}", [["runtime.deploy", "rolling", "msa.yaml:9"]]),
        ("{type: fargate, deploy: {percent: 20}}", [["runtime.deploy", "{percent: 20}", "msa.yaml:9"]]),
        ("{type: fargate, deploy: }", [["runtime.deploy", "msa.yaml:9"]]),
        ("autoscaling", [["runtime", "autoscaling", "msa.yaml:9"]]),
    ],
)
def test_a_runtime_is_explained_however_it_is_written(manifest: Path, runtime: str, rows: list[list[str]]) -> None:
    """What is written as it is written; a default that is a model by the shorthand that says all of it."""
    text = MANIFEST.replace("defaults:\n", f"defaults:\n  runtime: {runtime}\n")
    manifest.write_text(text.replace("      TEXT: at ${main.host} with ${main.password}\n", ""))
    result = explain("cart")
    assert result.exit_code == 0, result.output
    facts = [re.split(r" {2,}", line.strip()) for line in result.stdout.partition("\n\n")[0].splitlines()]
    assert all(row in facts for row in rows), facts


def test_defaults_that_say_nothing_are_left_out(manifest: Path) -> None:
    """A null, a list or a map without entries is shown only where somebody wrote it."""
    assert re.search(r"^  (priority|command|scale|build) ", explain("cart").stdout, re.MULTILINE) is None
    assert "versioned  false  default" in explain("media").stdout
    assert "retain" not in explain("media").stdout
    manifest.write_text(MANIFEST.replace("    port: 8080\n", "    port: 8080\n    paths: []\n"))
    assert re.search(r"^  paths +\[\] +msa\.yaml:28$", explain("user").stdout, re.MULTILINE)


def test_every_path_of_a_service_has_an_address(manifest: Path) -> None:
    """The first is the output of the stack; the others are told beside it, in every runtime."""
    manifest.write_text(MANIFEST.replace("[/api/carts]", "[/api/carts, /api/old, /api/odd]"))
    host = "http://<CartPublicAddress.PublicIp>"
    assert section(explain("cart").stdout, "Addresses")[1:] == [
        [f"{host}/api/carts", "output CartUrl"],
        [f"{host}/api/old", "the same service"],
        [f"{host}/api/odd", "the same service"],
    ]


def test_every_host_of_a_service_has_an_address(manifest: Path) -> None:
    """Behind the front door: each path at each host."""
    text = MANIFEST.replace("[/api/carts]", "[/, /old]\n    hosts: [a.example.com, b.example.com]")
    text = text.replace("      TEXT: at ${main.host} with ${main.password}\n", "")
    front = "ingress: {domain: example.com, hosted_zone: Z0123456789ABC}\ndefaults:\n  runtime: fargate\n"
    manifest.write_text(text.replace("defaults:\n", front))
    assert section(explain("cart").stdout, "Addresses")[1:] == [
        ["https://a.example.com", "output CartUrl"],
        ["https://a.example.com/old", "the same service"],
        ["https://b.example.com", "the same service"],
        ["https://b.example.com/old", "the same service"],
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Policies", "7"),
        ("Policies", "[7, {PolicyDocument: 7}, {PolicyDocument: {Statement: 7}}]"),
        ("ManagedPolicyArns", "[7, {Ref: Nothing}, {Ref: [Vpc]}, {'Fn::Sub': [a]}, {'Fn::GetAtt': {a: b}}]"),
    ],
)
def test_a_patch_of_a_role_is_no_obstacle(manifest: Path, path: str, value: str) -> None:
    """What a patch made of a role is explained as far as it can be read."""
    patch = f"{{op: add, path: /Resources/CartRole/Properties/{path}, value: {value}}}"
    manifest.write_text(f"{MANIFEST}patches: [{patch}]\n")
    result = explain("cart")
    assert (result.exit_code, result.exception) == (0, None)
    assert "Becomes" in result.stdout


def test_a_statement_of_a_patch_is_explained() -> None:
    """One that is no list, denies, or names what it leaves out."""
    statement = "{Effect: Deny, NotAction: 's3:*', NotResource: '*', Condition: {Bool: {a: true}}}"
    told = list(pages._grant({"Statement": yaml.safe_load(statement)}))
    assert told == ["Deny: all but s3:* on all but * if Bool a true"]


_KEYS = st.sampled_from(["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | st.text(max_size=5), inner, max_size=2),
)


@given(_JSON)
def test_any_part_of_a_template_can_be_shown(part: Any) -> None:
    """Whatever a patch wrote there."""
    assert isinstance(readable.data(part), str)


def test_a_wrong_manifest_is_told(manifest: Path) -> None:
    """Diagnostics go to stderr, and the exit code is 1."""
    manifest.write_text(MANIFEST.replace("port: 8000", "prot: 8000"))
    result = explain("cart")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "MSA201" in result.stderr


def test_no_manifest_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name needs a manifest, and its absence is a usage error."""
    monkeypatch.chdir(tmp_path)
    result = explain("cart")
    assert result.exit_code == 2
    assert "msa.yaml does not exist" in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "--help"], ["init", "--help"], ["schema", "--help"]])
def test_help_is_light(arguments: list[str]) -> None:
    """No help loads the models or the libraries behind them."""
    program = (
        "import sys; from msaspec.cli import main; main(sys.argv[1:], standalone_mode=False); "
        "sys.stderr.write(' '.join(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert not {"pydantic", "troposphere", "yaml", "cfnlint", "boto3"} & set(result.stderr.split())


def test_the_whole_system_is_explained(manifest: Path) -> None:
    """Without a name: what there is, where it answers, and every use. A file may stand in the place of the name."""
    page = explain().stdout
    assert page.startswith("shop: 3 services, 1 bucket, 1 database\n")
    services = section(page, "Services")
    assert [row[0] for row in services] == ["cart", "user", "worker"]
    assert services[0][1:3] == ["instance", "http on 8000"]
    assert "internal" in services[1]
    assert "worker" in services[2]
    assert [row[:2] for row in section(page, "Uses")] == [
        ["cart", "database main"],
        ["cart", "bucket media"],
        ["cart", "service user"],
    ]
    assert ["main", "postgres 17 db.t4g.micro", "used by cart"] in section(page, "Databases")
    assert explain("msa.yaml").stdout == page
    assert explain("--env", "prod").stdout.startswith("shop, environment prod: 3 services")
    assert "http on 9000" in explain("--env", "prod").stdout
