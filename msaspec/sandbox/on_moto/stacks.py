"""CloudFormation's API on top of moto's: stacks and change sets that are carried out by the sandbox's own engine.

moto answers the requests and keeps stacks, events and change sets; what a stack does is replaced. `PATCHED` names
all of moto that is replaced, and `installed` does it for as long as a block lasts.

This loads moto with itself, and so lies in a folder that is no package: what walks msaspec's modules passes it by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.cloudformation import models, responses
from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.cloudfront.models import Origin
from moto.core.responses import ActionResult

from msaspec.sandbox import engine, functions, intrinsics, parameters
from msaspec.sandbox.resource import Failed
from msaspec.sandbox.world import World, current

LONGEST = 51_200
TOO_LONG = (
    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
    f"Member must have length less than or equal to {LONGEST}"
)
UNCHANGED = "The submitted information didn't contain changes. Submit different information to create a change set."


class InsufficientCapabilities(CloudFormationError):  # type: ignore[misc]
    """The template makes IAM resources, and the caller did not say that it may."""

    code = "InsufficientCapabilitiesException"


class Stack(models.Stack):  # type: ignore[misc]
    """A stack whose resources the sandbox's engine makes."""

    def __init__(self, world: World, backend: Any, name: str, tags: Mapping[str, str]) -> None:
        region, account = backend.region_name, backend.account_id
        stack_id = models.generate_stack_id(name, region, account)
        super().__init__(stack_id, name, {}, {}, account, region, tags=dict(tags))
        self.backend = backend
        around = engine.Surroundings(lambda service: world.client(service, region), stack_id, name, region, account)
        self.deployment = engine.Deployment(around, self._told)
        self.deployment.on_way_back = self._going_back  # type: ignore[method-assign]
        self.goal: engine.Goal | None = None
        backend.stacks[stack_id] = self

    def _told(self, name: str, kind: str, physical: str, status: str, reason: str | None) -> None:
        self.events.append(models.Event(self.stack_id, self.name, name, physical, kind, status, reason, None))

    def _going_back(self, reason: str) -> None:
        back = "ROLLBACK_IN_PROGRESS" if self.goal is None else "UPDATE_ROLLBACK_IN_PROGRESS"
        self.status = back
        self._add_stack_event(back, resource_status_reason=reason)

    def is_free(self) -> None:
        """Raises a ValidationError while the stack is being worked on, or where nothing more can become of it."""
        if self.status.endswith("IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(message=f"Stack:{self.stack_id} is in {self.status} state and can not be updated.")
        if self.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"):
            raise ValidationError(message=f"Stack:{self.stack_id} is in {self.status} state and can not be updated.")

    def carry_out(self, text: str, goal: engine.Goal) -> None:
        """Brings the stack to a goal, or back to where it was."""
        verb = "CREATE" if self.goal is None else "UPDATE"
        self.status = f"{verb}_IN_PROGRESS"
        self._add_stack_event(self.status, resource_status_reason="User Initiated")
        self.deployment.around.exports = self.backend.exports
        try:
            self.deployment.apply(goal)
        except Failed:
            ended = "FAILED" if self.deployment.stuck else "COMPLETE"
            self.status = f"{'' if verb == 'CREATE' else 'UPDATE_'}ROLLBACK_{ended}"
        else:
            self.goal, self.status = goal, f"{verb}_COMPLETE"
            self.tags = dict(goal.tags)
            self._publish()
        if self.goal is None or self.goal is goal:
            self.template, self.template_dict = text, dict(goal.template)
            self.description = goal.template.get("Description")
            self.parameters = dict(goal.parameters)
        self._add_stack_event(self.status)

    def _publish(self) -> None:
        exports = self.backend.exports
        for name in [name for name, export in exports.items() if export.exporting_stack_id == self.stack_id]:
            del exports[name]
        exports.update({export.name: export for export in self.exports})

    def delete(self) -> None:
        """Removes everything by its deletion policy."""
        self.status = "DELETE_IN_PROGRESS"
        self._add_stack_event(self.status, resource_status_reason="User Initiated")
        stuck = self.deployment.remove()
        self.status = "DELETE_FAILED" if stuck else "DELETE_COMPLETE"
        reason = f"The following resource(s) failed to delete: [{', '.join(stuck)}]." if stuck else None
        self._add_stack_event(self.status, resource_status_reason=reason)

    @property
    def stack_parameters(self) -> dict[str, str]:
        """The parameters' values, as they were given."""
        return parameters.resolve(self.goal.template, self.goal.parameters) if self.goal else {}

    @property
    def parameter_list(self) -> list[dict[str, Any]]:
        """The parameters as DescribeStacks lists them."""
        declared = (self.template_dict or {}).get("Parameters", {})
        return [
            {"ParameterKey": key, "ParameterValue": "****" if declared[key].get("NoEcho") else value}
            for key, value in self.stack_parameters.items()
        ]

    @property
    def stack_resources(self) -> list[Any]:
        """The resources as the API lists them."""
        return [
            SimpleNamespace(
                logical_resource_id=name,
                physical_resource_id=there.made.id,
                cf_resource_type=there.type,
                resource_status=there.status,
                since=there.since,
            )
            for name, there in self.deployment.resources.items()
        ]

    @property
    def outputs(self) -> list[dict[str, Any]] | None:
        """The outputs as DescribeStacks lists them."""
        return [
            {
                "OutputKey": key,
                "OutputValue": str(output["Value"]),
                "Description": output.get("Description"),
                "ExportName": output.get("Export", {}).get("Name"),
            }
            for key, output in self.deployment.outputs.items()
        ] or None

    @property
    def exports(self) -> list[Any]:
        """What other stacks may import."""
        outputs = self.deployment.outputs.values()
        named = [(output["Export"]["Name"], str(output["Value"])) for output in outputs if "Export" in output]
        return [models.Export(self.stack_id, name, value) for name, value in named]


def _goal(text: str, given: Mapping[str, str], tags: Mapping[str, str] | None) -> engine.Goal:
    try:
        goal = engine.Goal(intrinsics.parse(text), dict(given), dict(tags or {}))
        engine.check(goal)
    except Failed as fault:
        raise ValidationError(message=str(fault)) from None
    return goal


class ChangeSet(models.ChangeSet):  # type: ignore[misc]
    """A change set that knows what would be replaced."""

    def diff(self) -> list[engine.Change]:
        """What would change."""
        self.goal = _goal(self.template, self.parameters, self.tags)
        try:
            return list(self.stack.deployment.changes(self.goal))
        except Failed as fault:
            raise ValidationError(message=str(fault)) from None
        except (LookupError, TypeError, ValueError) as fault:  # a template that cfn-lint would refuse
            raise ValidationError(message=f"Template error: {type(fault).__name__}: {fault}") from None

    def _parse_template(self) -> None:
        self.template_dict = intrinsics.parse(self.template)


def _find(self: Any, name: str) -> Stack | None:
    return next((stack for stack in self.stacks.values() if name in (stack.name, stack.stack_id)), None)


def _create_change_set(
    self: Any,
    stack_name: str,
    change_set_name: str,
    template: str,
    parameters: dict[str, str],
    description: str,
    change_set_type: str,
    notification_arns: list[str] | None = None,
    tags: dict[str, str] | None = None,
    role_arn: str | None = None,
) -> tuple[str, str]:
    stack = _find(self, stack_name)
    if change_set_type == "UPDATE" and (stack is None or stack.goal is None):
        raise ValidationError(message=f"Stack [{stack_name}] does not exist")
    if change_set_type == "CREATE" and stack is not None and stack.status != "REVIEW_IN_PROGRESS":
        raise ValidationError(message=f"Stack [{stack_name}] already exists and cannot be created again")
    if stack is not None and change_set_name in (
        c.change_set_name for c in self.change_sets.values() if c.stack is stack
    ):
        raise models.AlreadyExistsException(f"ChangeSet {change_set_name} cannot be created due to a mismatch")
    _goal(template, parameters, tags)
    if stack is None:
        stack = Stack(current(), self, stack_name, tags or {})
        stack.status = "REVIEW_IN_PROGRESS"
        stack._add_stack_event(stack.status, resource_status_reason="User Initiated")
    stack.is_free()
    id = models.generate_changeset_id(change_set_name, self.region_name, self.account_id)
    made = ChangeSet(
        change_set_type,
        id,
        change_set_name,
        stack,
        template,
        parameters,
        description,
        notification_arns,
        tags,
        role_arn,
    )
    unchanged = not made.changes and stack.goal is not None and _same_outputs(stack.goal, made.goal)
    made.status = "FAILED" if unchanged else "CREATE_COMPLETE"
    made.execution_status = "UNAVAILABLE" if unchanged else "AVAILABLE"
    made.status_reason = UNCHANGED if unchanged else None
    self.change_sets[id] = made
    return id, stack.stack_id


def _same_outputs(old: engine.Goal, new: engine.Goal) -> bool:
    return old.template.get("Outputs") == new.template.get("Outputs") and old.parameters == new.parameters


def _change_set(self: Any, name: str, stack_name: str | None) -> ChangeSet:
    change_set: ChangeSet
    for change_set in reversed(list(self.change_sets.values())):
        of_stack = stack_name in (None, change_set.stack.name, change_set.stack.stack_id)
        if name == change_set.change_set_id or (name == change_set.change_set_name and of_stack):
            return change_set
    raise _NoChangeSet(f"ChangeSet [{name}] does not exist")


class _NoChangeSet(CloudFormationError):  # type: ignore[misc]
    code = "ChangeSetNotFound"


class _NotExecutable(CloudFormationError):  # type: ignore[misc]
    code = "InvalidChangeSetStatus"


def _execute_change_set(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
    change_set = _change_set(self, change_set_name, stack_name)
    if change_set.execution_status != "AVAILABLE":
        state = f"{change_set.status} and execution status of {change_set.execution_status}"
        raise _NotExecutable(
            f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of [{state}]"
        )
    change_set.stack.is_free()
    change_set.execution_status = "EXECUTE_COMPLETE"
    change_set.stack.carry_out(change_set.template, change_set.goal)


def _create_stack(self: Any, name: str, template: str, parameters: dict[str, Any], **options: Any) -> Stack:
    if _find(self, name):
        raise models.AlreadyExistsException(f"Stack [{name}] already exists")
    goal = _goal(template, parameters, options.get("tags"))
    stack = Stack(current(), self, name, goal.tags)
    stack.enable_termination_protection = bool(options.get("enable_termination_protection"))
    stack.carry_out(template, goal)
    return stack


def _update_stack(
    self: Any, name: str, template: str, role_arn: str | None, parameters: list[dict[str, Any]], tags: Any
) -> Stack:
    stack = _find(self, name)
    if stack is None or stack.goal is None:
        raise ValidationError(message=f"Stack [{name}] does not exist")
    stack.is_free()
    given = {
        item["ParameterKey"]: stack.stack_parameters[item["ParameterKey"]]
        if item.get("UsePreviousValue")
        else item["ParameterValue"]
        for item in parameters
    }
    goal = _goal(template, given, stack.goal.tags if tags is None else tags)
    if not stack.deployment.changes(goal) and _same_outputs(stack.goal, goal):
        raise ValidationError(message="No updates are to be performed.")
    stack.carry_out(template, goal)
    return stack


def _delete_stack(self: Any, name_or_stack_id: str) -> None:
    stack = _find(self, name_or_stack_id)
    if stack is None:
        return
    if stack.enable_termination_protection:
        raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    stack.delete()
    if stack.status == "DELETE_COMPLETE":
        for export in stack.exports:
            self.exports.pop(export.name, None)
        self.deleted_stacks[stack.stack_id] = self.stacks.pop(stack.stack_id)


def _guarded(method: Any) -> Any:
    """Wraps a method that takes a template: it may not be too long, and who makes roles has to say so."""

    def wrapped(self: Any) -> Any:
        body, url = self._get_param("TemplateBody"), self._get_param("TemplateURL")
        if len(body or "") > LONGEST:
            raise ValidationError(message=TOO_LONG)
        body = self._get_stack_from_s3_url(url) if url else body
        if body and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(self._get_param("Capabilities", [])):
            try:
                parts = intrinsics.parse(body)["Resources"].values()
            except Failed as fault:
                raise ValidationError(message=str(fault)) from None
            if any(part.get("Type", "").startswith("AWS::IAM::") for part in parts):
                raise InsufficientCapabilities("Requires capabilities : [CAPABILITY_IAM]")
        return method(self)

    return wrapped


def _describe_change_set(self: Any) -> ActionResult:
    stack_name = self._get_param("StackName")
    return ActionResult(_change_set(self.cloudformation_backend, self._get_param("ChangeSetName"), stack_name))


def _update_termination_protection(self: Any) -> ActionResult:
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    stack.enable_termination_protection = self._get_bool_param("EnableTerminationProtection")
    return ActionResult({"StackId": stack.stack_id})


def _list_stack_resources(self: Any) -> ActionResult:
    _, resources = self.cloudformation_backend.list_stack_resources(self._get_param("StackName"))
    rows = [
        {
            "ResourceStatus": there.resource_status,
            "LogicalResourceId": there.logical_resource_id,
            "LastUpdatedTimestamp": there.since,
            "PhysicalResourceId": there.physical_resource_id,
            "ResourceType": there.cf_resource_type,
        }
        for there in resources
    ]
    return ActionResult({"StackResourceSummaries": rows})


_plain_origin_init = Origin.__init__


def _origin_init(self: Any, origin: dict[str, Any]) -> None:
    _plain_origin_init(self, origin)
    self.origin_access_control_id = origin.get("OriginAccessControlId", "")  # which moto forgets


_BACKEND, _API = models.CloudFormationBackend, responses.CloudFormationResponse

PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (_BACKEND, "create_stack", _create_stack),
    (_BACKEND, "update_stack", _update_stack),
    (_BACKEND, "delete_stack", _delete_stack),
    (_BACKEND, "create_change_set", _create_change_set),
    (_BACKEND, "execute_change_set", _execute_change_set),
    (_API, "create_stack", _guarded(_API.create_stack)),
    (_API, "update_stack", _guarded(_API.update_stack)),
    (_API, "create_change_set", _guarded(_API.create_change_set)),
    (_API, "describe_change_set", _describe_change_set),
    (_API, "list_stack_resources", _list_stack_resources),
    (_API, "_validate_different_update", lambda self, *ignored: None),
    (LambdaSimpleBackend, "invoke", functions.invoke),
    (Origin, "__init__", _origin_init),
)
"""Everything of moto that is replaced: owner, name, replacement."""

ADDED: tuple[tuple[Any, str, Any], ...] = ((_API, "update_termination_protection", _update_termination_protection),)
"""What moto lacks."""


@contextmanager
def installed() -> Iterator[None]:
    """Replaces what `PATCHED` names, until the block ends."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in PATCHED]
    for owner, name, new in (*PATCHED, *ADDED):
        setattr(owner, name, new)
    try:
        yield
    finally:
        for owner, name, old in before:
            setattr(owner, name, old)
        for owner, name, _ in ADDED:
            delattr(owner, name)
