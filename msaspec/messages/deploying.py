"""What `msaspec deploy` says."""

from __future__ import annotations

from msaspec.messages.message import Level, Message, counted


class Checking(Message, code="MSG238", level=Level.PROGRESS):
    """A manifest is compiled and linted, which takes some seconds."""

    said = "Checking {file} ..."
    file: str


class Deployed(Message, code="MSG201"):
    """A stack is deployed."""

    said = "The stack {stack} is deployed."
    stack: str


class Unchanged(Message, code="MSG202"):
    """A stack is as the manifest says."""

    said = "The stack {stack} has no changes."
    stack: str


class Started(Message, code="MSG203"):
    """A deployment has started, and nobody waits for its end."""

    said = "The deployment of {stack} has started. Watch it: {command}"
    stack: str
    command: str


class Rehearsed(Message, code="MSG204"):
    """A dry run is over."""

    said = "Nothing was changed: this was only a dry run for the stack {stack}."
    stack: str
    uploaded: bool

    def sentence(self) -> str:
        """Return the sentence, which names what was uploaded."""
        upload = " except for the upload of the template" if self.uploaded else ""
        return f"Nothing was changed{upload}: this was only a dry run for the stack {self.stack}."


class NotAdopted(Message, code="MSG205", level=Level.WARNING):
    """`--adopt` names a stack that needs no adoption."""

    said = "`--adopt {stack}` has no effect: no stack of another owner has that name."
    stack: str


class NothingToReplace(Message, code="MSG206", level=Level.WARNING):
    """`--allow-replace` names data that is not lost."""

    said = "`--allow-replace {name}` has no effect: no data of that name would be lost."
    name: str


class NothingToRedeploy(Message, code="MSG235"):
    """`--redeploy` names a service that runs the image to which its tag points."""

    said = "`--redeploy {service}` has no effect: it runs the image that its tag points to."
    service: str


class Abort(Message, code="MSG207"):
    """How to abort a deployment that goes on."""

    said = "Abort it: {command}"
    command: str


class ProtectionsLater(Message, code="MSG208", level=Level.WARNING):
    """Nobody waits for the end of a deployment, after which a stack is protected."""

    said = "Termination protection and the stack policy are not on yet. {later}"
    state: str
    """`off`, `unset`, or `unknown` where the user broke off at the very end."""
    later: str

    def sentence(self) -> str:
        """Return the sentence for how much is known."""
        how = {"off": "are not on yet", "unset": "are not set yet", "unknown": "may not be on yet"}[self.state]
        return f"Termination protection and the stack policy {how}. {self.later}"


class PolicyRelaxed(Message, code="MSG209", level=Level.WARNING):
    """Nobody waits for the end of a deployment that replaces data."""

    said = "The stack policy is relaxed for the data that you named. {later}"
    later: str


class Resumed(Message, code="MSG210"):
    """A creation failed and goes on from where it was."""

    said = (
        "The creation of the stack {stack} failed, and {kept} resources were kept. The deployment continues from there."
    )
    stack: str
    kept: int

    def sentence(self) -> str:
        """Return the sentence with the number."""
        was = "was" if self.kept == 1 else "were"
        kept = f"{counted(self.kept, 'resource')} {was} kept"
        return f"The creation of the stack {self.stack} failed, and {kept}. The deployment continues from there."


class TagKept(Message, code="MSG211"):
    """A service keeps the tag that runs, since the manifest was not edited."""

    said = "{service} keeps the running tag {running}; the manifest says {written}."
    service: str
    running: str
    written: str


class ImagesAbsent(Message, code="MSG212", level=Level.WARNING):
    """A dry run found that images have to be pushed."""

    said = "{absent} of {images} images are not in their repositories yet."
    absent: int
    images: int
    built: int
    """How many of them the deployment builds and pushes."""

    def sentence(self) -> str:
        """Return the sentence, with what the deployment will do about it."""
        built = f" The deployment builds and pushes {self.built} of them." if self.built else ""
        return f"{self.said.format_map(self.payload())}{built}"


class LogIn(Message, code="MSG213"):
    """How docker logs in to the registry."""

    said = "If docker is not logged in to ECR: {command}"
    command: str


class FailedFirst(Message, code="MSG214", level=Level.WARNING):
    """The first deployment failed, and its stack is in the way."""

    said = "The first deployment of {stack} failed; the stack is {status} and holds no data."
    stack: str
    status: str


class Left(Message, code="MSG215"):
    """Something of a deleted stack stays in the account."""

    said = "Left: {what}."
    what: str


class ContinuesFromOther(Message, code="MSG216"):
    """Another deployment changed a stack meanwhile."""

    said = "Another {whose} has changed the stack {stack}; continuing from there."
    whose: str
    stack: str


class NotHealthy(Message, code="MSG217", level=Level.WARNING):
    """A new version was not healthy in time, and msaspec ends its deployment."""

    said = "The new version {which} is not healthy after {minutes} min. {next}"
    which: str
    minutes: int
    next: str


class ProtectionStaysOff(Message, code="MSG218", level=Level.WARNING):
    """Nobody watches an update for which a deletion protection was turned off."""

    said = "If the update fails, the deletion protection of {what} stays off. Then turn it on again: {command}"
    what: str
    command: str


