"""Faults of shape and faults of meaning are told together."""

from __future__ import annotations

import pytest

from msaspec import pipeline
from msaspec.diagnostics.diagnostic import Invalid

HEAD = "msaspec: 1\nname: shop\nnetwork: {placement: public}\n"


def codes(manifest: str) -> list[tuple[int, str]]:
    """Line and code of each diagnostic."""
    with pytest.raises(Invalid) as raised:
        pipeline.compile_main(pipeline.load(manifest, "msa.yaml"))
    return [(d.span.line if d.span else 0, d.code) for d in raised.value.diagnostics]


def test_faults_of_meaning_beside_faults_of_shape() -> None:
    """A wrong type in one service does not hide a credential and an unknown reference in another."""
    manifest = HEAD + (
        "services:\n"
        "  web: {image: web:1, port: eighty}\n"
        "  api: {image: api:1, port: 80, env: {PASSWORD: hunter2, X: '${nope.host}'}}\n"
    )
    assert codes(manifest) == [(5, "MSA204"), (6, "MSA304"), (6, "MSA220")]


def test_no_fault_follows_from_what_was_cut_out() -> None:
    """A service whose port is wrong is not also called a worker, and its callers are not blamed."""
    manifest = HEAD + (
        "services:\n"
        "  web: {image: web:1, port: eighty, paths: [/w], health: /w/up}\n"
        "  api: {image: api:1, uses: [web], env: {W: '${web.url}'}}\n"
    )
    assert codes(manifest) == [(5, "MSA204")]


def test_an_entry_without_a_required_key_is_left_out_whole() -> None:
    """A service without an image says so once, and nothing is said of who uses it."""
    manifest = HEAD + "services:\n  web: {port: 80}\n  api: {image: api:1, uses: [web], scale: {min: 2, max: 1}}\n"
    assert codes(manifest) == [(5, "MSA202"), (6, "MSA204")]


def test_faulty_list_items_are_cut_from_the_end() -> None:
    """Several faulty items of one list are told apart, and the rest of the manifest is still read."""
    paths = ", ".join(["/a", "b", "/c", "d", *[f"/e{number}" for number in range(8)], "f"])
    manifest = HEAD + (
        "services:\n"
        f"  web: {{image: web:1, port: 80, paths: [{paths}], health: /a}}\n"
        "  api: {image: api:1, port: 80, paths: [/x], health: /y}\n"
    )
    assert codes(manifest) == [(5, "MSA204")] * 3 + [(6, "MSA302")]


def test_the_name_of_the_system_hides_nothing() -> None:
    """Where it is wrong, all the rest is looked at all the same."""
    manifest = HEAD.replace("shop", "Shop!") + "services: {api: {image: api:1, env: {PASSWORD: hunter2}}}\n"
    assert codes(manifest) == [(2, "MSA204"), (4, "MSA304")]


@pytest.mark.parametrize("name", ["c", "My_Cache", "1st"])
def test_what_is_found_behind_a_wrong_name_has_the_name_that_is_written(name: str) -> None:
    """An entry whose name is wrong is looked at under another one, which no message and no hint shows."""
    manifest = HEAD + (
        f"caches: {{{name}: {{engine: memcached}}}}\n"
        f"services: {{api: {{image: api:1, port: 80, uses: {{{name}: {{prefix: x}}}}}}}}\n"
    )
    with pytest.raises(Invalid) as raised:
        pipeline.compile_main(pipeline.load(manifest, "msa.yaml"))
    found = {each.code: each for each in raised.value.diagnostics}
    assert f"`{name}`" in found["MSA355"].message
    assert all(f"{name}-x" not in f"{each.message} {each.hint}" for each in found.values())


def test_a_fault_behind_a_wrong_name_is_told_once() -> None:
    """What is wrong with an entry and with its name is found under both of its names."""
    assert codes(HEAD + "caches: {c: {tls: false, auth: true}}\nservices: {api: {image: api:1, port: 80}}\n") == [
        (4, "MSA204"),
        (4, "MSA204"),
    ]


def test_faults_of_yaml_hide_no_others() -> None:
    """A value that YAML versions read differently and a key that stands twice are told with everything else."""
    manifest = HEAD + (
        "services:\n"
        "  web: {image: web:1, port: 22:22, helth: /up}\n"
        "  api: {image: api:1, prot: 80, image: api:2}\n"
        "  job: {image: job:1, env: {PASSWORD: hunter2}, health: /up}\n"
    )
    assert codes_of_text(manifest) == [
        (5, "MSA109"),
        (5, "MSA201"),
        (6, "MSA201"),
        (6, "MSA108"),
        (7, "MSA304"),
        (7, "MSA303"),
    ]


def codes_of_text(manifest: str) -> list[tuple[int, str]]:
    """Line and code of each diagnostic of a text that does not load."""
    with pytest.raises(Invalid) as raised:
        pipeline.load(manifest, "msa.yaml")
    return [(d.span.line if d.span else 0, d.code) for d in raised.value.diagnostics]


def test_two_entries_of_one_name_are_told_and_nothing_that_follows() -> None:
    """Which of the two a use means is in doubt, so only what is wrong with either is told, and no name is made up."""
    manifest = HEAD + (
        "secrets: {relay: {keys: [password]}}\n"
        "services:\n"
        "  relay: {image: relay:1, port: 587/tcp, ports: {smtp: 25/tcp}, env: {A_PASSWORD: '${relay.password}'}}\n"
        "  app: {image: app:1, port: 80, uses: {relay: {ports: [smtp]}}, env: {X: '${relay.password}'}}\n"
    )
    assert codes(manifest) == [(6, "MSA214")]


@pytest.mark.parametrize(
    "place",
    [
        "env: {DB_PASSWORD: '${nothing.password}'}",
        "command: [run, '${nothing.host}']",
        "files: {/opt/app/x: {text: '${nothing.url}'}}",
        "sidecars: {side: {image: public.ecr.aws/nginx/nginx:1, env: {DB_PASSWORD: '${nothing.password}'}}}",
        "sidecars: {side: {image: public.ecr.aws/nginx/nginx:1, command: ['${nothing.host}']}}",
    ],
)
def test_what_refers_to_an_unknown_use_is_told_with_it(place: str) -> None:
    """A name under `uses` that nothing has is one fault, wherever a text of the service refers to it."""
    manifest = HEAD + f"services:\n  app: {{image: app:1, port: 80, uses: {{nothing: }}, {place}}}\n"
    assert codes(manifest) == [(5, "MSA210")]
