"""What looks like a credential, and that none is printed."""

from __future__ import annotations

import base64
import json
import string
import time
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from msaspec import pipeline
from msaspec.cli import main
from msaspec.diagnostics import credential_forms, credentials
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, Severity
from msaspec.diagnostics.place import Span
from tests import sampling, told

LETTERS = (string.ascii_letters + string.digits) * 4


def made(prefix: str, length: int, letters: str = LETTERS) -> str:
    """Something of the form of a credential. Not written out, since scanners would find it here."""
    return prefix + (letters * 9)[7 : 7 + length]


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase
UUID = "12345678-1234-1234-1234-123456789012"
FORMS = {
    "an AWS access key": [made("AKIA", 16, "ABCDEFGHIJKLMNOP234567")],
    "a private key": [
        "PuTTY-User-Key-" + "File-3: ssh-ed25519",
        "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
    "a GitHub token": [made("gh" + kind + "_", 36) for kind in "pousr"] + [made("github_pat_", 82)],
    "a GitLab token": [made("glpat-", 20), made("glrtr-", 20), made("GR1348941", 20)],
    "a Slack token": ["xoxb-" + "123456789012-abcdefghijkl", made("xapp-1-", 40), made("xoxd-", 30) + "%2B"],
    "a Slack webhook": ["https://hooks.slack.com/services/" + made("T", 10) + "/" + made("B", 10) + "/" + made("", 24)],
    "a Discord webhook": ["https://discord.com/api/webhooks/1234/" + made("", 68)],
    "a Stripe key": [made("sk_live_", 24), made("rk_test_", 24), made("whsec_", 32), made("sk_org_live_", 30)],
    "a Google API key": [made("AIza", 35)],
    "a Google OAuth secret": [made("GOCSPX-", 28), made("1//0", 60)],
    "an npm token": [made("npm_", 36)],
    "a PyPI token": [made("pypi-AgEIcHlwaS5vcmc", 60)],
    "a Docker Hub token": [made("dckr_pat_", 27)],
    "a JSON web token": [".".join([made("eyJ", 20), made("eyJ", 20), made("", 20)])],
    "an OpenAI key": [made("sk-proj-", 40), made("sk-or-v1-", 64, HEX), made("sk-", 32, HEX)],
    "an Anthropic key": [made("sk-ant-api03-", 40)],
    "a Hugging Face token": [made("hf_", 34), made("api_org_", 34, string.ascii_letters)],
    "a SendGrid key": [made("SG.", 22) + "." + made("", 43)],
    "a Twilio key": [made("SK", 32, HEX)],
    "a Mailgun key": [made("key-", 32, HEX)],
    "a DigitalOcean token": [made("dop_v1_", 64, HEX)],
    "a Shopify token": [made("shpat_", 32, HEX)],
    "a Vault token": [made("hvs.", 24)],
    "a Terraform token": [made("", 14) + ".atlasv1." + made("", 60)],
    "a Grafana token": [made("glsa_", 40)],
    "a Databricks token": [made("dapi", 32, HEX)],
    "a New Relic key": [made("NRAK-", 27, string.ascii_uppercase), made("", 36, HEX) + "NRAL"],
    "a Sentry token": [made("sntrys_", 60)],
    "a PlanetScale password": [made("pscale_pw_", 43)],
    "a Telegram token": [made("12345678:AA", 33)],
    "a Square token": [made("sq0atp-", 22)],
    "a Postman key": [made("PMAK-", 24, HEX) + "-" + made("", 34, HEX)],
    "an Atlassian token": [made("ATATT3", 100), made("ATCTT3", 100), made("ATBB", 32)],
    "an Azure storage key": ["AccountKey=" + made("", 86) + "=="],
    "an age key": [made("AGE-SECRET-KEY-1", 58, string.ascii_uppercase)],
    "a URL with a password": ["postgres://app:hunter2@db/app", "amqp://:secret@mq:5671"],
    "a password in a connection string": [
        "jdbc:postgresql://db/app?user=a&password=hunter2",
        "Server=db;Password=hunter2",
        "jdbc:oracle:thin:scott/tiger@//db:1521/x",
        "user:hunter2@tcp(db:3306)/shop",
        "https://a/b?api_key=hunter2",
    ],
    "a Groq key": [made("gsk_", 52)],
    "an xAI key": [made("xai-", 80)],
    "a Perplexity key": [made("pplx-", 48)],
    "a Replicate token": [made("r8_", 37)],
    "a LangSmith key": [made("lsv2_pt_", 32, HEX) + "_" + made("", 10, HEX)],
    "a Pinecone key": [made("pcsk_", 70)],
    "a Supabase key": [made("sbp_", 40, HEX), made("sb_secret_", 31)],
    "a Vercel token": [made("vcp_", 56)],
    "a Netlify token": [made("nfp_", 36)],
    "a Cloudflare key": [made("v1.0-", 24, HEX) + "-" + made("", 146, HEX), made("cfut_", 40)],
    "a Linear key": [made("lin_api_", 40)],
    "a Notion token": [made("ntn_", 46), made("secret_", 43)],
    "a Figma token": [made("figd_", 40)],
    "an Airtable token": [made("pat", 14) + "." + made("", 64, HEX)],
    "a Doppler token": [made("dp.pt.", 43), made("dp.st.prd.", 43)],
    "a 1Password token": [made("ops_eyJ", 250)],
    "a Mailchimp key": [made("", 32, HEX) + "-us12"],
    "a Brevo key": [made("xkeysib-", 64, HEX) + "-" + made("", 16)],
    "a Resend key": [made("re_", 8) + "_" + made("", 24)],
    "a RubyGems key": [made("rubygems_", 48, HEX)],
    "a crates.io token": [made("cio", 32)],
    "a NuGet key": [made("oy2", 43, string.ascii_lowercase)],
    "a Fly token": [made("fo1_", 43), made("fm2_", 100)],
    "a Heroku key": [made("HRKU-AA", 58)],
    "an Azure key": [made("SharedAccessKey=", 43) + "=", made("", 3) + "8Q~" + made("", 34)],
    "an Azure DevOps token": [made("", 76) + "AZDO" + made("", 4)],
    "an Amazon Bedrock key": [made("ABSK", 128), made("bedrock-api-key-", 40)],
    "a Teams webhook": ["https://a.webhook.office.com/webhookb2/" + UUID + "@" + UUID + "/IncomingWebhook/" + UUID],
    "a Zapier webhook": ["https://hooks.zapier.com/hooks/catch/123456/abcdef/"],
    "an Artifactory token": [made("AKCp8", 68), made("cmVmdGtu", 56)],
    "a Dynatrace token": [made("dt0c01.", 24, UPPER) + "." + made("", 64, UPPER)],
    "a Plaid token": ["access-production-" + UUID],
    "a Braintree token": [made("access_token$production$", 16, HEX) + "$" + made("", 32, HEX)],
    "a Meta token": [made("EAAB", 150)],
    "a Discord token": [made("MTA", 23) + "." + made("", 6) + "." + made("", 38)],
    "a Mapbox token": [made("sk.eyJ", 60) + "." + made("", 22)],
    "a Tailscale key": [made("tskey-auth-", 11) + "-" + made("", 32)],
    "a Buildkite token": [made("bkua_", 40, HEX)],
    "a CircleCI token": [made("CCIPAT_", 22) + "_" + made("", 40)],
    "a Pulumi token": [made("pul-", 40, HEX)],
    "a SonarQube token": [made("sqp_", 40, HEX)],
    "a PostHog key": [made("phx_", 43)],
    "a MongoDB secret": [made("mdb_sa_sk_", 40)],
    "a Contentful token": [made("CFPAT-", 43)],
    "a Dropbox token": [made("sl.B", 130)],
    "a LaunchDarkly key": ["sdk-" + UUID],
    "a Sourcegraph token": [made("sgp_", 16, HEX) + "_" + made("", 40, HEX)],
    "a Prefect key": [made("pnu_", 36)],
    "a key of a payment service": [
        made("shippo_live_", 40, HEX),
        made("duffel_live_", 43),
        made("EZAK", 54),
        made("FLWSECK_TEST-", 32, HEX),
    ],
    "an Alibaba Cloud key": [made("LTAI", 20)],
    "a Tencent Cloud key": [made("AKID", 32)],
    "an OpenShift token": [made("sha256~", 43)],
    "an Octopus key": [made("API-", 26, UPPER)],
    "a password in a netrc": ["machine api.example.com login me password hunter2"],
    "a token of a package registry": ["//registry.example.com/:_authToken=" + made("", 36, HEX)],
    "a signed URL": [
        "https://b.s3.amazonaws.com/k?X-Amz-Date=x&" + made("X-Amz-Signature=", 64, HEX),
        "https://a.blob.core.windows.net/c?sv=2022&sig=" + made("", 43) + "%3D",
    ],
    "a bearer token": ["Authorization: Bearer 1" + made("", 40)],
}
OF_OTHER_PATTERNS = {
    "an HTTP login": ["Authorization: Basic " + base64.b64encode(b"me:hunter2").decode()],
    "a private key in Base64": [
        base64.b64encode(("-----BEGIN " + "PRIVATE KEY-----\nMIIE" + LETTERS[:60] + "\n").encode()).decode()
    ],
    "a URL with a password in Base64": [
        base64.urlsafe_b64encode(b'{"url": "postgres://app:hunter2@db/app"}').decode().rstrip("=")
    ],
}

REPEATED = [
    "a", "a-", "a.", "eyJ-", "eyJ.", "eyJaaaaaaaaaaaa.", "a=b ", "password: x, ", "secret ", "--a ", "--password ",
    "\t", "'", "-----BEGIN A ", "-----BEGIN PRIVATE KEY-----", "-", "://", "://a", "://a:b", "a:\"", "a: 'b", "&pwd=ab",
    "xoxb-", "SG.", "glpat-", "12345678:AA", "AAAAAAAAAAAAAA.atlasv1.", "discord.com/api/webhooks/1", "a ", "a: ",
    "curl ", "curl -u ", "mysql -", "machine a.", "machine a.a login ", "password", "password=", "password =\n",
    "bearer ", "basic ", "secret_", "a.b", "MAAAAAAAAAAAAAAAAAAAAAAA.", "Bearer a", "AAAA=", "sl.", ":a@tcp", "'='",
]  # fmt: skip
HARMLESS = [
    "",
    "https://example.com/a@b",
    "https://user@example.com",
    "jdbc:postgresql://db/app?user=a&password=${main.password}",
    "postgres://app:${main.password}@db/app",
    "sk_live_",
    "AKIA",
    "a task-ant-list",
    "SKU0123",
    "eyJhbGciOiJIUzI1NiJ9",
    "public.ecr.aws/nginx/nginx:1.29",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/key-AbCdEf",
    "d41d8cd98f00b204e9800998ecf8427e",
    "/shop/api-key",
    "the machine of a login asks for no password here",
    "Bearer authentication-of-every-service",
    "Basic authentication",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web@sha256:" + HEX * 4,
    "https://" + HEX * 2 + "@o1.ingest.sentry.io/1",
    "pk_live_" + LETTERS[:24],
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7mYl0Lk1lC8Q3m1mC0m8wz9C6m0bB6iV9vA3kq2c9p me@host",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIE\n-----END CERTIFICATE-----",
    "kafka-1.example.com:9092,kafka-2.example.com:9092",
    base64.b64encode(b"plain words that are no secret at all").decode(),
]


def test_every_form_is_tried() -> None:
    """A new form comes with one of its kind."""
    assert {what for what, _ in credential_forms.FORMS} == FORMS.keys()


@pytest.mark.parametrize(
    ("what", "text"), [(what, text) for what, texts in (FORMS | OF_OTHER_PATTERNS).items() for text in texts]
)
def test_forms(what: str, text: str) -> None:
    """Each is known alone and inside a text, and nothing of it is left when it is hidden."""
    assert credentials.form(text) == what
    assert credentials.form(f"run --with={text} now") is not None
    shown = credentials.masked(f"before {text} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert len(shown) == len(f"before {text} after")
    start, end, _ = next(iter(credentials.forms(text)))
    assert text[start:end].split()[-1] not in shown


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_none(text: str) -> None:
    """Addresses, names of stores, hashes, references."""
    assert credentials.form(text) is None
    assert credentials.masked(text) == text


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("app.apiKey", "x", True),
        ("client_secret", "x", True),
        ("AUTH", "9fJ2kQ7vXb1LmZ8TqR4w", True),
        ("SESSION_KEY", "5f4dcc3b5aa765d61d8327deb882cf99", True),
        ("BEARER", "eyJhbGciOiJIUzI1NiJ9abcdefg1", True),
        ("TOKEN_URL", "https://auth.example.com/oauth2/token/v1/issue", False),
        ("SECRET_NAME", "shop/production/web", False),
        ("KEY_PREFIX", "orders/by-date/2026/11/28/part", False),
        ("CACHE_KEY", "user", False),
        ("PASSWORD_LENGTH", "12", False),
        ("HAS_PASSWORD", "true", False),
        ("LOG_LEVEL", "9fJ2kQ7vXb1LmZ8TqR4w", False),
        ("MONKEY", "9fJ2kQ7vXb1LmZ8TqR4w", False),
        ("GIT_SHA", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", False),
        ("PGPASSWORD", "hunter2", True),
        ("dbpassword", "hunter2", True),
        ("SMTP_PASS", "hunter2", True),
        ("ROOT_PW", "hunter2", True),
        ("SECRET_KEY_BASE", "hunter2", True),
        ("DB_PASSWORD_2", "hunter2", True),
        ("ADMIN_PASSWORD_PROD", "hunter2", True),
        ("ADMIN_PASSWORD", "12345678", True),
        ("PROXY_PASS", "http://upstream:8080", False),
        ("PWD", "/app", False),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/x", False),
        ("TOKEN_TTL", "3600", False),
        ("ACCESS_TOKEN", "3600", False),
        ("PUBLIC_KEY", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0", False),
        ("STRIPE_PUBLISHABLE_KEY", "9fJ2kQ7vXb1LmZ8TqR4w", False),
    ],
)
def test_names(name: str, value: str, expected: bool) -> None:
    """A name that says it, or one that hints, with a value that has no order."""
    assert credentials.is_named(name, value) is expected


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["run", "--password=hunter2"], [1]),
        (["run", "--password", "hunter2"], [2]),
        (["run", "--db.password", "hunter2", "--token=x"], [2, 3]),
        (["sh", "-c", "app --api-key 'abc' PASSWORD=hunter2"], [2, 2]),
        (["run", "--password=$PASSWORD", "--token", "$TOKEN", "--password-file", "/run/secrets/x"], []),
        (["run", "--secret"], []),
        (["run", "--token", "--verbose"], []),
        (["set", "the", "password", "please"], []),
    ],
)
def test_commands(words: list[str], found: list[int]) -> None:
    """Flags with `=` and without, variables, and words of a shell."""
    assert [at for at, _ in credentials.in_words(words)] == found


