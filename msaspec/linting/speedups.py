"""Faster replacements for the hot spots of cfn-lint's walk over a template, with the same findings.

Nearly all of a lint is cfn-lint's own walk, and most of that is bookkeeping: a `Validator` and a `Context` are made
anew for each value, field by field through `dataclasses.fields`; each rule with a schema of its own builds another
dataclass; and the same lookups are repeated for each resource. `replaced` puts other functions in their place while it
is open. Each has the signature and the results of what it replaces, order included, so it could be a patch to cfn-lint.

That was tested for the versions in `TESTED`, over cfn-lint's own fixtures (`scripts/compare_lint`) and templates like
them (`tests/test_speedups.py`). Any other version of cfn-lint runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from threading import RLock
from typing import Any
from urllib.parse import urljoin

TESTED = frozenset({"1.58.0"})
"""The versions of cfn-lint whose findings are known to stay the same."""

_UNSET = object()
_ALONE = RLock()
"""Held while functions are replaced, so that two threads do not restore each other's."""


@contextmanager
def replaced(rules: Mapping[str, Any]) -> Iterator[bool]:
    """Speed up cfn-lint until the block ends, for the rules with which templates are linted there.

    Yields whether the installed cfn-lint is one of `TESTED`; else nothing is replaced. What is cached is forgotten at
    the end of the block, so a schema that is patched between two blocks is read anew.
    """
    if version("cfn-lint") not in TESTED:
        yield False
        return
    with _ALONE, ExitStack() as stack:
        for owner, name, replacement in replacements(rules):
            stack.callback(_put, owner, name, _put(owner, name, replacement))
        yield True


def _put(owner: Any, name: str, value: Any) -> Any:
    """Set an attribute, or the entry of a dictionary, and return what was there."""
    if isinstance(owner, dict):
        before = owner[name]
        owner[name] = value
        return before
    before = vars(owner).get(name, _UNSET)
    if value is _UNSET:
        delattr(owner, name)
    else:
        setattr(owner, name, value)
    return before


def replacements(rules: Mapping[str, Any]) -> Iterator[tuple[Any, str, Any]]:
    """Yield what to put where: a class, a module or a dictionary, a name there, and what replaces it."""
    from cfnlint.context.context import Context, Path
    from cfnlint.jsonschema import CfnTemplateValidator, StandardValidator, _keywords, _keywords_cfn, _utils
    from cfnlint.jsonschema._filter import FunctionFilter
    from cfnlint.rules import Rules
    from cfnlint.rules.jsonschema.Base import BaseJsonSchema
    from cfnlint.schema.resolver import RefResolver
    from cfnlint.template.template import Template

    yield Context, "evolve", evolve_context
    yield Path, "evolve", evolve
    yield Path, "descend", descend_path
    yield FunctionFilter, "evolve", evolve
    for validator in (CfnTemplateValidator, StandardValidator):
        yield validator, "evolve", evolve_validator
        keywords = validator({}).validators
        yield keywords, "enum", _listed(keywords["enum"])
    yield BaseJsonSchema, "extend_validator", _extend_validator(BaseJsonSchema.extend_validator)
    patterns = Patterns()
    for module in (_keywords, _keywords_cfn, _utils):
        yield module, "re", patterns
    yield RefResolver, "__post_init__", _post_init()
    yield RefResolver, "_get_subschemas_cache", _get_subschemas_cache(RefResolver._get_subschemas_cache)
    yield Template, "get_valid_getatts", _get_valid_getatts(Template.get_valid_getatts)
    yield Rules, "run_check", _run_check(Rules.run_check)
    # Rules are loaded as modules of their own, so their classes are found through them.
    if "E1101" in rules:
        yield type(rules["E1101"]), "cfnLint", _cfn_lint()
    if "E3030" in rules:
        yield type(rules["E3030"]), "enum", _listed_in_rule(type(rules["E3030"]).enum)


def evolve(self: Any, **changes: Any) -> Any:
    """Copy a value of a dataclass without a `__post_init__`, with changes."""
    new = object.__new__(self.__class__)
    new.__dict__.update(self.__dict__)
    new.__dict__.update(changes)
    return new


def evolve_context(self: Any, **changes: Any) -> Any:
    """Copy a `Context` with changes, and with its `module_names`, which depend on the resources alone."""
    if "ref_values" in changes:
        changes["ref_values"] = {**self.ref_values, **changes["ref_values"]}
    self.module_names  # noqa: B018  (a cached property, computed once instead of for each copy)
    new = object.__new__(self.__class__)
    new.__dict__.update(self.__dict__)
    new.__dict__.update(changes)
    if "resources" in changes:
        del new.__dict__["module_names"]
    return new


def evolve_validator(self: Any, **changes: Any) -> Any:
    """Copy a `Validator` with changes, and with the keywords that its class has or that it was extended by."""
    new = object.__new__(self.__class__)
    state = new.__dict__
    state.update(self.__dict__)
    state.update(changes)
    if "_extended" in state:
        state["validators"] = state["_extended"]
    if state["context"] is None or state["resolver"] is None:
        new.__post_init__()
    return new


def descend_path(self: Any, path: Any = None, value_path: Any = None, cfn_path: Any = None) -> Any:
    """Copy a `Path` with a step appended to each of its three paths for which one is given."""
    if cfn_path is not None:
        from cfnlint.context.context import FUNCTIONS

        if cfn_path in FUNCTIONS:
            raise ValueError(f"{cfn_path!r} cannot be in 'cfn_path'")
        if isinstance(cfn_path, int):
            raise ValueError(f"{cfn_path!r} cannot be an integer")
    new = object.__new__(self.__class__)
    state = new.__dict__
    state.update(self.__dict__)
    for name, step in (("path", path), ("value_path", value_path), ("cfn_path", cfn_path)):
        if step is not None:
            state[name] = longer = state[name].copy()
            longer.append(step)
    return new


