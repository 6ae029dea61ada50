"""Rules of load balancers, as a patch can leave them: their numbers and their conditions."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template.resources import Resource, inner, items, numbered, same
from msaspec.template.stack import Stack

SAME_PRIORITY = Code(
    "MSA419",
    "Two rules of a listener with the same priority",
    """
    Each rule of a listener needs its own priority. The priorities of rules for `paths` and `hosts` depend only on the
    rule; give a rule that a patch adds an unused number.
    """,
)
REFUSED_CONDITION = Code(
    "MSA420",
    "A condition that a rule cannot have",
    """
    All conditions of a rule together have at most five values, and a value has at most 128 characters. A path pattern
    begins with `/` (or with a wildcard), because every path does, and holds only letters, digits, any of
    `_-.$/~"'@:+&` and the wildcards `*` and `?` (ELB API, RuleCondition).
    """,
)

VALUES = 5
# fact: rule-conditions
CHARACTERS = 128
_PATTERN = frozenset(string.ascii_letters + string.digits + "_-.$/~\"'@:+&*?")
_CONFIGURED = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
}
_CONFIGURED |= {"query-string": "QueryStringConfig", "source-ip": "SourceIpConfig"}
_CONFIGURED |= {"http-request-method": "HttpRequestMethodConfig"}


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Every rule has a number of its own, and conditions that Elastic Load Balancing takes."""
    first: dict[tuple[str, str], Resource] = {}
    for rule in stack.resources.of("AWS::ElasticLoadBalancingV2::ListenerRule"):
        yield from _conditions(rule, stack)
        if rule.conditional or rule.get("Priority") is None:
            continue
        key = same(rule.get("ListenerArn")), same(rule.get("Priority"))
        other = first.setdefault(key, rule)
        if other is not rule:
            message = f"The rules `{other.name}` and `{rule.name}` of one listener have the same priority."
            paths = [each.at(key) for each in (rule, other) for key in ("Priority", "ListenerArn")]
            yield stack.fault(SAME_PRIORITY, message, "Give one of them another number.", *paths)


def _conditions(rule: Resource, stack: Stack) -> Iterator[Diagnostic]:
    count = 0
    for number, condition in numbered(rule.get("Conditions")):
        for steps, values in _values(condition):
            count += len(values)
            for position, value in enumerate(values):
                if why := _refused(condition.get("Field"), steps, value):
                    message = f"A condition of the rule `{rule.name}` is refused: {why}."
                    path = rule.at("Conditions", number, *steps, position)
                    yield stack.fault(REFUSED_CONDITION, message, "Write another value.", path)
    if count > VALUES:
        message = f"The conditions of the rule `{rule.name}` have {count} values together; a rule takes {VALUES}."
        yield stack.fault(REFUSED_CONDITION, message, "Split it into two rules.", rule.at("Conditions"))


def _values(condition: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield the lists of values of a condition, each with the keys that lead to it."""
    config = _CONFIGURED.get(str(condition.get("Field")), "")
    for steps in (("Values",), (config, "Values"), (config, "RegexValues")):
        if values := items(inner(condition, *steps)):
            yield steps, values


def _refused(field: Any, steps: tuple[str, ...], value: Any) -> str | None:
    if not isinstance(value, str) or "{{resolve:" in value:
        return None
    if len(value) > CHARACTERS:
        return f"a value has {len(value)} characters, and {CHARACTERS} are allowed"
    if field != "path-pattern" or steps[-1] != "Values":
        return None
    if not value.startswith(("/", "*", "?")):
        return f"the path pattern `{value}` does not begin with `/`"
    if wrong := "".join(sorted(set(value) - _PATTERN)):
        return f"the path pattern `{value}` contains `{wrong}`, which is not allowed"
    return None
