"""One file, one runtime: how a service runs."""
