"""Which image tag each service gets: `msaspec.deploy.parameters`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msaspec.deploy.parameters import Source, filled, tags
from msaspec.diagnostics.diagnostic import Invalid
from tests import template
from tests.deploy.by_hand import MANIFEST, plan

TAGGED = MANIFEST.replace("image: user,", "image: 'user:3',")
RUNNING = {"CartImageTag": "1.0", "UserImageTag": "3"}


def deployed(text: str) -> dict[str, Any]:
    """The template that a manifest was deployed with."""
    return template.template_of(text)


def chosen(text: str, words: dict[str, str] | None = None, *before: Any) -> dict[str, tuple[str, Source]]:
    """Tag and source by service."""
    return {tag.service: (tag.value, tag.source) for tag in tags(plan(text), words or {}, {}, *before)}


def refused(text: str, words: dict[str, str]) -> list[str]:
    """Code, line and message of everything that is wrong, with the hint."""
    with pytest.raises(Invalid) as caught:
        tags(plan(text), words, {})
    return [f"{d.code} {d.span and d.span.line} {d.message} {d.hint}" for d in caught.value.diagnostics]


def test_the_first_deployment_takes_the_tags_of_the_manifest() -> None:
    """Without a stack the manifest's tags are deployed; an image of another registry has no parameter."""
    assert chosen(TAGGED) == {"cart": ("1.0", Source.MANIFEST), "user": ("3", Source.MANIFEST)}


def test_a_tag_knows_its_parameter_and_its_image() -> None:
    """A tag carries what the stack, the repository and the manifest call it."""
    (cart, _) = tags(plan(TAGGED), {"cart": "2"}, {})
    found = (cart.service, cart.parameter, cart.repository, cart.value, cart.written)
    assert found == ("cart", "CartImageTag", "cart", "2", "1.0")


def test_the_word_of_the_command_line_wins() -> None:
    """`--tag` comes before an edit of the manifest and before what runs."""
    edited = TAGGED.replace("cart:1.0", "cart:1.1")
    assert chosen(edited, {"cart": "9"}, RUNNING, deployed(TAGGED))["cart"] == ("9", Source.WORD)


def test_an_edit_of_the_manifest_wins_over_what_runs() -> None:
    """A tag that differs from that of the deployed template was edited since, and is deployed."""
    edited = TAGGED.replace("cart:1.0", "cart:1.1")
    running = {**RUNNING, "CartImageTag": "2.0"}
    assert chosen(edited, {}, running, deployed(TAGGED))["cart"] == ("1.1", Source.MANIFEST)


def test_a_tag_that_is_written_for_the_first_time_is_an_edit() -> None:
    """The deployed template had no default, and the manifest has a tag now."""
    running = {"CartImageTag": "1.0", "UserImageTag": "7"}
    assert chosen(TAGGED, {}, running, deployed(MANIFEST))["user"] == ("3", Source.MANIFEST)


def test_without_an_edit_what_runs_stays() -> None:
    """A tag given by `--tag` earlier is kept by later deployments of the same manifest."""
    running = {"CartImageTag": "2.0", "UserImageTag": "3"}
    found = chosen(TAGGED, {}, running, deployed(TAGGED))
    assert found == {"cart": ("2.0", Source.RUNNING), "user": ("3", Source.MANIFEST)}


def test_a_service_without_a_tag_keeps_what_runs() -> None:
    """A manifest that never names a tag leaves the deployed one alone."""
    running = {"CartImageTag": "1.0", "UserImageTag": "7"}
    assert chosen(MANIFEST, {}, running, deployed(MANIFEST))["user"] == ("7", Source.RUNNING)


def test_a_new_service_takes_the_tag_of_the_manifest() -> None:
    """What the stack does not have yet comes from the manifest, beside what runs."""
    before = TAGGED.replace("  user: {image: 'user:3', port: 8001}\n", "")
    found = chosen(TAGGED, {}, {"CartImageTag": "2.0"}, deployed(before))
    assert found == {"cart": ("2.0", Source.RUNNING), "user": ("3", Source.MANIFEST)}


