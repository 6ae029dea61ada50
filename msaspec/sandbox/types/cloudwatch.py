"""CloudWatch: alarms."""

from __future__ import annotations

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, resource
from msaspec.sandbox.cloudformation.shapes import shaped


@resource("AWS::CloudWatch::Alarm")
class Alarm(Resource):
    """An alarm. No metric ever sets it off."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        return self._put(at, new.get("AlarmName") or at.name(255), new)

    def _put(self, at: At, name: str, new: Properties) -> Made:
        api = at.api("cloudwatch")
        api.put_metric_alarm(**shaped(api, "PutMetricAlarm", {**new, "AlarmName": name}))
        return Made(name, {"Arn": api.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it."""
        return self._put(at, id, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("cloudwatch").delete_alarms(AlarmNames=[id])
