"""Values of the wrong shape, as other tools write them, and the same value as a manifest has it.

Each function takes what is written and returns what to write, or None where that cannot be known. `shape` shows only
what the field then accepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msaspec.diagnostics import credentials
from msaspec.diagnostics.place import Path
from msaspec.manifest.foreign import place

SHOWN = 3
"""Entries of a map or list that a hint shows."""
LONGEST = 120
"""Characters of a value that a hint shows."""


def corrected(path: Path, written: Any) -> Any:
    """Return what to write at a path instead of a value, or None where that cannot be known."""
    at, last = place(path), path[-1] if path else ""
    if isinstance(last, int) or at.rpartition(".")[0] in _MAPS:
        at = f"{place(path[:-1])}.*"
    mend = MENDS.get(at) or _MENDS_OF_ANY.get(str(last))
    try:
        return mend(written) if mend else None
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError, StopIteration):
        return None


def flow(value: Any) -> str | None:
    """Return a value as YAML on one line, without credentials; None if it is too long to be shown.

    >>> flow({"LOG": "info", "N": 3}), flow("17"), flow(8000)
    ('{LOG: info, "N": 3}', '"17"', '8000')
    """
    text = credentials.masked(_flow(value))
    return text if len(text) <= LONGEST and text.isprintable() else None


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        items = [f"{_flow(key)}: {_flow(each)}" for key, each in value.items()]
        return f"{{{', '.join(items[:SHOWN])}{', ...' if len(items) > SHOWN else ''}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value[:SHOWN]))}{', ...' if len(value) > SHOWN else ''}]"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    plain = (
        re.fullmatch(
            r"(\./)?[A-Za-z/][A-Za-z0-9 ._/@:=+!-]*|\d+(\.\d+)? [A-Za-z]+|[\d.]+/\d+|\d+\.dkr\.[\w.:/-]+", value
        )
        and ": " not in value
    )
    words = value.lower() in ("true", "false", "yes", "no", "on", "off", "null", "y", "n") or value.endswith((" ", ":"))
    return value if plain and not words else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def measure(written: Any, units: str) -> str | None:
    """Return a number with a unit as a manifest has it. `units` are those that the field knows, the smallest first.

    >>> measure("2g", "MiB, GiB"), measure(10, "s, min"), measure("1m30s", "s, min"), measure("1.5Gi", "MiB, GiB")
    ('2 GiB', '10 s', '90 s', '1536 MiB')
    """
    from fractions import Fraction  # only for what is wrong

    known = units.split(", ")
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(written))
    if isinstance(written, bool) or not parts or re.sub(r"[\d.\sA-Za-z]", "", str(written)):
        return None
    base, total, found = known[0], Fraction(0), known[0]
    for number, word in parts:
        unit = next((each for each, names in _UNITS.items() if word.lower() in names.split() and each in known), None)
        unit = unit or ("min" if base == "min" and word == "m" else None) or (base if not word else None)
        if unit is None or len(number) > 12:
            return None
        total += Fraction(number) * _WORTH[unit] / _WORTH[base]
        found = unit
    whole = total * _WORTH[base] / _WORTH[found]
    number = whole if len(parts) == 1 and whole.denominator == 1 else total
    shown = found if number is whole else base
    shown = f"{shown}s" if f"{shown}s" in known and len(shown) > 1 else shown
    return f"{number} {shown}" if number.denominator == 1 else None


_UNITS = {
    "s": "s sec secs second seconds",
    "min": "m min mins minute minutes",
    "h": "h hr hrs hour hours",
    "days": "d day days",
    "day": "d day days",
    "weeks": "w week weeks",
    "MiB": "m mb mi mib",
    "GiB": "g gb gi gib",
    "TiB": "t tb ti tib",
}
_WORTH = {"s": 1, "min": 60, "h": 3600, "day": 1, "days": 1, "weeks": 7, "MiB": 1, "GiB": 1024, "TiB": 1024 * 1024}


def port(written: Any) -> int | None:
    """Return the port of the container in `80:8000/tcp`, a list of such, or a map with `target`."""
    if isinstance(written, list):
        return port(written[0])
    if isinstance(written, dict):
        return port(next(written[key] for key in ("target", "containerPort", "container_port") if key in written))
    before, _, protocol = str(written).partition("/")
    digits = before.rpartition(":")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and protocol.lower() != "udp" else None


def variables(written: Any) -> dict[str, str] | None:
    """Return `A=b` lines, or maps with a name and a value, as a map."""
    if isinstance(written, dict):
        return written
    lines: Any = written.split() if isinstance(written, str) else written
    if all(isinstance(each, dict) for each in lines):
        return {str(each["name"]): each["value"] for each in lines}
    # A name alone is a variable of the machine that the tool runs on.
    return {name: value for name, sign, value in (line.partition("=") for line in lines) if sign} or None


def _names(written: Any) -> list[str] | None:
    if isinstance(written, dict):
        return list(written)
    if isinstance(written, str):
        return re.split(r"[,\s]+", written.strip())
    # `links` may give a name of its own behind a colon.
    return [each.partition(":")[0] for each in written]


def _entries(written: Any) -> dict[str, Any] | None:
    if isinstance(written, str):
        return {written: {}}
    if all(isinstance(each, str) for each in written):
        return {each: {} for each in written}
    return {each["name"]: {key: value for key, value in each.items() if key != "name"} for each in written}


def words(written: Any) -> list[str] | None:
    """Return the words of a command."""
    import shlex

    return shlex.split(written) if isinstance(written, str) else [str(each) for each in written]


def path(written: Any) -> str | None:
    """Return the path of a URL or a pattern, as a prefix.

    >>> path("/v1/*"), path("api/users/"), path("https://example.com/up?x=1"), path("/")
    ('/v1', '/api/users', '/up', '/')
    """
    text = re.sub(r"^\w+://[^/]*", "", str(written)).partition("?")[0].partition("*")[0]
    return "/" + text.strip("/")


def _paths(written: Any) -> list[str] | None:
    if isinstance(written, dict):  # Copilot's `http`
        return [path(written["path"])] if "path" in written else None  # type: ignore[list-item]
    return [found for each in (written if isinstance(written, list) else [written]) if (found := path(each))]


def _host(written: Any) -> str:
    return re.sub(r"^\w+://", "", str(written)).partition("/")[0].partition(":")[0].lower().removeprefix("*.")


def _hosts(written: Any) -> list[str]:
    return [_host(each) for each in (written if isinstance(written, list) else [written])]


def probe(written: Any) -> str | None:
    """Return the path that a health check of another tool asks.

    >>> probe({"test": ["CMD", "curl", "-f", "http://localhost:80/up"]}), probe("http://localhost/")
    ('/up', '/')
    """
    if isinstance(written, dict):
        found = next(written[key] for key in ("test", "command", "path", "url", "httpGet") if key in written)
        return probe(found)
    if not isinstance(written, str | list):
        return None
    text = " ".join(map(str, written)) if isinstance(written, list) else written
    url = re.search(r"https?://[^/\s'\"|;)]+(/[^\s'\"|;)]*)?", text)
    return (url[1] or "/") if url else path(text) if re.fullmatch(r"[\w./-]+", text) else None


def _scale(written: Any) -> Any:
    if isinstance(written, dict) and not {"min", "max"} & set(written):
        return _scale(written.get("range") or written.get("replicas") or written.get("count"))
    low, _, high = str(written).partition("-")
    return {"min": int(low), "max": int(high)} if high else int(low)


def image(written: Any) -> str | None:
    """Return an image with its registry.

    >>> image("grafana/grafana:12"), image("arn:aws:ecr:eu-west-1:123456789012:repository/cart")
    ('docker.io/grafana/grafana:12', '123456789012.dkr.ecr.eu-west-1.amazonaws.com/cart')
    """
    text = re.sub(r"^(https?|docker)://", "", str(written))
    if arn := re.fullmatch(r"arn:aws[a-z-]*:ecr:([a-z0-9-]+):(\d{12}):repository/(\S+)", text):
        return f"{arn[2]}.dkr.ecr.{arn[1]}.amazonaws.com/{arn[3]}"
    first, slash, _ = text.partition("/")
    if slash and not ("." in first or ":" in first or first == "localhost"):
        text = f"docker.io/{text}"
    name, colon, tag = text.rpartition(":") if ":" in text.rpartition("/")[2] else (text, "", "")
    return f"{name.lower()}{colon}{tag}".rstrip(":")


def _secret(written: Any) -> str | None:
    if not isinstance(written, dict | str):
        return None
    if isinstance(written, dict):
        written = next(written[key] for key in ("valueFrom", "ssm", "secretsmanager", "from", "arn") if key in written)
    text = re.sub(r"^(ssm|aws-ssm|parameter):/*", "/", str(written))
    if arn := re.fullmatch(r"(arn:aws[\w-]*:secretsmanager:[\w-]+:\d+:secret:[^:]+):([^:]+)::", text):
        return f"{arn[1]}#{arn[2]}"
    if text.startswith(("/", "arn:")):
        return text
    # A word without a slash may be the secret itself.
    return f"/{text}" if re.fullmatch(r"[a-z][\w.-]*(/[\w.-]+)+", text) else None


def _secrets(written: Any) -> dict[str, str] | None:
    if isinstance(written, list):
        return {str(each): f"/{str(each).lower().replace('_', '-')}" for each in written if isinstance(each, str)}
    return None


def cpu(written: Any) -> str | None:
    """Return units of ECS, or CPUs of compose and Kubernetes, as vCPU.

    >>> cpu(256), cpu("500m"), cpu(0.5), cpu("2")
    ('0.25 vCPU', '0.5 vCPU', '0.5 vCPU', '2 vCPU')
    """
    from fractions import Fraction

    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(m|vcpus?|cpus?|cores?)?", str(written).lower())
    if not found:
        return None
    number = Fraction(found[1])
    number = number / 1000 if found[2] == "m" else number / 1024 if number >= 128 else number
    return f"{float(number):g} vCPU"


def _region(written: Any) -> str | None:
    text = str(written).lower().replace("_", "-")
    return text[:-1] if re.fullmatch(r".*\d[a-f]", text) else text


def _arch(written: Any) -> str | None:
    text = str(written["architecture"] if isinstance(written, dict) else written).lower().rpartition("/")[2]
    return {"amd64": "x86_64", "x64": "x86_64", "x86-64": "x86_64", "aarch64": "arm64", "arm64v8": "arm64"}.get(
        text, text
    )


def _runtime(written: Any) -> str | None:
    return _RUNTIMES.get(str(written).lower())


_RUNTIMES = {
    **dict.fromkeys(("ecs", "ecs-fargate", "fargate", "fargate-spot", "serverless", "container", "task"), "fargate"),
    **dict.fromkeys(("load balanced web service", "backend service", "worker service"), "fargate"),
    **dict.fromkeys(("ec2", "vm", "host", "instance", "docker"), "instance"),
    **dict.fromkeys(("asg", "auto-scaling", "autoscaling-group", "autoscaling"), "autoscaling"),
}


def _engine(written: Any) -> str | None:
    name = str(written).lower()
    return next((engine for engine, pattern in _ENGINES.items() if re.match(pattern, name)), None)


_ENGINES = {
    "postgres": r"(aurora-)?(postgres|pg\b|psql)",
    "mariadb": r"maria",
    "mysql": r"(aurora-)?mysql|aurora$|percona",
    "documentdb": r"mongo|docdb|document",
}


def _tags(written: Any) -> dict[str, str] | None:
    if isinstance(written, str):
        written = written.split(",")
    if all(isinstance(each, dict) for each in written):
        return {str(each.get("Key") or each["key"]): str(each.get("Value") or each["value"]) for each in written}
    return {name: value for name, sign, value in (each.partition("=") for each in written) if sign} or None


def _several(written: Any) -> list[Any] | None:
    return [written] if isinstance(written, str) else None


def _blocks(written: Any) -> list[str] | None:
    return [_block(each) for each in (written if isinstance(written, list) else [written])]


def _block(written: Any) -> str:
    return f"{written}/32" if re.fullmatch(r"[\d.]+[1-9]", str(written)) else str(written)


def _codes(written: Any) -> str:
    return re.sub(r"\b([234])xx\b", r"\g<1>00-\g<1>99", str(written)).replace(" ", "")


def _percent(written: Any) -> int | None:
    return round(float(str(written).rstrip("% "))) if not isinstance(written, dict) else _percent(written["value"])


def _system(written: Any) -> str | None:
    return "-".join(re.findall(r"[a-z0-9]+", str(written).lower())).lstrip("0123456789-") or None


def _build(written: Any) -> str | None:
    return "." if written is True else None


def _yes(written: Any) -> bool | None:
    return {
        "yes": True,
        "on": True,
        "true": True,
        "1": True,
        "no": False,
        "off": False,
        "false": False,
        "0": False,
    }.get(str(written).lower())


def _zone(written: Any) -> str:
    return str(written).rpartition("/")[2]


def _use(written: Any) -> dict[str, str] | None:
    if written in ("owner", "read-write", "read-only", "read", "write"):
        return {"access": written}
    return {"database": str(written).replace("-", "_")} if isinstance(written, str) else None


MENDS: Mapping[str, Callable[[Any], Any]] = {
    "name": _system,
    "region": _region,
    "tags": _tags,
    **dict.fromkeys(("environments", "services", "databases", "buckets", "caches", "brokers"), _entries),
    **dict.fromkeys(("queues", "topics"), _entries),
    "network.zones": lambda written: len(written) if isinstance(written, list) else int(written),
    "network.nat": lambda written: "single" if written in (True, 1, "1") else "none" if written is False else None,
    "ingress.allow": _blocks,
    "ingress.domain": _host,
    "ingress.hosted_zone": _zone,
    "brokers.*.version": str,
    "brokers.*.size": lambda written: f"mq.{written}" if re.fullmatch(r"[a-z]+\d\w*\.\w+", str(written)) else None,
    "databases.*.version": str,
    "databases.*.engine": _engine,
    "databases.*.size": lambda written: f"db.{written}" if re.fullmatch(r"[a-z]+\d\w*\.\w+", str(written)) else None,
    "services.*.arch": _arch,
    "services.*.build": _build,
    "services.*.build.args": variables,
    "services.*.build.context": _build,
    "services.*.command": words,
    "services.*.env": variables,
    "services.*.env.*": lambda written: "" if written is None else None,
    "services.*.secrets.*": _secret,
    "services.*.paths.*": path,
    "services.*.hosts.*": _host,
    "ingress.allow.*": _block,
    "services.*.health": probe,
    "services.*.health.codes": _codes,
    "services.*.health.path": probe,
    "services.*.hosts": _hosts,
    "services.*.image": image,
    "services.*.paths": _paths,
    "services.*.port": port,
    "services.*.runtime": _runtime,
    "services.*.runtime.cpu": cpu,
    "services.*.runtime.memory": lambda written: measure(written, "MiB, GiB"),
    "services.*.scale": _scale,
    "services.*.scale.cpu": _percent,
    "services.*.scale.memory": _percent,
    "services.*.secrets": _secrets,
    "services.*.uses": _names,
    "services.*.uses.*": _use,
}
"""What mends the value of a field, by its place."""
_MAPS = frozenset({"services.*.env", "services.*.secrets"})
_MENDS_OF_ANY: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("cdn", "enabled", "exec", "invalidate", "multi_zone", "protect", "read_only", "versioned"), _yes),
    **dict.fromkeys(("internal_port", "max", "min", "healthy", "unhealthy", "replicas", "spot", "percent"), _percent),
    "kms_key": _several,
    "alarms": _several,
    "origins": _several,
}
"""What mends it wherever the key is."""