def test_what_a_failed_creation_left_does_not_stay() -> None:
    """Of a stack that never came up there is no template, and the manifest's tag may be the correction."""
    assert chosen(TAGGED, {}, {**RUNNING, "CartImageTag": "broken"}, {})["cart"] == ("1.0", Source.MANIFEST)


def test_no_tag_anywhere_is_a_fault_of_the_image() -> None:
    """A service that no tag is known of is told on the line of its image, with both ways out."""
    (said,) = refused(MANIFEST, {})
    assert said.startswith("MSA520 6 The image of `user` has no tag")
    assert "`user:1.0`" in said
    assert "`--tag user=TAG`" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"crat": "1"}, "MSA521 4 `--tag` names `crat`, which is not a service. Did you mean `cart`?"),
        ({"x": "1"}, "which is not a service. Tags apply to services with an image of the system."),
        ({"web": "1.30"}, "MSA521 7 `--tag web=1.30` has no effect: the image of `web` is in another registry."),
        ({"cart": "a b"}, "MSA521 5 `a b` is not an image tag."),
        ({"cart": "-v"}, "MSA521 5 `-v` is not an image tag."),
        ({"cart": "1.0\n"}, "is not an image tag."),
        ({"cart": "a" * 129}, "is not an image tag."),
    ],
)
def test_a_word_for_nothing_is_refused(words: dict[str, str], said: str) -> None:
    """An unknown service, an image of another registry, and what is no tag are faults of `--tag`."""
    (found,) = refused(TAGGED, words)
    assert said in found


def test_all_faults_are_told_at_once() -> None:
    """A stranger, a malformed tag, and a service without a tag stand in one answer."""
    found = refused(MANIFEST, {"crat": "1", "cart": "/"})
    assert sorted(said[:6] for said in found) == ["MSA520", "MSA521", "MSA521"]


TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}", fullmatch=True)


@given(
    written=st.none() | TAGS,
    word=st.none() | TAGS,
    running=st.none() | TAGS,
    default=st.none() | TAGS,
    again=st.booleans(),
)
def test_deploying_twice_changes_no_tag(
    written: str | None, word: str | None, running: str | None, default: str | None, again: bool
) -> None:
    """Whatever was there before, the same manifest brings the same tags again, with and without the same words."""
    if (written, word, running) == (None, None, None):
        return
    cart = plan(
        MANIFEST.replace("'cart:1.0'", f"'cart:{written}'" if written else "cart").replace(
            "image: user,", "image: 'user:3',"
        )
    )
    words = {"cart": word} if word else {}

    def template_with(tag: str | None) -> dict[str, Any]:
        return {"Parameters": {"CartImageTag": {"Default": tag} if tag else {}, "UserImageTag": {"Default": "3"}}}

    before = ({"CartImageTag": running, "UserImageTag": "3"}, template_with(default)) if running else ()
    first = {tag.parameter: tag.value for tag in tags(cart, words, {}, *before)}
    second = tags(cart, words if again else {}, {}, first, template_with(written))
    assert first == {tag.parameter: tag.value for tag in second}


def test_values_become_defaults() -> None:
    """The comparison of templates sees the values as defaults; what is no parameter is left out, nothing is changed."""
    before = {"Parameters": {"A": {"Type": "String"}, "B": {"Default": "b"}}, "Resources": {}}
    found = filled(before, {"A": "1", "C": "3"})
    assert found == {
        "Parameters": {"A": {"Type": "String", "Default": "1"}, "B": {"Default": "b"}},
        "Resources": {},
    }
    assert before["Parameters"] == {"A": {"Type": "String"}, "B": {"Default": "b"}}
    assert filled({"Resources": {}}, {"A": "1"}) == {"Resources": {}}
