"""The request that deletes a stack."""

from __future__ import annotations

from collections.abc import Sequence

from msaspec.deploy import operation
from msaspec.deploy.aws import nested, state
from msaspec.deploy.context import Context
from msaspec.deploy.operation import Operation


def begin(
    context: Context,
    stack: str,
    stack_id: str,
    *,
    retained: Sequence[str] = (),
    force: bool = False,
    role_arn: str | None = None,
) -> Operation:
    """Begin the deletion of a stack. `retained` are logical ids of what is to stay in the account; with `force` that is
    whatever will not go. Both are for a stack that is DELETE_FAILED.

    Raises as `operation.begin`.
    """

    inside = nested.places(context.aws, stack_id, retained)
    # A nested stack stays as a whole, as far as it is still there.
    kept = list(dict.fromkeys(inside[name][0] if name in inside else name for name in retained))

    def request(token: str) -> None:
        context.aws.client("cloudformation").delete_stack(
            StackName=stack_id,
            ClientRequestToken=token,
            **({"RetainResources": kept} if kept else {}),
            **({"DeletionMode": "FORCE_DELETE_STACK"} if force else {}),
            **({"RoleARN": role_arn} if role_arn else {}),
        )

    def came() -> bool:
        found = state.describe(context.aws, stack_id)
        return found is None or found.status in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")

    return operation.begin(context, f"the deletion of the stack {stack}", stack_id, request, came)
