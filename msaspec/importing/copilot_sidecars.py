"""Sidecars of Copilot's services."""

from __future__ import annotations

import shlex
from typing import Any

from msaspec.importing import stores, variables
from msaspec.importing.draft import Draft, Names
from msaspec.importing.ledger import Ledger
from msaspec.importing.tree import entries, is_number, items, text_of

_STARTS = {"success": "first", "complete": "first", "healthy": "before", "start": "before"}
WHY = {
    "mount_points": "containers share no files; a file of the manifest is `files`",
    "credentials_parameter": "push the image to a registry that needs no login",
    "variables": "the value is the output of another stack, or belongs to a secret",
    "secrets": "a sidecar has `env` with references, such as `${main.url}`; a secret is a `file`",
    "build": "a sidecar is an image with its registry: build and push it, and name it",
}


def write(draft: Draft, ledger: Ledger, path: tuple[str, str], tree: dict[str, Any], spec: dict[str, Any]) -> None:
    """Write the sidecars of a service, and which of them takes its requests."""
    place = ".".join(path)
    first = _order(tree)
    taken = Names()
    for written, each in entries(tree.get("sidecars")).items():
        known, name = entries(each), taken.new(str(written), "sidecar")
        at = f"{place}.sidecars.{name}"
        image = text_of(known.get("image"))
        if image is None or "$" in image:
            draft.note(
                path, f"The sidecar {name} is built, or its image has a variable. Name an image with a registry."
            )
            ledger.lost(each, WHY["build"])
            continue
        made: dict[str, Any] = {"image": stores.full_name(image)}
        ledger.carried(known.get("image"), f"{at}.image")
        for key in ("command", "entrypoint"):
            if words := _words(known.get(key)):
                made[key] = words
                ledger.carried(known.get(key), f"{at}.{key}")
        if (text_of(known.get("essential")) or "").lower() == "false":
            made["essential"] = False
        ledger.carried(known.get("essential"), f"{at}.essential")
        for key, leaf in entries(known.get("variables")).items():
            text = text_of(leaf)
            if text is not None and not variables.is_secret(str(key), text):
                made.setdefault("env", {})[str(key)] = variables.escaped(text)
                ledger.carried(leaf, f"{at}.env.{key}")
        if str(written) in first:
            made["starts"] = first[str(written)]
            if made["starts"] == "first":
                made.pop("essential", None)
        target = tree.get("http") and entries(tree["http"]).get(
            "target_container", entries(tree["http"]).get("targetContainer")
        )
        port = (text_of(known.get("port")) or "").partition("/")[0]
        if text_of(target) == str(written) and is_number(port):
            spec |= {"front": name, "port": int(port)}
            ledger.carried(target, f"{place}.front")
            ledger.carried(known.get("port"), f"{place}.port")
        ledger.replaced(known.get("port"), "containers of a copy share its network: it is reached at localhost")
        for key, why in WHY.items():
            ledger.lost(known.get(key), why)
        ledger.lost(each, "msaspec has no such key of a sidecar")
        spec.setdefault("sidecars", {})[name] = made
    depends = entries(entries(tree.get("image")).get("depends_on"))
    for key, leaf in depends.items():
        if key in first:
            ledger.carried(leaf, f"{place}.sidecars.{key}.starts")


def _order(tree: dict[str, Any]) -> dict[str, str]:
    """Return when sidecars start that the service waits for."""
    waits = entries(entries(tree.get("image")).get("depends_on"))
    return {
        str(key): _STARTS[text] for key, leaf in waits.items() if (text := (text_of(leaf) or "").lower()) in _STARTS
    }


def _words(tree: Any) -> list[str]:
    try:
        return (
            [text_of(each) or "" for each in items(tree)]
            if isinstance(tree, list)
            else shlex.split(text_of(tree) or "")
        )
    except ValueError:
        return []
