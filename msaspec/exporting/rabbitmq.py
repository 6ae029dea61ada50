"""The local form of a broker: RabbitMQ without TLS, with the same users, rights and virtual hosts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msaspec.aws.lambdas.broker_runner import RIGHTS
from msaspec.exporting.local import Block, Local, Tree
from msaspec.exporting.sql import CHECK
from msaspec.language.part import Entry, Use

PORT = "5672"
"""Of AMQP without TLS."""
FOLDER = "/etc/rabbitmq"


def local(entry: Entry[Any], uses: Sequence[Use[Any]], passwords: Mapping[str, str]) -> Local:
    """Return a broker. `passwords` are the variables of the env file by service."""
    name = entry.name
    hosts = sorted({"/", *(use.options.vhost for use in uses)})
    definitions = {
        "vhosts": [{"name": host} for host in hosts],
        "users": [
            {"name": use.service, "password": f"${{{passwords[use.service]}}}", "tags": ""}
            for use in sorted(uses, key=lambda use: use.service)
        ],
        "permissions": [
            {"user": use.service, "vhost": use.options.vhost, **RIGHTS[use.options.access]}
            for use in sorted(uses, key=lambda use: use.service)
        ],
    }
    files = {
        "definitions.json": json.dumps(definitions, indent=1) + "\n",
        "conf.d/90-definitions.conf": f"load_definitions = {FOLDER}/definitions.json\n",
    }
    sources = {file: f"{name}-{file.rpartition('/')[2].replace('90-', '').replace('.', '-')}" for file in files}
    container: Tree = {
        "image": f"docker.io/library/rabbitmq:{entry.spec.version}",
        "configs": [{"source": source, "target": f"{FOLDER}/{file}"} for file, source in sources.items()],
        # It listens once it has its users.
        "healthcheck": {"test": ["CMD", "rabbitmq-diagnostics", "-q", "check_port_connectivity"], **CHECK},
    }
    attributes = {}
    for use in uses:
        password, host = f"${{{passwords[use.service]}}}", use.options.vhost
        attributes[use.service] = {
            "host": name,
            "port": PORT,
            "address": f"{name}:{PORT}",
            "vhost": host,
            "username": use.service,
            "password": password,
            "url": f"amqp://{use.service}:{password}@{name}:{PORT}/{quote(host, safe='')}",
        }
    return Local(
        containers={name: container},
        configs={source: {"content": Block(files[file])} for file, source in sources.items()},
        attributes=attributes,
        after={name: "service_healthy"},
        generated=tuple(passwords.values()),
        notes=(f"{name}: AMQP without TLS on port {PORT}; on AWS with TLS on port 5671.",),
    )