def _extend_validator(stock: Callable[..., Any]) -> Callable[..., Any]:
    """`BaseJsonSchema.extend_validator`, which makes a dataclass of its own for each value that a rule looks at."""

    def extend_validator(self: Any, validator: Any, schema: Any, context: Any, validators: Any = None) -> Any:
        if type(validator).evolve is not evolve_validator:  # one that a custom rule has made
            return stock(self, validator, schema, context, validators)
        from cfnlint.schema.resolver import RefResolver

        new = validator.evolve(schema=schema, context=context, resolver=RefResolver.from_schema(schema))
        new.validators = new._extended = {**validator.validators, **self._get_validators(), **(validators or {})}
        return new

    return extend_validator


def _cfn_lint() -> Callable[..., Any]:
    """`CfnLint.cfnLint`, which compares each keyword with all keywords of all rules."""
    tables: dict[int, dict[str, list[Any]]] = {}

    def cfn_lint(self: Any, validator: Any, keywords: Any, instance: Any, schema: Any) -> Iterator[Any]:
        table = tables.get(id(self))
        if table is None:
            table = tables[id(self)] = {}
            for rule in self.child_rules.values():
                if rule is not None and rule.id:
                    for keyword in rule.keywords:
                        table.setdefault(keyword, []).append(rule)
        from cfnlint.jsonschema._utils import Unset

        validator = validator.evolve(function_filter=validator.function_filter.evolve(add_cfn_lint_keyword=False))
        for keyword in keywords:
            for rule in table.get(keyword, ()) if isinstance(keyword, str) else ():
                for error in rule.validate(validator, keyword, instance, schema):
                    if error.rule is None and isinstance(error.validator, Unset):
                        error.rule = rule
                    yield error

    return cfn_lint


def _is_listed(instance: Any, enums: Any) -> bool:
    """Whether a string is in a list as it is; where not, cfn-lint may still take it as equal to something there."""
    return isinstance(instance, str) and isinstance(enums, list) and instance in enums


def _listed(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return the keyword `enum`, which asks for each value whether it might be a boolean."""

    def enum(validator: Any, enums: Any, instance: Any, schema: Any) -> Any:
        return () if _is_listed(instance, enums) else stock(validator, enums, instance, schema)

    return enum


def _listed_in_rule(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same as a rule has it."""

    def enum(self: Any, validator: Any, enums: Any, instance: Any, schema: Any) -> Any:
        return () if _is_listed(instance, enums) else stock(self, validator, enums, instance, schema)

    return enum


class Patterns:
    """The module `regex`, whose own cache is slow because it also holds flags and the locale."""

    def __init__(self) -> None:
        regex: Any = import_module("regex")
        self._regex = regex
        self._compiled = lru_cache(maxsize=None)(regex.compile)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._regex, name)

    def search(self, pattern: Any, text: Any) -> Any:
        """Find a pattern in a text."""
        if isinstance(pattern, str):
            return self._compiled(pattern).search(text)
        return self._regex.search(pattern, text)


def _post_init() -> Callable[..., Any]:
    """`RefResolver.__post_init__`, which forgets with each resolver what was resolved in a schema before."""
    firsts: dict[int, Any] = {}
    joined = lru_cache(maxsize=None)(urljoin)

    def post_init(self: Any) -> None:
        self._scopes_stack = [self.base_uri]
        first = self
        if self.store is None:
            self.store = {}
            # The first one holds its schema, so that no other can have that id.
            first = firsts.setdefault(id(self.referrer), self)
        if first is not self:
            self._first = first  # for what is searched in the schema itself
        if self._urljoin_cache is None:
            self._urljoin_cache = joined
        if self._cache is None:
            self._cache = lru_cache(1024)(self.resolve_from_url) if first is self else first._cache
        if self._cache_cfn_pointer is None:
            self._cache_cfn_pointer = first.resolve_cfn_pointer

    return post_init


def _get_subschemas_cache(stock: Callable[..., Any]) -> Callable[..., Any]:
    """`RefResolver._get_subschemas_cache`, likewise."""

    def get_subschemas_cache(self: Any) -> Any:
        return stock(getattr(self, "_first", self))

    return get_subschemas_cache


def _get_valid_getatts(stock: Callable[..., Any]) -> Callable[..., Any]:
    """`Template.get_valid_getatts`, which lists the attributes of all resources for each `Fn::GetAtt`."""
    known: dict[int, tuple[Any, Any, Any]] = {}

    def get_valid_getatts(self: Any) -> Any:
        _, resources, found = known.get(id(self), (None, None, None))
        if resources is not self.context.resources:
            resources, found = self.context.resources, stock(self)
            known[id(self)] = self, resources, found
        return found

    return get_valid_getatts


def _run_check(stock: Callable[..., Any]) -> Callable[..., Any]:
    """`Rules.run_check`, which starts two generators for each rule and resource, whatever types the rule is for."""
    from cfnlint.rules import CloudFormationLintRule

    ordinary = CloudFormationLintRule.matchall_resource_properties

    def run_check(
        self: Any, check: Any, filename: Any, rule_id: str, config: Any, enabled_rule_ids: Any = frozenset(), *args: Any
    ) -> Any:
        if getattr(check, "__func__", None) is ordinary and args[3] not in check.__self__.resource_property_types:
            if rule_id in enabled_rule_ids:
                self._used_rules[rule_id] = self.data[rule_id]
            return ()
        return stock(self, check, filename, rule_id, config, enabled_rule_ids, *args)

    return run_check
