"""The local form of each kind of store, by its section: a container of the same engine, or the emulated AWS."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msaspec.exporting import mongodb, mysql, rabbitmq, sql
from msaspec.exporting.local import ACCOUNT, Block, Local, Tree, literal
from msaspec.exporting.sql import CHECK, database_of
from msaspec.language.part import Entry, Use
from msaspec.template import names

EMULATOR = "aws"
"""The container that plays AWS. No entry can have this name."""
PORT = 5000
PUBLISHED = 4566
"""Its port on the machine."""
TLS = frozenset({"spring.data.redis.ssl.enabled", "spring.rabbitmq.ssl.enabled"})
"""Variables that say whether a store speaks TLS, which it does not here."""
TYPES = {"string": "S", "number": "N", "binary": "B"}


def of(section: str, entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local | None:
    """Return the local form of an entry; None for a kind that has none."""
    form = FORMS.get(section)
    return form(entry, uses, system, region) if form else None


def _database(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local | None:
    """PostgreSQL with the same users and databases. The rights of users who are no owners are those of the tables that
    the owner makes afterwards."""
    spec = entry.spec
    name, master = entry.name, _variable(entry.name, "", "password")
    logins = {use.service: _variable(name, use.service, "password") for use in uses}
    if spec.server.name in ("mysql", "mariadb"):
        return mysql.local(entry, uses, logins, master)
    if spec.server.documents:
        return mongodb.local(entry, uses, logins, master)
    if spec.server.scheme != "postgresql":
        return None
    owner = {database_of(use): names.snake(use.service) for use in uses if use.options.access == "owner"}
    script = ['run() { psql -v ON_ERROR_STOP=1 --quiet --username postgres "$@"; }']
    for use in uses:
        role, password = names.snake(use.service), f"{names.variable(use.service)}_PASSWORD"
        script += [
            f"run -v password=\"${password}\" <<'SQL'",
            f"create role \"{role}\" login password :'password';",
            "SQL",
        ]
    for database, role in owner.items():
        script.append(f'run --command \'create database "{database}" owner "{role}"\'')
        script += [
            f"run --dbname '{database}' --command 'create extension if not exists \"{extension}\" cascade'"
            for extension in spec.extensions
        ]
    for use in uses:
        database, role = database_of(use), names.snake(use.service)
        if use.options.access == "owner" or database not in owner:
            continue
        rights = "select" if use.options.access == "read-only" else "select, insert, update, delete"
        default = f'alter default privileges for role "{owner[database]}" in schema public grant'
        script += [
            f"run --dbname '{database}' <<'SQL'",
            f'grant usage on schema public to "{role}";',
            f'{default} {rights} on tables to "{role}";',
            *([] if rights == "select" else [f'{default} select, update on sequences to "{role}";']),
            "SQL",
        ]
    for use in uses:
        if text := use.texts.get("init"):
            as_owner = f'set role "{names.snake(use.service)}";'
            script.append(sql.here(f"run --dbname '{database_of(use)}'", f"{as_owner}\n{text}"))
    version = spec.server.major(spec.version or spec.server.version)
    # The image of PostgreSQL has its own extensions only.
    image = f"pgvector/pgvector:pg{version}" if "vector" in spec.extensions else f"library/postgres:{version}"
    return sql.local(
        entry,
        uses,
        logins,
        master,
        script,
        image=f"docker.io/{image}",
        environment={"POSTGRES_PASSWORD": f"${{{master}}}"},
        # Images before 18 keep a volume of their own at `data`.
        folder=f"/var/lib/postgresql{'' if int(version) >= 18 else '/data'}",
        check=["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "postgres"],
    )


def _cache(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local | None:
    """Valkey, Redis or Memcached, with the same users where it has users, and all rights."""
    spec, name, port = entry.spec, entry.name, str(entry.spec.kind.port)
    if spec.engine not in ("valkey", "redis", "memcached"):
        return None
    tag = str(spec.version).partition(".")[0]
    registry = "docker.io/valkey/valkey" if spec.engine == "valkey" else f"docker.io/library/{spec.engine}"
    container: Tree = {"image": f"{registry}:{tag}"}
    logins = {use.service: _variable(name, use.service, "password") for use in uses} if spec.guarded else {}
    condition = "service_started"
    if spec.kind.users:
        words = [f"{spec.engine}-server"]
        for service, variable in logins.items():
            words += ["--user", service, "on", f">${{{variable}}}", "~*", "&*", "+@all"]
        if logins:
            container["command"] = words
        container["healthcheck"] = {"test": ["CMD", f"{spec.engine}-cli", "ping"], **CHECK}
        condition = "service_healthy"
    attributes = {}
    for use in uses:
        known = {"host": name, "port": port, "address": f"{name}:{port}"}
        if spec.kind.users:
            password = f"${{{logins[use.service]}}}" if logins else ""
            login = f"{use.service}:{password}@" if logins else ""
            known |= {"reader_host": name, "url": f"redis://{login}{name}:{port}"}
            known |= {"username": use.service, "password": password} if logins else {}
        attributes[use.service] = known
    return Local(
        containers={name: container},
        attributes=attributes,
        after={name: condition},
        generated=tuple(logins.values()),
        notes=(f"{name}: no TLS, and every user may do everything.",) if spec.encrypted or logins else (),
    )


def _broker(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local:
    return rabbitmq.local(entry, uses, {use.service: _variable(entry.name, use.service, "password") for use in uses})


def _bucket(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local:
    if entry.spec.site and not uses:
        return Local()  # Its files are served from their folder.
    name = f"{system}-{entry.name}"
    place = "" if region == "us-east-1" else f" --create-bucket-configuration LocationConstraint={region}"
    known = {"name": name, "arn": f"arn:aws:s3:::{name}", "region": region}
    known |= {"cdn_domain": f"localhost:{PUBLISHED}/{name}", "cdn_id": "LOCAL"}
    notes = []
    if entry.spec.cdn:
        notes.append(f"{entry.name}: no CDN; its domain leads to the bucket in the emulator.")
    return _emulated(uses, known, (f"made aws s3api create-bucket --bucket {name}{place}",), notes)


def _table(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local:
    spec, name = entry.spec, f"{system}-{entry.name}"
    orders = [spec, *spec.indexes.values()]
    typed = {each.name: TYPES[each.type] for order in orders for each in (order.key, order.sort) if each}
    table: Tree = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in sorted(typed.items())],
        "KeySchema": _keys(spec),
    }
    if spec.indexes:
        table["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": _keys(each), "Projection": _projection(each.holds)}
            for index, each in spec.indexes.items()
        ]
    setup = [f"made aws dynamodb create-table --cli-input-json {_json(table)}"]
    if spec.expires:
        expiry = {"Enabled": True, "AttributeName": spec.expires}
        setup.append(
            f"made aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification {_json(expiry)}"
        )
    known = {"name": name, "arn": f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name}", "region": region}
    return _emulated(uses, known, setup)


def _keys(order: Any) -> list[Tree]:
    keys = [{"AttributeName": order.key.name, "KeyType": "HASH"}]
    return keys + ([{"AttributeName": order.sort.name, "KeyType": "RANGE"}] if order.sort else [])


def _projection(holds: Any) -> Tree:
    if isinstance(holds, str):
        return {"ProjectionType": {"all": "ALL", "keys": "KEYS_ONLY"}[holds]}
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*holds]}


def _queue(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local:
    spec, end = entry.spec, ".fifo" if entry.spec.fifo else ""
    name, dead = f"{system}-{entry.name}{end}", f"{system}-{entry.name}-dead{end}"
    arns = {each: f"arn:aws:sqs:{region}:{ACCOUNT}:{each}" for each in (name, dead)}
    ordered = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if spec.fifo else {}
    redrive = json.dumps({"deadLetterTargetArn": arns[dead], "maxReceiveCount": spec.dead_letter})
    given = {"VisibilityTimeout": str(spec.visibility), "RedrivePolicy": redrive, **ordered}
    make = "made aws sqs create-queue --queue-name"
    setup = [
        f"{make} {dead}" + (f" --attributes {_json(ordered)}" if ordered else ""),
        f"{make} {name} --attributes {_json(given)}",
    ]
    for link in entry.to:
        if link.path[2] != "from":
            continue
        taken = spec.from_[link.entry.name]
        told = {"RawMessageDelivery": "true"} if taken.raw else {}
        if taken.filter:
            told["FilterPolicy"] = json.dumps(taken.filter, ensure_ascii=False)
            told["FilterPolicyScope"] = "MessageBody" if taken.filter_on == "body" else "MessageAttributes"
        setup.append(
            f"made aws sns subscribe --topic-arn {_topic_arn(link.entry, system, region)} --protocol sqs"
            f" --notification-endpoint {arns[name]}" + (f" --attributes {_json(told)}" if told else "")
        )
    url = f"http://{EMULATOR}:{PORT}/{ACCOUNT}"
    known = {"name": name, "arn": arns[name], "region": region}
    return _emulated(uses, {**known, "url": f"{url}/{name}", "dead_letter_url": f"{url}/{dead}"}, setup)


def _topic_arn(entry: Entry[Any], system: str, region: str) -> str:
    return f"arn:aws:sns:{region}:{ACCOUNT}:{system}-{entry.name}{'.fifo' if entry.spec.fifo else ''}"


def _topic(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local:
    arn = _topic_arn(entry, system, region)
    name = arn.rpartition(":")[2]
    ordered = {"FifoTopic": "true", "ContentBasedDeduplication": "true"} if entry.spec.fifo else {}
    make = f"made aws sns create-topic --name {name}" + (f" --attributes {_json(ordered)}" if ordered else "")
    return _emulated(uses, {"name": name, "arn": arn, "region": region}, (make,))


def _volume(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local:
    """Return a volume of Docker, which the services mount themselves."""
    name = entry.name
    named = any(use.options.user is not None for use in uses)
    return Local(
        volumes=(name,),
        attributes={use.service: {"path": literal(use.options.mount), "id": "fs-local"} for use in uses},
        notes=(f"{name}: files belong to the user that each container runs as, not to `user`.",) if named else (),
    )


def _secret(entry: Entry[Any], uses: Sequence[Use[Any]], system: str, region: str) -> Local:
    keys = entry.spec.keys or ("value",)
    if entry.spec.from_ and entry.spec.keys:
        keys = ("value", *keys)
    variables = {key: _variable(entry.name, "", "" if key == "value" else key) for key in keys}
    known = {key: f"${{{variable}}}" for key, variable in variables.items()}
    people = bool(entry.spec.from_ or entry.spec.keys)
    note = (
        f"{entry.name}: {', '.join(variables.values())} in the env file have random values; write those that you use."
    )
    return Local(
        attributes={use.service: known for use in uses},
        generated=tuple(variables.values()),
        notes=(note,) if people else (),
    )


def _emulated(
    uses: Sequence[Use[Any]], known: Mapping[str, str], setup: Sequence[str], notes: Sequence[str] = ()
) -> Local:
    """Return what lies in the emulated AWS, whose users are told where that is and log in as nobody in particular."""
    return Local(
        attributes={use.service: known for use in uses},
        environment={
            "AWS_ENDPOINT_URL": f"http://{EMULATOR}:{PORT}",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        },
        after={f"{EMULATOR}-setup": "service_completed_successfully"},
        setup=tuple(setup),
        notes=tuple(notes),
    )


def emulator(setup: Sequence[str], buckets: Sequence[str], region: str) -> Local:
    """Return the container that plays AWS, and the one that makes in it what the manifest declares."""
    script = [
        "set -eu",
        # Version 1 of the AWS CLI heeds the variable for every service but SQS.
        'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }',
        "until aws sts get-caller-identity >/dev/null 2>&1; do sleep 1; done",
        "# What is there from an earlier start stays.",
        "made() {",
        '  said=$("$@" 2>&1) || case "$said" in',
        "    *AlreadyExists*|*AlreadyOwned*|*ResourceInUse*|*already*) ;;",
        '    *) echo "$said" >&2; exit 1;;',
        "  esac",
        "}",
        *setup,
    ]
    login = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": region}
    name = f"{EMULATOR}-setup"
    return Local(
        containers={
            EMULATOR: {
                "image": "docker.io/motoserver/moto:5.2.5",
                "ports": [f"127.0.0.1:{PUBLISHED}:{PORT}"],
                # SDKs put the name of a bucket before the host.
                "networks": {"default": {"aliases": [f"{bucket}.{EMULATOR}" for bucket in buckets]}},
            },
            name: {
                "image": "docker.io/amazon/aws-cli:2.31.0",
                "environment": {"AWS_ENDPOINT_URL": f"http://{EMULATOR}:{PORT}", **login},
                "entrypoint": ["sh", "/setup.sh"],
                "configs": [{"source": name, "target": "/setup.sh"}],
                "depends_on": [EMULATOR],
            },
        },
        configs={name: {"content": Block(literal("\n".join(script) + "\n"))}},
        notes=("aws: an emulated AWS in memory, which forgets everything when it stops and checks no permissions.",),
    )


def _json(thing: Any) -> str:
    return shlex.quote(json.dumps(thing, ensure_ascii=False))


def _variable(*words: str) -> str:
    return "_".join(names.variable(word) for word in words if word)


FORMS: Mapping[str, Callable[[Entry[Any], Sequence[Use[Any]], str, str], Local | None]] = {
    "databases": _database,
    "caches": _cache,
    "brokers": _broker,
    "buckets": _bucket,
    "tables": _table,
    "queues": _queue,
    "topics": _topic,
    "secrets": _secret,
    "volumes": _volume,
}
