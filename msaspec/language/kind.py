"""A kind of resource: one section of the manifest, one file in `msaspec.kinds`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from msaspec.diagnostic import Diagnostic
from msaspec.language.base import Model
from msaspec.language.part import Door, Entry, Offer, Part, Site, Use


class Kind(ABC):
    """What databases, buckets and their like have in common. Every method is pure."""

    section: ClassVar[str]
    """The manifest's section, such as ``databases``."""
    noun: ClassVar[str]
    """One of them in a sentence: ``database``."""
    model: ClassVar[type[Model]]
    """An entry of the section."""
    options: ClassVar[type[Model]]
    """What a service may say when it uses one."""
    attributes: ClassVar[Mapping[str, str]]
    """Names for references, each with what it is."""
    isolated: ClassVar[bool] = False
    """Whether an entry stands in the isolated subnets."""

    @abstractmethod
    def build(self, entry: Entry, uses: Sequence[Use], site: Site) -> Part:
        """What an entry becomes, with what each of its users needs."""

    @abstractmethod
    def offer(self, entry: Entry, use: Use, site: Site) -> Offer:
        """What one user gets from an entry."""

    def common(self, entries: Sequence[tuple[Entry, Sequence[Use]]], site: Site) -> Part:
        """What all entries of the kind share."""
        return Part()

    def distribution(self, entry: Entry) -> str | None:
        """Logical id of the CloudFront distribution in front of an entry, where it has one."""
        return None

    def doors(self, entry: Entry) -> tuple[Door, ...]:
        """Ports that a user, and people on the bastion, may open a connection to."""
        return ()

    def check(self, entry: Entry, uses: Sequence[Use]) -> Iterable[Diagnostic]:
        """The kind's own rules, beyond the shape of the models."""
        return ()
