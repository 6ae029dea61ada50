"""What clusters of Aurora have in common, whatever their engine."""

from __future__ import annotations

SERVERLESS = "serverless"
"""The size of a cluster whose memory follows its load."""
GIBIBYTES_A_UNIT = 2
# fact: aurora-capacity
