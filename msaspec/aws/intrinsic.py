"""Values as CloudFormation intrinsics."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Join, Ref, Sub

from msaspec.language.value import Text, Token


def intrinsic(text: Text) -> Any:
    """Return the shortest CloudFormation form of a text: a plain string, Ref, Fn::GetAtt, Fn::Sub or Fn::Join.

    Literal pieces are never substituted, whatever they hold: Fn::Sub, the form that reads best, is not used
    where a literal could be taken for its syntax (its escape ``${!`` is undefined without a closing brace).
    """
    match text:
        case ():
            return ""
        case (str() as literal,):
            return literal
        case (Token(target),):
            return reference(target)
    if any(isinstance(piece, str) and ("${" in piece or piece.endswith("$")) for piece in text):
        return Join("", [piece if isinstance(piece, str) else reference(piece.target) for piece in text])
    return Sub("".join(piece if isinstance(piece, str) else "${" + piece.target + "}" for piece in text))


def reference(target: str) -> Any:
    """`Id` or a pseudo parameter as Ref, `Id.Attribute` as Fn::GetAtt."""
    logical_id, dot, attribute = target.partition(".")
    return GetAtt(logical_id, attribute) if dot else Ref(target)
