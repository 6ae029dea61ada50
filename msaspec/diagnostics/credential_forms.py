"""The forms of credentials: patterns that the issuers document, with prefixes that are made to be found.

A form has to be sure: what it matches is refused anywhere in a manifest. A text in Base64 is looked into.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cache

FORMS: tuple[tuple[str, str], ...] = (
    ("an AWS access key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("an AWS access key", r"\bA(?:KIA|SIA)[A-Z0-9]{16}\b"),
    (
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*(?:-----END[^-]*-----)?",
    ),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_[A-Za-z0-9_]{22,255})\b"),
    (
        "a GitLab token",
        r"\bgl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_=.-]{16,}|\bGR1348941[A-Za-z0-9_-]{20}",
    ),
    ("a Slack token", r"\bxox[abcdeoprs]-(?:\d-)?[A-Za-z0-9%-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"),
    ("a Slack webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}"),
    ("a Discord webhook", r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{30,}"),
    ("a Stripe key", r"\b(?:[sr]k_(?:org_)?(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    ("a Google OAuth secret", r"\bGOCSPX-[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}|\b1//0[A-Za-z0-9_-]{40,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("a Docker Hub token", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"),
    ("a JSON web token", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("an OpenAI key", r"\bsk-(?:proj|svcacct|admin|service|None|or-v1)-[A-Za-z0-9_-]{20,}|\bsk-[A-Za-z0-9]{32,}\b"),
    ("an Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("a Hugging Face token", r"\b(?:hf|api_org)_[A-Za-z0-9]{34}\b"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("a Twilio key", r"\bSK[0-9a-f]{32}\b"),
    ("a Mailgun key", r"\bkey-[0-9a-f]{32}\b"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("a Shopify token", r"\bshp(?:at|ca|pa|ss|ua)_[a-fA-F0-9]{32}\b"),
    ("a Vault token", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),
    ("a Terraform token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
    ("a Grafana token", r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
    ("a Databricks token", r"\b(?:dapi|dose)[a-f0-9]{32}\b"),
    ("a New Relic key", r"\bNR(?:AK|JS|II)-[A-Za-z0-9-]{19,}|\b[0-9a-f]{32,36}NRAL\b"),
    ("a Sentry token", r"\bsntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    ("a PlanetScale password", r"\bpscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{32,}"),
    ("a Telegram token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    ("a Square token", r"\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,}|\bEAAA[A-Za-z0-9_-]{60}\b"),
    ("a Postman key", r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b"),
    ("an Atlassian token", r"\bAT[AC]TT3[A-Za-z0-9_=-]{60,}|\bATBB[A-Za-z0-9]{32}\b"),
    ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("an age key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b"),
    ("a Groq key", r"\bgsk_[A-Za-z0-9]{52}\b"),
    ("an xAI key", r"\bxai-[A-Za-z0-9]{60,}\b"),
    ("a Perplexity key", r"\bpplx-[A-Za-z0-9]{48}\b"),
    ("a Replicate token", r"\br8_[A-Za-z0-9]{37}\b"),
    ("a LangSmith key", r"\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}\b"),
    ("a Pinecone key", r"\bpcsk_[A-Za-z0-9_]{40,}"),
    ("a Supabase key", r"\bsbp_[0-9a-f]{40}\b|\bsb_secret_[A-Za-z0-9_-]{20,}"),
    ("a Vercel token", r"\bvc[aikpr]_[A-Za-z0-9]{24,}\b"),
    ("a Netlify token", r"\bnf[bcopu]_[A-Za-z0-9]{36}\b"),
    ("a Cloudflare key", r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{130,}\b|\bcf[aku]t_[A-Za-z0-9_-]{40,}"),
    ("a Linear key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{40,}\b"),
    ("a Notion token", r"\bntn_[A-Za-z0-9]{40,}\b|\bsecret_[A-Za-z0-9]{43}\b"),
    ("a Figma token", r"\bfig[dour]_[A-Za-z0-9_-]{40,}"),
    ("an Airtable token", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b"),
    ("a Doppler token", r"\bdp\.(?:audit|ct|pt|sa|scim|st)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}\b"),
    ("a 1Password token", r"\bops_eyJ[A-Za-z0-9+/]{100,}"),
    ("a Mailchimp key", r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    ("a Brevo key", r"\bxkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}\b"),
    ("a Resend key", r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}\b"),
    ("a RubyGems key", r"\brubygems_[0-9a-f]{48}\b"),
    ("a crates.io token", r"\bcio[A-Za-z0-9]{32}\b"),
    ("a NuGet key", r"\boy2[a-z0-9]{43}\b"),
    ("a Fly token", r"\bfo1_[A-Za-z0-9_-]{40,}|\bfm[12][ar]?_[A-Za-z0-9+/]{80,}"),
    ("a Heroku key", r"\bHRKU-[A-Za-z0-9_-]{36,}"),
    ("an Azure key", r"\bSharedAccessKey=[A-Za-z0-9+/]{42,}=|[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    ("an Azure DevOps token", r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b"),
    ("an Amazon Bedrock key", r"\bABSK[A-Za-z0-9+/]{100,}={0,2}|\bbedrock-api-key-[A-Za-z0-9+/]{30,}={0,2}"),
    ("a Teams webhook", r"webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{40,}"),
    ("a Zapier webhook", r"hooks\.zapier\.com/hooks/catch/[A-Za-z0-9/]{8,}"),
    ("an Artifactory token", r"\bAKCp[A-Za-z0-9]{60,}\b|\bcmVmd[A-Za-z0-9]{50,}\b"),
    ("a Dynatrace token", r"\bdt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b"),
    ("a Plaid token", r"\baccess-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f-]{27}\b"),
    ("a Braintree token", r"\baccess_token\$[a-z]+\$[0-9a-z]{16}\$[0-9a-f]{32}\b"),
    ("a Meta token", r"\bEAA[A-Z][A-Za-z0-9]{90,}\b"),
    ("a Discord token", r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),
    ("a Mapbox token", r"\bsk\.eyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{20,}"),
    ("a Tailscale key", r"\btskey-[a-z]+-[A-Za-z0-9-]{16,}"),
    ("a Buildkite token", r"\bbk[a-z]{1,2}_[0-9a-f]{40}\b"),
    ("a CircleCI token", r"\bCCIP(?:AT|RJ)_[A-Za-z0-9]{20,24}_[0-9A-Za-z]{40}\b"),
    ("a Pulumi token", r"\bpul-[0-9a-f]{40}\b"),
    ("a SonarQube token", r"\bsq[apu]_[0-9a-f]{40}\b"),
    ("a PostHog key", r"\bphx_[A-Za-z0-9_]{40,}"),
    ("a MongoDB secret", r"\bmdb_sa_sk_[A-Za-z0-9_-]{30,}"),
    ("a Contentful token", r"\bCFPAT-[A-Za-z0-9_-]{43}"),
    ("a Dropbox token", r"\bsl\.(?:u\.)?[A-Za-z0-9_=-]{100,}"),
    ("a LaunchDarkly key", r"\bsdk-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"),
    ("a Sourcegraph token", r"\bsgp_(?:(?:[0-9a-f]{16}|local)_)?[0-9a-f]{40}\b"),
    ("a Prefect key", r"\bpn[bu]_[A-Za-z0-9]{36}\b"),
    ("a key of a payment service", r"\bshippo_(?:live|test)_[0-9a-f]{40}\b|\bduffel_(?:live|test)_[A-Za-z0-9_=-]{43}"),
    ("a key of a payment service", r"\bEZ[AT]K[A-Za-z0-9]{54}\b|\bFLWSECK(?:_TEST)?-[0-9A-Za-z]{12,}"),
    ("an Alibaba Cloud key", r"\bLTAI[A-Za-z0-9]{20}\b"),
    ("a Tencent Cloud key", r"\bAKID[A-Za-z0-9]{32}\b"),
    ("an OpenShift token", r"\bsha256~[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"),
    ("an Octopus key", r"\bAPI-[A-Z0-9]{26}\b"),
    ("a private key", r"PuTTY-User-Key-File-\d"),
    (
        "a password in a netrc",
        r"\bmachine\s{1,4}\S{1,99}\.\S{1,99}\s{1,4}login\s{1,4}\S{1,99}\s{1,4}password\s{1,4}[^\s$]\S*",
    ),
    ("a token of a package registry", r"(?<=:_authToken=)[^\s$\"']{8,}"),
    ("a signed URL", r"(?<=[?&])X-(?:Amz|Goog)-Signature=[0-9a-f]{64,}|(?<=[?&;])sig=[A-Za-z0-9%+/=_-]{40,}"),
    ("a bearer token", r"(?i:(?<=\bbearer )|(?<=\bbearer%20))(?=[A-Za-z._~+/=-]*\d)[A-Za-z0-9._~+/=-]{20,}"),
    ("a password in a connection string", r"(?<=:thin:)[\w$]{1,128}/[^\s@/$]+(?=@)"),
    ("a password in a connection string", r"[\w.-]{1,128}:(?!\$\{)[^\s:@/'\"]{1,128}(?=@(?:tcp|unix)\()"),
    (
        "a password in a connection string",
        r"(?i:(?<=[?&;])(?:password|passwd|pwd|access_token|client_secret|api_?key|auth_token)=[^&\s;$'\"]{3,})",
    ),
    ("a URL with a password", r"(?<=://)[^\s/:@?#'\"]*:(?!\$\{)[^\s/@?#'\"]+(?=@)"),
)
"""What a form is called, and its pattern."""


@cache
def _forms() -> re.Pattern[str]:
    """All forms in one pattern. It takes long to compile, and most manifests have nothing that it is needed for."""
    return re.compile("|".join(f"(?P<f{number}>{pattern})" for number, (_, pattern) in enumerate(FORMS)))


_PREFIXES = re.compile(
    r"A[KSBC][IC]A|PRIVATE KEY|gh[pousr]_|github_pat_|gl[a-z]+[-_]|xox|xapp-|webhooks|hooks\.|[sr]k[_-]|whsec_"
    r"|AIza|GOCSPX|ya29|npm_|pypi-|dckr_|eyJ|hf_|SG\.|SK|key-|_v1_|shp|hv[sbr]\.|atlasv1|dapi|NR|sntry|pscale_|:AA|sq0|EAA"
    r"|PMAK|AT[AC]TT3|ATBB|AccountKey|AGE-|://|(?i:[?&;](?:passw|pwd|access_token|client_secret|api_?key|auth_token|sig=|x-))"
    r"|GR13|api_org|dose|1//0|gsk_|xai-|pplx-|r8_|lsv2_|pcsk_|sbp_|sb_sec|vc[aikpr]_|nf[bcopu]_|v1\.0-|cf[aku]t_|lin_|ntn_"
    r"|secret_|fig[dour]_|pat[A-Za-z0-9]{14}\.|dp\.|ops_|-us\d|xkeysib|re_|rubygems|cio|oy2|fo1_|fm[12]|HRKU|SharedA|Q~|AZDO"
    r"|ABSK|bedrock-|webhookb2|AKCp|cmVmd|dt0|access[-_]|[MNO][A-Za-z0-9_-]{23,25}\.|sk\.|tskey|bk[a-z]{1,2}_|CCIP|pul-|sq[apu]_"
    r"|phx_|mdb_|CFPAT|sl\.|sdk-|sgp_|pn[bu]_|shippo|duffel|EZ[AT]K|FLWS|LTAI|AKID|sha256~|API-|PuTTY|machine|_authToken"
    r"|(?i:bearer)|:thin:|@(?:tcp|unix)\("
)
"""Looked for first, since most texts have none of these."""

_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}+={0,2}")
_BASIC = re.compile(r"(?i:\bbasic(?: |%20))([A-Za-z0-9+/]{6,}={0,2})")


def found(text: str) -> Iterator[tuple[int, int, str]]:
    """Where the credentials of a known form are in a text, and what each is. None lies in another."""
    end = 0
    for start, stop, what in sorted(_all(text)):
        if start >= end:
            yield start, stop, what
            end = stop


def _all(text: str) -> Iterator[tuple[int, int, str]]:
    if _PREFIXES.search(text):
        for match in _forms().finditer(text):
            yield match.start(), match.end(), FORMS[int(str(match.lastgroup)[1:])][0]
    for match in _BASIC.finditer(text):
        if ":" in (_decoded(match[1]) or ""):
            yield match.start(1), match.end(1), "an HTTP login"
    for match in _ENCODED.finditer(text):
        decoded = _decoded(match[0])
        if decoded and _PREFIXES.search(decoded) and (inside := _forms().search(decoded)):
            yield match.start(), match.end(), f"{FORMS[int(str(inside.lastgroup)[1:])][0]} in Base64"


def _decoded(text: str) -> str | None:
    """Return the text that another is in Base64, of either alphabet; None where it is none."""
    plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        decoded = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return decoded if decoded.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else None
