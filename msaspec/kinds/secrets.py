"""Secrets that services share: generated for the system, set by people, or existing; a use grants the reading.

What people set is a parameter of Systems Manager, encrypted, whose name follows from the manifest. It can be set before
anything is deployed, and a service that reads it needs no ARN that only AWS knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from troposphere import secretsmanager

from msaspec.aws.data import secretsmanager as secrets
from msaspec.language import secret_place
from msaspec.language.base import Items, Model
from msaspec.language.kind import Kind
from msaspec.language.part import Changing, Entry, Offer, Part, Place, Site, Statement, Use
from msaspec.language.service import KeyArns, SecretName
from msaspec.language.value import Secret as SecretValue
from msaspec.language.value import Token, Value
from msaspec.template import names

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
# fact: secret-length
LONGEST = 4096
"""Characters that Secrets Manager generates at most (registry schema of AWS::SecretsManager::Secret)."""


class SharedSecret(Model):
    """A secret of the system. Without fields it is generated: 32 letters and digits."""

    length: int = Field(
        32,
        ge=16,
        le=LONGEST,
        description="Number of letters and digits that are generated. Another number generates a new value.",
        examples=[64],
    )
    from_: SecretName | None = Field(
        None,
        alias="from",
        description="Use an existing secret: the full ARN of one in Secrets Manager, or the path of an SSM parameter.",
        examples=["/shop/${system.environment}/signing-key"],
    )
    keys: Items[Key] = Field(
        (),
        description="Keys that people set with `msaspec secret set NAME KEY`; with `from`, keys of the JSON of an"
        " existing secret in Secrets Manager. Each is an attribute and a variable.",
        examples=[["api_key"], ["username", "password"]],
    )
    kms_key: KeyArns = Field(
        (),
        description="ARN of the customer's KMS key that the existing secret is encrypted with.",
        examples=["arn:aws:kms:eu-west-1:123456789012:key/1b2c3d4e-1111-2222-3333-444455556666"],
    )

    @model_validator(mode="after")
    def _fits(self) -> SharedSecret:
        if self.from_ is None:
            if self.kms_key:
                raise PydanticCustomError(
                    "together", "`kms_key` is for an existing secret; name it under `from`", {"field": "kms_key"}
                )
            if self.keys and "length" in self.model_fields_set:
                raise PydanticCustomError(
                    "together", "`length` is for a generated secret; people set `keys`", {"field": "length"}
                )
            return self._with_keys_once()
        place = secret_place.parse(self.from_)
        if "length" in self.model_fields_set:
            raise PydanticCustomError(
                "together", "`length` is for a generated secret; `from` names an existing one", {"field": "length"}
            )
        if not place.whole:
            # fact: ecs-secret-arn
            raise PydanticCustomError(
                "together",
                "`from` needs the full ARN, which ends in a dash and six characters; ECS finds no other",
                {"field": "from"},
            )
        if self.keys and (place.secret.store == "ssm" or place.secret.key):
            raise PydanticCustomError(
                "together", "`keys` are those of a whole secret of Secrets Manager", {"field": "keys"}
            )
        return self._with_keys_once("value")

    @property
    def idle(self) -> frozenset[str]:
        """Return how long a generated value is, where none is generated."""
        return frozenset(("length",) if self.from_ or self.keys else ())

    def _with_keys_once(self, *taken: str) -> SharedSecret:
        if twice := [key for number, key in enumerate(self.keys) if key in (*taken, *self.keys[:number])]:
            raise PydanticCustomError("together", "the key `{key}` is taken", {"key": twice[0], "field": "keys"})
        return self


class SecretUse(Model):
    """A service that uses a secret may read it."""


class Secrets(Kind[SharedSecret, SecretUse]):
    """The section `secrets`."""

    section = "secrets"
    noun = "secret"
    types = (secrets.SECRET,)
    attributes: ClassVar[Mapping[str, str]] = {
        "value": "Its value (secret). With `keys`, each of them is an attribute; `value` is then that of `from`.",
    }

    def build(self, entry: Entry[SharedSecret], uses: Sequence[Use[SecretUse]], site: Site) -> Part:
        """Return the generated secret; nothing for one that exists, or that people set."""
        spec = entry.spec
        if spec.from_ is not None or spec.keys:
            return Part()
        return Part(
            (
                secretsmanager.Secret(
                    _id(entry),
                    Description=f"{entry.name} of {site.stack}",
                    GenerateSecretString=secretsmanager.GenerateSecretString(
                        PasswordLength=spec.length, ExcludePunctuation=True
                    ),
                    # What was signed or encrypted with it can be read with it only.
                    DeletionPolicy="RetainExceptOnCreate",
                    UpdateReplacePolicy="Retain",
                ),
            )
        )

    def named(self, entry: Entry[SharedSecret]) -> Mapping[str, str]:
        """Return each key, and the whole value where there is one."""
        spec = entry.spec
        whole = {"value": "Its value (secret)."} if spec.from_ or not spec.keys else {}
        return {**whole, **{key: f"Its key `{key}` (secret)." for key in spec.keys}}

    def existing(self, entry: Entry[SharedSecret]) -> Mapping[str, str]:
        """Return the secret and the keys that it names."""
        arns = {"from": entry.spec.from_ or "", "kms_key": next(iter(entry.spec.kms_key), "")}
        return {field: arn for field, arn in arns.items() if arn.startswith("arn:")}

    def settable(self, entry: Entry[SharedSecret], place: Place) -> Mapping[str, str]:
        """Return the parameter of each key, where no existing secret has them."""
        keys = entry.spec.keys if entry.spec.from_ is None else ()
        return {key: f"/msaspec/{place.stack}/{entry.name}/{key}" for key in keys}

    def changing(self, entry: Entry[SharedSecret], uses: Sequence[Use[SecretUse]], at: Place) -> Mapping[str, Changing]:
        """Return the generated secret."""
        spec = entry.spec
        return {} if spec.from_ is not None or spec.keys else {"": Changing(_id(entry), spec.length)}

    def offer(self, entry: Entry[SharedSecret], use: Use[SecretUse], place: Place) -> Offer:
        """Return the value, and each key of an existing secret."""
        spec = entry.spec
        if set_by_people := self.settable(entry, place):
            places = {key: secret_place.parse(name) for key, name in set_by_people.items()}
            attributes: dict[str, Value] = {key: (each.secret,) for key, each in places.items()}
            statements: Sequence[Statement] = tuple(secret_place.reading([*places.values()], ()))
            endpoints: tuple[str, ...] = ("ssm",)
        elif spec.from_ is None:
            attributes = {"value": (SecretValue((Token(_id(entry)),)),)}
            statements = (Statement(("secretsmanager:GetSecretValue",), ((Token(_id(entry)),),)),)
            endpoints = ()
        else:
            there = secret_place.parse(spec.from_)
            attributes = {"value": (there.secret,)}
            attributes |= {key: (SecretValue(there.secret.arn, key),) for key in spec.keys}
            statements = tuple(secret_place.reading([there], spec.kms_key))
            endpoints = ("ssm",) if there.secret.store == "ssm" else ()
        return Offer(
            attributes=attributes,
            variables=_variables(entry, use, attributes),
            statements=tuple(statements),
            endpoints=endpoints,
        )


def _variables(entry: Entry[SharedSecret], use: Use[SecretUse], attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Return `JWT` for a secret `jwt`, or a variable for each of its keys."""
    wanted = entry.spec.keys or ("value",)
    if use.framework == "spring-boot":
        return {f"msa.{entry.name}.{word}": attributes[word] for word in wanted}
    name = names.variable(entry.name)
    return {name if word == "value" else f"{name}_{word.upper()}": attributes[word] for word in wanted}


def _id(entry: Entry[SharedSecret]) -> str:
    return names.logical(entry.name, "SharedSecret")
