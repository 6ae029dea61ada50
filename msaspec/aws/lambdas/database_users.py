"""Declares both users of a service whose password rotates. A template carries it behind the handler."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the handler stands
# in front of it there.

import json

from msaspec.aws.lambdas.database_handler import call, read_secret, steps, verifier

declared = steps


def before(context, arn):
    """Return what a secret was before its last change; nothing where it never changed."""
    try:
        text = call(context, "secretsmanager", "get_secret_value", SecretId=arn, VersionStage="AWSPREVIOUS")
        return json.loads(text["SecretString"])
    except Exception as error:
        if "ResourceNotFound" not in type(error).__name__ + str(error):
            raise
        return {}


def steps(wanted, context, secrets):  # type: ignore[no-redef]
    """Yield the same for the user whose turn it is, and declare the one before it, whose copies may still run."""
    roles, former = [], {}
    for role in wanted.get("Roles", []):
        yield f'The secret of role "{role["Name"]}" could not be read'
        user, old = read_secret(context, role["SecretArn"])["username"], before(context, role["SecretArn"])
        head, tail = role["Url"]
        head = head.replace(f"//{role['Name']}:", f"//{user}:")
        roles.append({**role, "Name": user, "Url": [head, tail]})
        if old.get("username", user) != user:
            former[old["username"]] = verifier(old["password"])
            secrets += [old["password"], former[old["username"]]]
    yield from declared({**wanted, "Roles": roles, "Former": former}, context, secrets)
