"""msaspec: a whole microservice system in one YAML file, compiled into a CloudFormation template.

The stages are functions of `msaspec.pipeline`, loaded when they are first asked for:

    document = msaspec.load(text, "msa.yaml")
    compiled = msaspec.compile_main(document, environment="prod")
    print(msaspec.to_yaml(compiled.stack))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msaspec.diagnostics.diagnostic import Diagnostic, Invalid
    from msaspec.pipeline import compile_main, compile_system, environments, load, plan_of
    from msaspec.template.render import to_json, to_yaml

__version__ = "0.1.0"

__all__ = [
    "Diagnostic",
    "Invalid",
    "compile_main",
    "compile_system",
    "environments",
    "load",
    "plan_of",
    "to_json",
    "to_yaml",
]

_HOMES = {
    "Diagnostic": "diagnostics.diagnostic",
    "Invalid": "diagnostics.diagnostic",
    "to_json": "template.render",
    "to_yaml": "template.render",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"msaspec.{_HOMES.get(name, 'pipeline')}"), name)
    raise AttributeError(f"module 'msaspec' has no attribute {name!r}")
