"""A site on a developer's machine: nginx leads paths to files, as the function of CloudFront does, or to services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msaspec.exporting.local import Block, Local, literal
from msaspec.language.base import Model
from msaspec.language.part import Uploads
from msaspec.language.runtime import AnyRuntime, Workload

IMAGE = "docker.io/library/nginx:1.29-alpine"
FOLDER = "/usr/share/nginx/html"
CONFIG = "/etc/nginx/conf.d/default.conf"
PORT = 80
RESOLVER = "127.0.0.11"
"""The one of Docker, in each container."""


@dataclass(frozen=True)
class Route:
    """A path whose requests a service answers."""

    path: str
    server: str
    """`host:port`"""
    strip: bool = False
    """Whether the service sees the path without it."""


def routes(workloads: Iterable[tuple[AnyRuntime, Workload[Model]]]) -> tuple[Route, ...]:
    """Return the public paths of the services behind the load balancer, in order."""
    found = [
        Route(each.path, f"{workload.name}:{port.number}", workload.spec.strip)
        for runtime, workload in workloads
        if runtime.behind_balancer
        for each in workload.spec.paths
        if (port := workload.spec.port_of(each.port))
    ]
    return tuple(sorted(found, key=lambda route: route.path))


def of(uploads: Uploads, folder: str, number: int, routes: Sequence[Route]) -> Local:
    """Return the server of a site: its folder, as compose names it, at a port of the machine."""
    name = f"{uploads.entry}-site"
    mounted = {"type": "bind", "source": literal(folder), "target": FOLDER, "read_only": True}
    return Local(
        containers={
            uploads.entry: {
                "image": IMAGE,
                "ports": [f"127.0.0.1:{number}:{PORT}"],
                "volumes": [mounted],
                "configs": [{"source": name, "target": CONFIG}],
            }
        },
        configs={name: {"content": Block(literal(config(uploads.pages, routes)))}},
        notes=(f"{uploads.entry}: the site is at http://localhost:{number}, from its folder.",),
    )


def config(pages: Mapping[str, str], routes: Sequence[Route], folder: str = FOLDER, listen: str = str(PORT)) -> str:
    """Return the configuration of the server. `pages` are the names of `index` and, if there is one, `fallback`."""
    return "\n".join(_lines(pages, routes, folder, listen)) + "\n"


def _lines(pages: Mapping[str, str], routes: Sequence[Route], folder: str, listen: str) -> Iterator[str]:
    # nginx has no other way to write a dollar.
    yield 'geo $dollar { default "$"; }'
    yield 'map $http_upgrade $upgrading { default upgrade; "" close; }'
    yield "server {"
    yield f"  listen {listen};"
    yield f"  root {_quoted(folder)};"
    yield f"  resolver {RESOLVER} valid=5s;"
    yield "  absolute_redirect off;"
    yield "  client_max_body_size 0;"
    for number, route in enumerate(routes):
        below = route.path.rstrip("/") + "/"
        for match in dict.fromkeys((f"= {_literal(route.path)}", f"^~ {_literal(below)}")):
            yield f"  location {match} {{"
            # By a variable, so that the name is asked for again when the service starts anew.
            yield f"    set $server_{number} {_quoted(route.server)};"
            if route.strip:
                length = len(route.path.rstrip("/"))
                yield f'    rewrite "^.{{{length}}}/?(.*)$" /$1 break;'
            yield f"    proxy_pass http://$server_{number};"
            yield "    proxy_http_version 1.1;"
            yield "    proxy_set_header Host $http_host;"
            yield "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
            yield "    proxy_set_header X-Forwarded-Proto $scheme;"
            yield "    proxy_set_header Upgrade $http_upgrade;"
            yield "    proxy_set_header Connection $upgrading;"
            yield "  }"
    if any(route.path == "/" for route in routes):
        yield "}"
        return
    yield "  location ^~ /.well-known/ { try_files $uri =404; }"
    yield r"  location ~ \.[^/]*$ { try_files $uri =404; }"
    if "fallback" in pages:
        yield f"  location = / {{ try_files {_quoted('/' + pages['index'])} =404; }}"
        yield f"  location / {{ try_files {_quoted('/' + pages['fallback'])} =404; }}"
    else:
        yield f"  location ~ /$ {{ try_files {_quoted(pages['index'], before='${uri}')} =404; }}"
        yield "  location / { return 301 $uri/$is_args$args; }"
    yield "}"


def _literal(text: str) -> str:
    """Return a path as a word of nginx, in a place where it reads no variables."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quoted(text: str, before: str = "") -> str:
    """Return a text as a word of nginx, in which `before` is a variable."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "${dollar}")
    return f'"{before}{escaped}"'