class Unprotected(Message, code="MSG219"):
    """A deletion protection was turned off for what goes."""

    said = "Turned off the deletion protection of the {what}."
    what: str
    removed: bool

    def sentence(self) -> str:
        """Return the sentence, which says why."""
        return f"Turned off the deletion protection of the {self.what}{', which is removed' if self.removed else ''}."


class TerminationProtected(Message, code="MSG220"):
    """The user wants the termination protection of a stack to stay."""

    said = "The termination protection of the stack {stack} stays on."
    stack: str


class ZonesChosen(Message, code="MSG221"):
    """In which zones the subnets of a new stack are."""

    said = "The subnets are in {listed}, for the lifetime of the stack."
    zones: tuple[str, ...]

    def sentence(self) -> str:
        """Return the sentence with the zones."""
        return self.said.format(listed=", ".join(self.zones))


class ZonesUnseen(Message, code="MSG222", level=Level.WARNING):
    """The zones of the Region may not be looked at."""

    said = "Using the zones that CloudFormation lists first: {reason}"
    reason: str


class NotAsked(Message, code="MSG223"):
    """A dry run has no bucket for a long template, so it asks CloudFormation nothing."""

    said = (
        "CloudFormation was not asked: the template of {stack} is above {longest:,} bytes, and the bucket {bucket} for"
        " it does not exist yet. The changes shown are computed from the templates."
    )
    stack: str
    longest: int
    bucket: str


class Uploaded(Message, code="MSG224"):
    """A long template went to a bucket."""

    said = "The template is above {longest:,} bytes and went to {place}."
    longest: int
    place: str
    made: bool

    def sentence(self) -> str:
        """Return the sentence, which says whether the bucket is new."""
        new = ", a new bucket, private and encrypted" if self.made else ""
        return f"The template is above {self.longest:,} bytes and went to {self.place}{new}."


class Nested(Message, code="MSG236"):
    """A large system is deployed as nested stacks."""

    said = "The stack {stack} has {resources:,} resources, in {stacks} nested stacks of which {uploaded} are new."
    stack: str
    resources: int
    stacks: int
    uploaded: int

    def sentence(self) -> str:
        """Return the sentence, which counts what was uploaded."""
        sent = f"uploaded {counted(self.uploaded, 'template')}" if self.uploaded else "uploaded nothing"
        return f"The stack {self.stack} has {self.resources:,} resources in {self.stacks} nested stacks: {sent}."


class RoleMade(Message, code="MSG225"):
    """A service-linked role was made."""

    said = "Made the service-linked role {role}, which the account lacked."
    role: str


class RoleRefused(Message, code="MSG226", level=Level.WARNING):
    """A service-linked role could not be made."""

    said = (
        "The account lacks the service-linked role {role}, which could not be made: {reason} If the deployment fails"
        " because of it, have it made: {command}"
    )
    role: str
    reason: str
    command: str


class RoleLacking(Message, code="MSG227"):
    """A service-linked role is lacking, and a deployment makes it."""

    said = "The account lacks the service-linked role {role}; a deployment makes it."
    role: str


class ProtectedAgain(Message, code="MSG228"):
    """A protection is on again."""

    said = "Turned on again the {protection} protection of the {what}."
    protection: str
    """`termination` of a stack, `deletion` of a resource."""
    what: str


class NotProtectedAgain(Message, code="MSG229", level=Level.WARNING):
    """A protection could not be turned on again."""

    said = "Not all protections are on again ({reason}). `{look}` shows which. Turn them on again: {command}"
    reason: str
    look: str
    command: str


class Emulated(Message, code="MSG230"):
    """A deployment goes into a sandbox."""

    said = "Sandbox: an emulated AWS in memory. Nothing is created in an account, and nothing is left afterwards."


class MayDeploy(Message, code="MSG231", level=Level.QUESTION):
    """Whether a stack is to be created or updated."""

    said = "{verb} the stack {stack} in {region}, account {account}?"
    verb: str
    stack: str
    region: str
    account: str


class MayCreateAgain(Message, code="MSG232", level=Level.QUESTION):
    """Whether the stack of a failed creation may be deleted."""

    said = "Delete it and create it again?"
    stack: str


class MayLiftProtection(Message, code="MSG233", level=Level.QUESTION):
    """Whether termination protection may be turned off."""

    said = "Turn off the termination protection of {stack} in {region}, account {account}?"
    stack: str
    region: str
    account: str


class MayBuild(Message, code="MSG234", level=Level.QUESTION):
    """Whether missing images may be built and pushed."""

    said = "Build and push {images}?"
    images: tuple[str, ...]

    def sentence(self) -> str:
        """Return the question, with how many there are."""
        several = "this image" if len(self.images) == 1 else f"these {len(self.images)} images"
        return f"Build and push {several}: {', '.join(self.images)}?"


class RemovedLate(Message, code="MSG239"):
    """Something is removed that the cleanup of an update came too early for."""

    said = "Removed {what}, which was in use when CloudFormation cleaned up."
    what: str
