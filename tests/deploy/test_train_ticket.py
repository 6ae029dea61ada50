"""Train Ticket, 42 services in nested stacks: deployed whole, then one service changed."""

from __future__ import annotations

import re

from msaspec.deploy.aws import nested
from tests import goldens
from tests.deploy.account import Account
from tests.deploy.test_nested import status_of

MANIFEST = (goldens.SYSTEMS / "train-ticket" / "msa.yaml").read_text("utf-8")


def test_only_the_stack_of_the_changed_service_moves(account: Account) -> None:
    """All services and stores stand after the first deployment. Another image of one is one nested stack that is
    updated; nothing happens to any other, nor to the database and the volumes."""
    # The account has no hosted zone, is in another Region, and looks at a stack of this name.
    lines = MANIFEST.replace("\nname: train-ticket\n", "\nname: shop\n").splitlines(keepends=True)
    first = "".join(line for line in lines if not line.startswith(("ingress:", "region:")))
    result = account.deploy(first)
    assert result.exit_code == 0, result.stderr
    ids = account.ids()
    homes = [name for name in ids if name.endswith("Nested")]
    assert len(homes) == 44
    before = {home: status_of(account, home) for home in homes}
    assert {"MongoDocuments", "TicketOfficeDataFileSystem", "VoucherDataFileSystem"} <= ids.keys()
    nested._READ.clear()  # Another process knows no templates.
    image = "docker.io/codewisdom/ts-order-service:"
    assert first.count(f"{image}0.1.0") == 1
    changed = first.replace(f"{image}0.1.0", f"{image}0.1.1")
    result = account.deploy(changed)
    assert result.exit_code == 0, result.stderr
    assert "nested stacks: uploaded 1 template." in result.stderr
    moved = {home for home in homes if status_of(account, home) != before[home]}
    assert moved == {"TsOrderServiceNested"}
    assert account.ids() == ids
    done = " ".join(line for line in result.stderr.splitlines() if "UPDATE_COMPLETE" in line)
    assert set(re.findall(r"(?:services|databases|volumes)\.\S+", done)) == {"services.ts-order-service"}
