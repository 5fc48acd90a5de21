"""What every test runs under: no telemetry, and one thread for each process."""

import os

# Set before any test imports what reads them; torch, NumPy and Ray look once, on import.
os.environ["DO_NOT_TRACK"] = "1"  # Prefect's client, Hugging Face
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.object_store import s3  # noqa: F401 - one store for all tests
