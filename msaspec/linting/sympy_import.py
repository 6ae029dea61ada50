"""sympy, of which cfn-lint imports the logic of propositions and would load the whole of algebra with it.

Importing sympy takes as long as linting a small template. `prepare` puts a package in its place that has what cfn-lint
imports, from sympy's own modules. It becomes the whole of sympy before anything else is asked of it: another name, or
another module, as sympy itself imports some in the midst of its functions. A template with conditions needs that, one
without does not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from importlib.util import find_spec
from types import ModuleType
from typing import Any

TESTED = frozenset({"1.14.0"})
"""The versions of sympy that can be imported so. Any other is imported as it is."""

_MODULES = {
    "core.symbol": ("Dummy", "Symbol"),
    "logic.boolalg": ("And", "Equivalent", "Implies", "Not", "Or"),
    "logic.inference": (),
    "assumptions.cnf": (),
}
"""The modules that cfn-lint imports, and the names in them that it imports from the package itself."""


def prepare() -> None:
    """Make sympy ready for the import of cfn-lint, unless it has been imported already or is of another version."""
    if "sympy" in sys.modules or version("sympy") not in TESTED:
        return
    spec = find_spec("sympy")
    if spec is None or spec.loader is None or spec.submodule_search_locations is None:
        return
    package = sys.modules["sympy"] = _Sympy(spec, spec.loader)
    for module, names in _MODULES.items():
        there = import_module(f"sympy.{module}")
        for name in names:
            setattr(package, name, getattr(there, name))
    sys.meta_path.insert(0, _Finder(package))


class _Sympy(ModuleType):
    """The package with few names, until another is asked for."""

    def __init__(self, spec: ModuleSpec, loader: Loader) -> None:
        super().__init__(spec.name)
        self.loader = loader
        self.__spec__ = spec
        self.__file__ = spec.origin
        self.__loader__ = loader
        self.__package__ = spec.name
        self.__path__ = list(spec.submodule_search_locations or ())

    def __getattr__(self, name: str) -> Any:
        # Python's own machinery asks modules for names that few have.
        foreign = name.startswith("__") and name not in ("__all__", "__version__")
        if foreign or not _complete(self):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self, name)


def _complete(package: ModuleType) -> bool:
    """Load the whole of sympy into the package; returns whether that was to be done."""
    if not isinstance(package, _Sympy):
        return False
    loader = vars(package).pop("loader")
    # From here on an ordinary package, also while it is loaded.
    package.__class__ = ModuleType  # type: ignore[assignment]
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "package", None) is not package]
    loader.exec_module(package)
    return True


class _Finder(MetaPathFinder):
    """Completes the package before a module of it is imported that it does not have yet."""

    def __init__(self, package: ModuleType) -> None:
        self.package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module as the package has imported it meanwhile; None for other packages' modules."""
        if fullname.startswith(f"{self.package.__name__}.") and _complete(self.package):
            module = sys.modules.get(fullname)
            return ModuleSpec(fullname, _Loaded(module)) if module else None
        return None


class _Loaded(Loader):
    """Loads a module that has been loaded."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module as it is."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own specification back."""
        module.__spec__ = self._spec
