"""Values and template data in a form that people read: ``<MainDatabase.Endpoint.Address>`` for what comes later."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from msaspec.language.base import Model
from msaspec.language.value import Secret, Token, Value

_SUBSTITUTED = re.compile(r"\$\{([^!}][^}]*)\}")


def value(pieces: Value) -> str:
    """Return a variable's value. Of a secret, return where it is kept.

    >>> value(("postgresql://", Token("Main.Endpoint.Address"), ":5432"))
    'postgresql://<Main.Endpoint.Address>:5432'
    >>> value((Secret((Token("CartToMainSecret"),), "password"),))
    "secret key 'password' of CartToMainSecret"
    """
    alone = len(pieces) == 1
    return "".join(piece if isinstance(piece, str) else _piece(piece, alone=alone) for piece in pieces)


def data(thing: Any) -> str:
    """Return a part of a template, or what troposphere will make one of.

    >>> data({"Fn::Sub": "arn:${AWS::Partition}:s3:::${Media}/*"}), data([{"Ref": "A"}, {"Fn::GetAtt": ["B", "Arn"]}])
    ('arn:<AWS::Partition>:s3:::<Media>/*', '<A>, <B.Arn>')
    """
    if hasattr(thing, "to_dict"):
        thing = thing.to_dict()
    if isinstance(thing, list | tuple):
        return ", ".join(map(data, thing))
    if not isinstance(thing, Mapping):
        return written(thing)
    if len(thing) == 1:
        ((function, argument),) = thing.items()
        found = _intrinsic(function, argument)
        if found is not None:
            return found
    return "; ".join(f"{key} {data(item)}" for key, item in thing.items())


def _intrinsic(function: Any, argument: Any) -> str | None:
    """Return what a reference will be; None for another function, and where a patch gave one arguments of another
    shape."""
    if function == "Ref" and isinstance(argument, str):
        return f"<{argument}>"
    if function == "Fn::GetAtt":
        steps = argument if isinstance(argument, list | tuple) else (argument,)
        return f"<{'.'.join(steps)}>" if all(isinstance(step, str) for step in steps) else None
    if function == "Fn::Sub":
        text, own = argument if isinstance(argument, list | tuple) and len(argument) == 2 else (argument, {})
        if isinstance(text, str) and isinstance(own, Mapping):
            filled = _SUBSTITUTED.sub(lambda m: data(own[m[1]]) if m[1] in own else f"<{m[1]}>", text)
            return filled.replace("${!", "${")
    return None


def written(thing: Any) -> str:
    """Return a value as it is written in a manifest; nothing for null.

    >>> written(True), written("20 GiB"), written(["/api"]), written(None)
    ('true', '20 GiB', '[/api]', '')
    """
    if isinstance(thing, Model):
        return _model(thing)
    if thing is None:
        return ""
    if isinstance(thing, str):
        return thing
    if isinstance(thing, list | tuple):
        return f"[{', '.join(map(written, thing))}]"
    if isinstance(thing, Mapping):
        return f"{{{', '.join(f'{key}: {written(item)}'.rstrip() for key, item in thing.items())}}}"
    return json.dumps(thing)


def _model(model: Model) -> str:
    """Return a default that is a model: its shorthand where that says all of it, else the fields that it sets."""
    fields, chosen = type(model).model_fields, model.model_fields_set
    if model.shorthand is not None and chosen <= {model.shorthand}:
        return written(getattr(model, model.shorthand))
    return written({fields[name].alias or name: getattr(model, name) for name in fields if name in chosen})


def _piece(piece: Token | Secret, *, alone: bool) -> str:
    if isinstance(piece, Token):
        return f"<{piece.target}>"
    if piece.store == "ssm":
        kept = f"SSM parameter {_text(piece)}"
    else:
        kept = f"secret key '{piece.key}' of {_text(piece)}" if piece.key else f"secret {_text(piece)}"
    return kept if alone else f"<{kept}>"


def _text(secret: Secret) -> str:
    return "".join(part if isinstance(part, str) else part.target for part in secret.arn)