VALUES = [text for texts in FORMS.values() for text in texts if "\n" not in text]


def run(*words: str) -> Result:
    """A command."""
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


def manifest(path: str, value: object) -> str:
    """A manifest with a value at a place."""
    data = {"msaspec": 1, "name": "shop", "services": {"web": {"image": "web:1.0", "port": 80}}}
    holder = data
    *steps, last = path.split("/")
    for step in steps:
        holder = holder.setdefault(step, {})  # type: ignore[assignment, attr-defined]
    holder[last] = value  # type: ignore[index]
    return yaml.safe_dump(data, width=10**6)


SETTINGS = [
    "-Xmx1g -Dspring.datasource.password=hunter2",
    '{"db": {"password": "hunter2"}}',
    "host=db user=app password=hunter2 dbname=shop",
    "db:\n  password: hunter2\n",
    "[db]\npassword = 'hunter2'\n",
    'module required username="u" password="hunter2";',
    "aws_secret_access_key = hunter2",
    "requirepass=hunter2",
]
"""Texts with a password that a program would read there."""
NO_SETTINGS = [
    "# password: hunter2",
    "Password: see the page of the wiki",
    "password = os.environ['DB']",
    "password = config.database.password",
    "password: ${main.password}",
    "password={{ vault_password }}",
    "secret: jwt",
    "password:\n  secretKeyRef: x",
    "token: string",
    "proxy_pass http://a;",
    "password_file=/run/secrets/x",
    'if (token == "") return',
]


