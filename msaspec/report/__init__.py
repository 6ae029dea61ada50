"""One file, one form in which diagnostics are shown. Each has `render(diagnostics) -> str`."""
