"""Brings the ledger's tables to what this version needs. It can run again, and the version before can live with it."""

from __future__ import annotations

import os
import sys

import psycopg

STEPS = (
    "CREATE TABLE transfers (number bigserial PRIMARY KEY, sender uuid NOT NULL, receiver uuid NOT NULL,"
    " amount bigint NOT NULL CHECK (amount > 0), made timestamptz NOT NULL DEFAULT now())",
    "CREATE INDEX transfers_sent ON transfers (sender)",
    "CREATE INDEX transfers_received ON transfers (receiver)",
)
"""Each runs once, in this order. Add at the end."""


def migrate(url: str) -> int:
    """Run the steps that are missing, and return how many they were."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        connection.execute("CREATE TABLE IF NOT EXISTS steps (number int PRIMARY KEY)")
        (done,) = connection.execute("SELECT count(*) FROM steps").fetchone() or (0,)
        for number, step in enumerate(STEPS[done:], done + 1):
            connection.execute(step)
            connection.execute("INSERT INTO steps VALUES (%s)", (number,))
    return len(STEPS[done:])


if __name__ == "__main__":
    missing = migrate(os.environ["DATABASE_URL"])
    sys.stdout.write(f"{missing} of {len(STEPS)} steps were missing.\n")
