"""The file of certificates by which AWS is known, where somebody names one of their own."""

from __future__ import annotations

import os
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic

UNREADABLE = Code(
    "MSA627",
    "The file of certificates cannot be used",
    """
    AWS_CA_BUNDLE, `ca_bundle` of a profile, or REQUESTS_CA_BUNDLE names a file with the certificates that connections
    to AWS are checked by, in the PEM form. It is not there, or holds none. Without any of the three the certificates
    are those that come with the AWS library.
    """,
)
HINT = (
    "If a proxy opens the connections of this network, name the file with its certificate by AWS_CA_BUNDLE, or by"
    " `ca_bundle` of the profile."
)
"""What is said where AWS shows a certificate that is not known."""


def told(session: Any) -> Diagnostic | None:
    """Return what is wrong with the file that a session of botocore would take; None where it takes none, or a good
    one. Loads it once."""
    import ssl

    path, setting = _chosen(session)
    if not path:
        return None
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(21, "Is a directory", path)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        reason = "holds no certificate in the PEM form"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    else:
        return None
    message = f"The file of certificates {path}, which {setting} names, {reason}."
    return UNREADABLE.at((), message, hint=f"Correct {setting}, or unset it to take the usual certificates.")


def _chosen(session: Any) -> tuple[str | None, str]:
    """Return the file, and where it is named: as botocore chooses."""
    if variable := os.environ.get("AWS_CA_BUNDLE"):
        return variable, "AWS_CA_BUNDLE"
    if named := session.get_config_variable("ca_bundle"):
        return str(named), f"`ca_bundle` of the profile `{session.profile or 'default'}`"
    return os.environ.get("REQUESTS_CA_BUNDLE"), "REQUESTS_CA_BUNDLE"
