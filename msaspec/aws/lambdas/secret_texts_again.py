"""Writes texts that hold secrets anew after a rotation. A template carries it behind what writes them."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the other stands in
# front of it there.

import json

from msaspec.aws.lambdas.secret_texts import call, composed, handler

# What a text is made of is kept under its key with this in front.
PIECES = "pieces:"
plain, answer = composed, handler


def composed(texts, context):  # type: ignore[no-redef]
    made = plain(texts, context)
    return {**made, **{PIECES + name: json.dumps(pieces) for name, pieces in texts.items()}}


def again(own, context):
    """Write the texts of the newest version, which come first. Those of the version before go with the next update."""
    held = json.loads(call(context, own, "secretsmanager", "get_secret_value", SecretId=own)["SecretString"])
    names = [key.removeprefix(PIECES) for key in held if key.startswith(PIECES)]
    newest = [name for name in names if name.rpartition("_")[2] == names[0].rpartition("_")[2]]
    held |= composed({name: json.loads(held[PIECES + name]) for name in newest}, context)
    call(context, own, "secretsmanager", "put_secret_value", SecretId=own, SecretString=json.dumps(held))


def handler(event, context):  # type: ignore[no-redef]
    if "Again" in event:
        again(event["Again"], context)
    else:
        answer(event, context)