@pytest.mark.parametrize("text", SETTINGS)
def test_settings_in_a_text(text: str) -> None:
    """Each is found by its name, and hidden."""
    assert [text[start:end].strip("\"'") for _, start, end in credentials.settings(text)] == ["hunter2"]
    assert "hunter2" not in credentials.masked(text)


@pytest.mark.parametrize("text", NO_SETTINGS)
def test_what_is_no_setting(text: str) -> None:
    """Comments, sentences, programs, references and schemas."""
    assert [*credentials.settings(text)] == []


BESIDE = """\
msaspec: 1
name: shop
region: us-east-1
network: {placement: public}
databases: {main: {}}
services:
  web:
    image: web:1.0
    port: 80
    paths: [/]
    runtime: fargate
    uses: [main]
    env: {A: b}
    health: {command: ["true"]}
    sidecars: {side: {image: "docker.io/side:1", env: {A: b}}}
jobs: {job: {image: "job:1", every: 1 h}}
"""
BUILD = {"context": ".", "args": {"FLAGS": "--token=hunter2"}}
HELD = [
    *[("services.web.env.SETTINGS", text) for text in sampling.one_of(3, SETTINGS)],
    ("services.web.env.PGPASSWORD", "hunter2"),
    ("services.web.entrypoint", ["run", "--password", "hunter2"]),
    ("services.web.health", {"command": ["sh", "-c", "PGPASSWORD=hunter2 psql"]}),
    ("services.web.command", ["sh", "-c", "curl -u me:hunter2 https://example.com"]),
    ("services.web.command", ["curl", "-u", "me:hunter2", "https://example.com"]),
    ("services.web.command", ["mysql", "-uroot", "-phunter2"]),
    ("services.web.command", ["redis-cli", "-a", "hunter2", "ping"]),
    ("services.web.command", ["run", "--config", '{"password": "hunter2"}']),
    ("services.web.build", BUILD),
    ("services.web.files", {"/srv/x/app.yaml": {"text": "db:\n  password: hunter2\n"}}),
    ("services.web.sidecars.side.env.DB_PASSWORD", "hunter2"),
    ("services.web.sidecars.side.command", ["run", "--password=hunter2"]),
    ("services.web.sidecars.side.entrypoint", ["run", "--password=hunter2"]),
    ("services.web.sidecars.side.health", {"command": ["run", "--password=hunter2"]}),
    ("services.web.sidecars.side.files", {"/srv/x/app.ini": {"text": "password = hunter2\n"}}),
    ("jobs.job.entrypoint", ["run", "--password=hunter2"]),
    ("defaults.entrypoint", ["run", "--password=hunter2"]),
]


