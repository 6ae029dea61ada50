"""Files of a service on its host, from where they are mounted into its container. Part of boot.sh where there are."""

import os


def files(files):  # type: ignore[no-untyped-def]
    """Write each anew, so that a container of before keeps what it has mounted."""
    os.makedirs("/var/lib/msaspec", exist_ok=True)
    for number, (mode, owner, group, pieces) in enumerate(files.values()):
        path = f"/var/lib/msaspec/{number}"
        with open(path + "~", "w", newline="") as file:
            file.write("".join(piece if isinstance(piece, str) else read(*piece) for piece in pieces))  # type: ignore[name-defined]  # noqa: F821
        os.chown(path + "~", owner, group)
        os.chmod(path + "~", int(mode, 8))
        os.replace(path + "~", path)
