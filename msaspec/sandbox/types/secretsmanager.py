"""Secrets Manager."""

from __future__ import annotations

import json

from msaspec.sandbox.cloudformation.resource import (
    At,
    Failed,
    Made,
    Properties,
    Resource,
    fitted,
    number,
    only,
    resource,
    truth,
)


@resource("AWS::SecretsManager::Secret")
class Secret(Resource):
    """A secret, given or generated."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        words = only(new, "Description", "KmsKeyId", "Tags")
        name = new.get("Name") or at.name(512)
        if "GenerateSecretString" in new or "SecretString" in new:
            words["SecretString"] = self._value(at, new)
        made = at.api("secretsmanager").create_secret(Name=name, **words)
        return Made(made["ARN"], {"Id": made["ARN"]})

    def _value(self, at: At, new: Properties) -> str:
        if "GenerateSecretString" not in new:
            return str(new.get("SecretString", ""))
        how = dict(new["GenerateSecretString"])
        template, key = how.pop("SecretStringTemplate", None), how.pop("GenerateStringKey", None)
        api = at.api("secretsmanager")
        password = str(api.get_random_password(**fitted(api, "GetRandomPassword", how))["RandomPassword"])
        if template is None:
            return password
        value = json.loads(template)
        if not isinstance(value, dict) or key is None:
            raise Failed("SecretStringTemplate is no JSON object, or GenerateStringKey is missing")
        return json.dumps({**value, key: password})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it; how it is generated changed means that it is generated anew."""
        api = at.api("secretsmanager")
        api.update_secret(SecretId=id, **only(new, "Description", "KmsKeyId"))
        if any(old.get(key) != new.get(key) for key in ("GenerateSecretString", "SecretString")):
            api.put_secret_value(SecretId=id, SecretString=self._value(at, new))
        if new.get("Tags"):
            api.tag_resource(SecretId=id, Tags=new["Tags"])
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it at once."""
        at.api("secretsmanager").delete_secret(SecretId=id, ForceDeleteWithoutRecovery=True)


@resource("AWS::SecretsManager::RotationSchedule")
class RotationSchedule(Resource):
    """When a secret rotates, and by which function."""

    def create(self, at: At, new: Properties) -> Made:
        """Set it; what it says decides whether the secret rotates at once."""
        words = only(new, "SecretId", "RotationLambdaARN", "RotationRules")
        if rules := words.get("RotationRules"):
            words["RotationRules"] = {key: number(value) for key, value in rules.items()}
        at_once = truth(new.get("RotateImmediatelyOnUpdate", True))
        return Made(at.api("secretsmanager").rotate_secret(**words, RotateImmediately=at_once)["ARN"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Set it anew."""
        return self.create(at, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Have the secret stay as it is."""
        at.api("secretsmanager").cancel_rotate_secret(SecretId=id)
