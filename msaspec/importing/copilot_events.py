"""What services of Copilot publish and subscribe to: topics, and a queue for each worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from msaspec.importing.draft import Draft, Names
from msaspec.importing.ledger import Ledger
from msaspec.importing.tree import entries, is_number, items, plain, text_of
from msaspec.manifest import misshapen


class Import(Protocol):
    """What these functions need of an import."""

    draft: Draft
    ledger: Ledger
    names: Names


def topics(job: Import, services: Mapping[str, dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Write the topics that services publish to, and return their names by publisher and name in the source."""
    made: dict[tuple[str, str], str] = {}
    for name, tree in services.items():
        source = text_of(tree.get("name")) or name
        for each in items(entries(tree.get("publish")).get("topics")):
            written = text_of(entries(each).get("name")) or ""
            topic = job.names.new(written, "topic")
            made[source, written] = topic
            fifo = entries(each).get("fifo")
            ordered = bool(entries(fifo)) or (text_of(fifo) or "").lower() == "true"
            job.draft.at("topics")[topic] = {"fifo": True} if ordered else {}
            job.ledger.carried(entries(each).get("name"), f"topics.{topic}")
            if ordered and text_of(fifo):
                job.ledger.carried(fifo, f"topics.{topic}.fifo")
            spec = job.draft.data["services"][name]
            spec.setdefault("uses", {})[topic] = "publish"
            known = json.loads(spec.setdefault("env", {}).get("COPILOT_SNS_TOPIC_ARNS", "{}"))
            spec["env"]["COPILOT_SNS_TOPIC_ARNS"] = json.dumps(known | {written: f"${{{topic}.arn}}"})
        job.ledger.lost(tree.get("publish"), "options of the topic are those of msaspec")
    return made


def queues(job: Import, services: Mapping[str, dict[str, Any]], made: Mapping[tuple[str, str], str]) -> None:
    """Write the queue of each worker, with the topics that it takes messages from."""
    for name, tree in services.items():
        subscribed = entries(tree.get("subscribe"))
        if not subscribed:
            continue
        queue = job.names.new(f"{name}-events", "queue")
        spec: dict[str, Any] = {}
        place = f"queues.{queue}"
        for each in items(subscribed.get("topics")):
            key = text_of(entries(each).get("service")) or "", text_of(entries(each).get("name")) or ""
            if key not in made:
                job.ledger.lost(each, "no service of the import publishes to it: write the topic under `from`")
                job.draft.note(("queues", queue), f"The topic {key[1]} of {key[0]} is not part of the import.")
                continue
            taken: dict[str, Any] = {"raw": False}  # Programs of Copilot read the envelope of SNS.
            policy = plain(entries(each).get("filter_policy"))
            if isinstance(policy, dict) and policy:
                taken["filter"] = policy
                job.ledger.carried(entries(each)["filter_policy"], f"{place}.from.{made[key]}.filter")
            spec.setdefault("from", {})[made[key]] = taken
            for part in ("name", "service"):
                job.ledger.carried(entries(each).get(part), f"{place}.from.{made[key]}")
            job.ledger.lost(each, "all topics of a worker come into one queue; write another one under `queues`")
        _settings(job, entries(subscribed.get("queue")), spec, place)
        if any(job.draft.data["topics"][topic].get("fifo") for topic in spec.get("from", ())):
            spec["fifo"] = True
        job.draft.at("queues")[queue] = spec
        service = job.draft.data["services"][name]
        service.setdefault("uses", {})[queue] = "consume"
        service.setdefault("env", {})["COPILOT_QUEUE_URI"] = f"${{{queue}.url}}"
        job.ledger.lost(subscribed, "options of the queue are those of msaspec")


def _settings(job: Import, queue: dict[str, Any], spec: dict[str, Any], place: str) -> None:
    """Write the options of a queue."""
    if visible := misshapen.measure(text_of(queue.get("timeout")) or "", "s, min, h"):
        spec["visibility"] = visible
        job.ledger.carried(queue["timeout"], f"{place}.visibility")
    if kept := misshapen.measure(text_of(queue.get("retention")) or "", "s, min, h, days"):
        spec["keep"] = kept
        job.ledger.carried(queue["retention"], f"{place}.keep")
    tries = text_of(entries(queue.get("dead_letter")).get("tries")) or ""
    if is_number(tries) and int(tries) > 0:
        spec["dead_letter"] = int(tries)
        job.ledger.carried(entries(queue["dead_letter"])["tries"], f"{place}.dead_letter")
    if (text_of(queue.get("fifo")) or "").lower() == "true":
        spec["fifo"] = True
        job.ledger.carried(queue["fifo"], f"{place}.fifo")
