"""What patches weaken. Each finding is on the line of its patch, unless the patch says why."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.template.stack import Stack
from msaspec.template.weakness import Group

_ACCEPTED = """
    If you mean it, add the reason to the patch. msaspec then drops the warning and writes the reason into the template,
    as an exception that cdk-nag, checkov and CloudFormation Guard read:

        patches:
          - op: add
            path: ...
            value: ...
            why: The reason, in a sentence.
"""

OPENED = Code(
    "MSA450",
    "A patch opens access",
    """
    The patch opens what was closed: a database or host gets a public address, a port is open to the world, a bucket or
    repository can be public, or a policy allows everyone.
    """
    + _ACCEPTED,
    Severity.WARNING,
)
UNENCRYPTED = Code(
    "MSA451",
    "A patch removes encryption",
    """
    Data is stored or sent without encryption or with an older TLS version, or is part of the template: an unencrypted
    database or disk, a listener without HTTPS, a database that accepts connections without TLS, a credential in plain
    text in a variable, a command, a parameter or a property.
    """
    + _ACCEPTED,
    Severity.WARNING,
)
LOSABLE = Code(
    "MSA452",
    "A patch removes protection of data",
    """
    The patch turns off deletion protection, backups, versioning, or a policy that retains data when its resource is
    deleted, or keeps backups for fewer days.
    """
    + _ACCEPTED,
    Severity.WARNING,
)
GRANTED = Code(
    "MSA453",
    "A patch grants too much",
    """
    A policy allows every action, every action of a service, the use of every role, changes of permissions, or reading
    secrets or data, on every resource.
    """
    + _ACCEPTED,
    Severity.WARNING,
)
UNRECORDED = Code(
    "MSA454",
    "A patch removes a log or an alarm",
    """
    The patch removes a log, an alarm, a flow log or a firewall, makes it conditional or partial, or discards the output
    of a container.
    """
    + _ACCEPTED,
    Severity.WARNING,
)
LESS_APART = Code(
    "MSA455",
    "A patch weakens isolation",
    """
    The patch weakens the isolation of a program from its host or from credentials: IMDSv1, a privileged container, a
    namespace of the host, a writable root file system, mutable image tags.
    """
    + _ACCEPTED,
    Severity.WARNING,
)
SILENCED = Code(
    "MSA456",
    "A patch silences a checker",
    """
    The patch adds Metadata that makes cfn-lint, cdk-nag, checkov or CloudFormation Guard skip a rule. It does not
    silence cfn-lint's errors in msaspec. The code also covers macros and nested stacks whose templates are
    elsewhere, because no checker sees what they add. msaspec writes such exceptions itself for patches with a `why`.
    """
    + _ACCEPTED,
    Severity.WARNING,
)
_CODES = {
    Group.OPEN: OPENED,
    Group.PLAIN: UNENCRYPTED,
    Group.DATA: LOSABLE,
    Group.RIGHTS: GRANTED,
    Group.LOGS: UNRECORDED,
    Group.APART: LESS_APART,
    Group.SILENT: SILENCED,
}


def check(stack: Stack) -> Iterator[Diagnostic]:
    """No patch weakens the system without a reason."""
    for weakness, patch, why in stack.weakened:
        if why is None:
            hint = "Remove the patch, or give it a reason: `why: ...`."
            yield _CODES[weakness.kind.group].at(patch, f"{weakness.what}.", hint=hint, hides=weakness.hides)
