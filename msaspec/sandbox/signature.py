"""Signatures of requests: Signature Version 4, in the header or in the address, and the older one of S3's addresses.

Only their check: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_PART = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")


@dataclass(frozen=True)
class Message:
    """A request as it arrived."""

    method: str
    target: str
    """Path and query as they were sent, with their percent encoding."""
    headers: Mapping[str, str]
    """By names in lower case; several of a name in one value, with commas."""
    body: bytes

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the address."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True)
class Signature:
    """Who signed a request, for what, and how."""

    key: str
    """The access key id."""
    scope: tuple[str, ...]
    """Day, Region, service and `aws4_request`; empty for the older signature of S3's addresses."""
    headers: tuple[str, ...]
    value: str

    @property
    def service(self) -> str:
        """The service that the request is for."""
        return self.scope[2] if self.scope else "s3"


def of(message: Message) -> Signature | None:
    """Return the signature of a request; None where it has none, or one of another kind."""
    written, query = message.headers.get("authorization", ""), message.query
    if written.startswith(ALGORITHM):
        parts = dict(_PART.findall(written))
    elif query.get("X-Amz-Algorithm") == ALGORITHM:
        parts = {name: query.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")}
    elif "AWSAccessKeyId" in query:
        return Signature(query["AWSAccessKeyId"], (), (), query.get("Signature", ""))
    else:
        return None
    key, *scope = parts.get("Credential", "").split("/")
    if len(scope) != 4:
        return None
    return Signature(key, tuple(scope), tuple(parts.get("SignedHeaders", "").split(";")), parts.get("Signature", ""))


def fits(message: Message, signature: Signature, secret: str) -> bool:
    """Return whether a request was signed with a secret, and its body with it where the signature covers that."""
    if not signature.scope:
        return hmac.compare_digest(_older(message, secret), signature.value)
    hashed = message.headers.get("x-amz-content-sha256") or message.query.get("X-Amz-Content-Sha256")
    own = sha256(message.body).hexdigest()
    if hashed is None:
        addressed = "X-Amz-Signature" in message.query
        hashed = UNSIGNED if addressed and signature.service == "s3" else own
    if re.fullmatch(r"[0-9a-f]{64}", hashed) and hashed != own:
        return False
    return hmac.compare_digest(_newer(message, signature, secret, hashed), signature.value)


def _newer(message: Message, signature: Signature, secret: str, hashed: str) -> str:
    from botocore.utils import normalize_url_path

    parts = urlsplit(f"http://sandbox{message.target}")
    # S3 takes the path as it was sent; all others make it plain, and encode it once more.
    path = parts.path if signature.service == "s3" else quote(normalize_url_path(parts.path), safe="/~")
    pairs = sorted(pair.partition("=") for pair in parts.query.split("&") if pair)
    query = "&".join(f"{name}={value}" for name, _, value in pairs if name != "X-Amz-Signature")
    headers = "".join(f"{name}:{' '.join(message.headers.get(name, '').split())}\n" for name in signature.headers)
    request = "\n".join([message.method, path, query, headers, ";".join(signature.headers), hashed])
    when = message.headers.get("x-amz-date") or message.query.get("X-Amz-Date", "")
    text = "\n".join([ALGORITHM, when, "/".join(signature.scope), sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for step in signature.scope:
        key = _keyed(key, step)
    return _keyed(key, text).hex()


def _older(message: Message, secret: str) -> str:
    """Return the signature that botocore writes into addresses of S3 in Regions that know it."""
    from botocore.auth import HmacV1QueryAuth
    from botocore.credentials import Credentials

    parts = urlsplit(message.target)
    kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in ("AWSAccessKeyId", "Signature")]
    expires = message.query.get("Expires", "")
    rest = "&".join(pair for pair in kept if not pair.startswith("Expires="))
    auth = HmacV1QueryAuth(Credentials("", secret))
    text = auth.canonical_string(message.method, parts._replace(query=rest), dict(message.headers), expires=expires)
    return str(auth.sign_string(text))


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), sha256).digest()