@pytest.mark.parametrize(("place", "value"), HELD)
def test_every_container_and_every_text_is_looked_into(place: str, value: object, tmp_path: Path) -> None:
    """Of services, sidecars and jobs: variables, commands, entry points, health checks, files and builds."""
    data = yaml.safe_load(BESIDE)
    *steps, last = place.split(".")
    holder = data
    for step in steps:
        holder = holder.setdefault(step, {})
    holder[last] = value
    (tmp_path / "msa.yaml").write_text(yaml.safe_dump(data, width=10**6), "utf-8")
    for words in (["compile"], ["explain", "web"], ["compile", "--format", "json"]):
        result = run(*words, str(tmp_path / "msa.yaml"))
        assert result.exit_code == 1, result.output
        assert "MSA304" in result.output
        assert "hunter2" not in result.output


PLACES = ("services/web/env/X", "services/web/command", "patches", "defaults/env/X")


@pytest.mark.parametrize(
    ("place", "value"),
    [(PLACES[0], value) for value in sampling.one_of(3, VALUES)]
    + [(place, value) for place in PLACES[1:] for value in sampling.one_of(8, VALUES)],
)
def test_wherever_it_stands_it_is_told_and_not_shown(place: str, value: str, tmp_path: Path) -> None:
    """In text and JSON, by lint, compile and explain."""
    file = tmp_path / "msa.yaml"
    held: object = value
    if place.endswith("command"):
        held = ["run", value]
    elif place == "patches":
        held = [{"op": "add", "path": "/Outputs", "value": {"A": {"Value": value}}}]
    file.write_text(manifest(place, held), "utf-8")
    for words in (["lint"], ["lint", "--format", "json"], ["compile"], ["explain", "web"]):
        result = run(*words, str(file))
        assert result.exit_code == 1, result.output
        assert "MSA304" in result.output
        start, end, _ = next(iter(credentials.forms(value)))
        assert value[start:end] not in result.output


