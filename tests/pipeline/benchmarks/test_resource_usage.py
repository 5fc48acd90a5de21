"""The meter, on work and memory that are known."""

import subprocess
import sys
import time

from tag2mask.pipeline.benchmarks.resource_usage import UsageMeter

WORK = """
import time
end = time.process_time() + 0.5
while time.process_time() < end: pass
block = bytearray(80 * 2**20)
time.sleep(1.5)
"""


def test_what_a_child_takes_is_counted():
    with UsageMeter() as idle:  # other tests may have left servers running
        time.sleep(1.5)
    with UsageMeter() as meter:
        subprocess.run([sys.executable, "-c", WORK], check=True)
    usage = meter.usage
    assert 0.3 < usage.cpu_seconds < 3
    assert 75 < usage.others_mib - idle.usage.others_mib < 200
    assert usage.driver_mib > 0


def test_what_was_before_is_not_counted():
    with UsageMeter() as meter:
        pass
    assert meter.usage.cpu_seconds < 0.5
