"""Scripts that real clients run in environments of their own; each prints counts as JSON."""