def test_a_diagnostic_of_another_kind_shows_none_either(tmp_path: Path) -> None:
    """Its excerpt is the line on which the credential stands, too."""
    file = tmp_path / "msa.yaml"
    key = made("sk_live_", 24)
    file.write_text(
        "msaspec: 1\nname: shop\n"
        f"services: {{web: {{imag: web, env: {{A: {key}, DB_PASSWORD: hunter2}}, '{key}': 1}}}}\n"
    )
    for form in ("text", "json"):
        result = run("lint", "--format", form, str(file))
        assert "MSA201" in result.output
        assert key not in result.output
        assert "hunter2" not in result.output


@given(st.text(), st.integers(0, 30), st.integers(1, 30))
def test_what_is_hidden_keeps_its_place(line: str, start: int, length: int) -> None:
    """The caret below still points at it."""
    shown = Diagnostic("X", Severity.ERROR, "m", None, span=Span("f", 1, start + 1, length), excerpt=line, hides=True)
    assert shown.excerpt is None or len(shown.excerpt) == len(line)
    if line[start : start + length]:
        assert shown.excerpt
        assert set(shown.excerpt[start : start + length]) == {"*"}


ACCEPTED = """\
msaspec: 1
name: shop
services:
  web: {image: web:1.0, port: 80, env: {STRIPE_KEY: %s}, command: [run, --password=demo]}
defaults: {env: {OLD_TOKEN: demo}}
accept:
  services.web.env.STRIPE_KEY: A test key of Stripe's documentation.
  services.web.command[1]: The demo's password is on its first page.
  defaults.env.OLD_TOKEN: Nothing reads it any more.
"""


