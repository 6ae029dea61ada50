"""A kind of resource: one section of the manifest, one file in `msaspec.kinds`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model, arguments
from msaspec.language.lending import Lent
from msaspec.language.part import (
    Alias,
    Changing,
    Connections,
    Door,
    Entry,
    Front,
    Offer,
    Part,
    Place,
    Site,
    Uploads,
    Use,
)
from msaspec.language.value import Token

Spec = TypeVar("Spec", bound=Model)
Options = TypeVar("Options", bound=Model)


class Kind(ABC, Generic[Spec, Options]):
    """What databases, buckets and their like have in common. Every method is pure.

    `Kind[Bucket, BucketUse]`: the model of an entry, and that of what a service may say when it uses one.
    """

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
    types: ClassVar[tuple[AwsType, ...]]
    """The types of resources that its entries become, and what is known of them."""
    isolated: ClassVar[bool] = False
    """Whether an entry is in the isolated subnets."""
    lent: ClassVar[Lent | None] = None
    """How other systems use an entry. None where they may not."""

    def __init_subclass__(cls) -> None:
        cls.model, cls.options = arguments(cls, Kind)

    links: ClassVar[tuple[str, ...]] = ()
    """Sections whose entries one of this kind may name, such as the topics of a queue."""

    def linked(self, entry: Entry[Spec]) -> Iterable[tuple[str, Path]]:
        """Yield the names of entries of `links` that an entry has in its fields, each with its place."""
        return ()

    @abstractmethod
    def build(self, entry: Entry[Spec], uses: Sequence[Use[Options]], site: Site) -> Part:
        """Compile an entry, with what each of its users needs."""

    @abstractmethod
    def offer(self, entry: Entry[Spec], use: Use[Options], place: Place) -> Offer:
        """Return what one user gets from an entry."""

    def common(self, entries: Sequence[tuple[Entry[Spec], Sequence[Use[Options]]]], site: Site) -> Part:
        """Compile what all entries of the kind share."""
        return Part()

    def front(self, entry: Entry[Spec]) -> Front | None:
        """Return how an entry can take the requests of the public load balancer; None where it cannot."""
        return None

    def connections(self, entry: Entry[Spec]) -> Connections | None:
        """Return how many connections an entry takes at a time; None where that is no concern of its users."""
        return None

    def named(self, entry: Entry[Spec]) -> Mapping[str, str]:
        """Return the attributes of an entry, each with what it is."""
        return self.attributes

    def alias(self, entry: Entry[Spec]) -> Alias | None:
        """Return the address of an entry that its own name can lead to; None for what has no address."""
        return None

    def existing(self, entry: Entry[Spec]) -> Mapping[str, str]:
        """Return the ARNs of what an entry names that is not in the stack, by the field that does."""
        return {}

    def begins_with(self, entry: Entry[Spec]) -> Mapping[str, str]:
        """Return the ARNs of snapshots that an entry begins with, by the field that names each."""
        return {}

    def settable(self, entry: Entry[Spec], place: Place) -> Mapping[str, str]:
        """Return the SSM parameters of an entry that people set, by the key of each."""
        return {}

    def changing(self, entry: Entry[Spec], uses: Sequence[Use[Options]], at: Place) -> Mapping[str, Changing]:
        """Return the secrets of an entry that can change when somebody says so, by the key of each: nothing for the
        only one."""
        return {}

    def uploads(self, entry: Entry[Spec]) -> Uploads | None:
        """Return the files that `msaspec deploy` uploads for an entry; None where there are none."""
        return None

    def files_of(self, options: Options) -> Mapping[str, str]:
        """Return the files of the manifest's folder that a use names, by the field that does."""
        return {}

    def emptied_by(self, use: Use[Options]) -> bool:
        """Return whether more copies of a user would sooner be done with what waits in an entry."""
        return False

    def doors(self, entry: Entry[Spec]) -> tuple[Door, ...]:
        """Return the ports that a user, and people on the bastion, may open a connection to."""
        return ()

    def abroad(self, options: Model) -> Mapping[str, Any]:
        """Return the fields of an entry of another system, as far as a use of it says them."""
        return self.lent.fields if self.lent else {}

    def known(self, entry: Entry[Spec]) -> Mapping[str, Any]:
        """Return what a use in another system has to say of an entry, since it decides on its own template."""
        return {}

    def guided(self, entry: Entry[Spec]) -> Mapping[str, Token]:
        """Return what guests need of an entry, by what it is called."""
        return {}

    def kept_back(self, entry: Entry[Spec]) -> tuple[str, str] | None:
        """Return why other systems cannot use an entry, and what to do; None where they can."""
        return None

    def check(self, entry: Entry[Spec], uses: Sequence[Use[Options]]) -> Iterable[Diagnostic]:
        """Check the kind's own rules, beyond the shape of the models."""
        return ()


AnyKind: TypeAlias = Kind[Any, Any]