def codes(text: str, environment: str | None = None) -> list[str]:
    """The codes of what is wrong."""
    try:
        return [found.code for found in pipeline.compile_main(pipeline.load(text, "msa.yaml"), environment).warnings]
    except Invalid as invalid:
        return [found.code for found in invalid.diagnostics]


def test_what_is_accepted_compiles() -> None:
    """By its path, with a reason; of the defaults by theirs."""
    text = ACCEPTED % made("sk_test_", 24)
    assert codes(text) == []
    for line in text.splitlines()[-3:]:
        assert codes(text.replace(f"{line}\n", "")) == ["MSA304"]


@pytest.mark.parametrize("why", ["", "short", "12345678901", "two\\nlines of it"])
def test_a_reason_is_a_sentence(why: str) -> None:
    """One that people can read."""
    text = f'msaspec: 1\nname: shop\nservices: {{web: {{image: a}}}}\naccept: {{services.web.env.A: "{why}"}}\n'
    assert codes(text)[0].startswith("MSA2")


def test_what_accepts_nothing_is_told() -> None:
    """Unless another environment may have it."""
    text = "msaspec: 1\nname: shop\nservices: {web: {image: 'a:1', env: {A: plain}}}\n"
    assert codes(text + "accept: {services.web.env.A: It is a plain word.}\n") == ["MSA317"]
    assert codes(text + "accept: {services.web.env.B: It is not there.}\n") == ["MSA317"]
    overlay = "environments: {prod: {services: {web: {env: {B_TOKEN: demo}}}}}\n"
    several = f"{text}{overlay}accept: {{services.web.env.B_TOKEN: A demo of prod.}}\n"
    assert codes(several) == codes(several, "prod") == []


def test_json_of_lint_has_no_excerpt(tmp_path: Path) -> None:
    """Programs get the place."""
    (tmp_path / "msa.yaml").write_text(manifest("services/web/env/DB_PASSWORD", "hunter2"), "utf-8")
    (found,) = told.rows(run("lint", "--format", "json", str(tmp_path / "msa.yaml")).stdout, "diagnostic")
    assert (found["code"], found["path"]) == ("MSA304", "services.web.env.DB_PASSWORD")
    assert "hunter2" not in json.dumps(found)


@pytest.mark.parametrize("repeated", REPEATED)
def test_a_long_text_takes_no_time(repeated: str) -> None:
    """Whatever it repeats: a pattern that began anew at each character took a minute."""
    text, begun = (repeated * 40_000)[:40_000], time.process_time()
    credentials.masked(text)
    credentials.without(text)
    credentials.in_words([text])
    credentials.is_named("X_KEY", text)
    credentials.is_named(text, "abc")
    assert time.process_time() - begun < 3


def test_names_and_values_of_every_spelling_are_masked() -> None:
    """In YAML, in JSON and in a command."""
    for line in (
        "DB_PASSWORD: hunter2",
        '{"db-password": "hunter2"}',
        "--db.password = 'hunter2'",
        "- PASSWORD=hunter2",
        "9_password: hunter2",
        "a: 1, password : hunter2}",
    ):
        assert "hunter2" not in credentials.masked(line), line
