"""A script that labels needs no guard: the processes of the local engine do not import it."""

import subprocess
import sys

from tests.flows.conftest import REPOSITORY
from tests.pipeline.small_tables import images_table

SCRIPT = """
import sys

from tag2mask.pipeline.engine.base import StageSpec, build_table
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.engine.toys import Reverse
from tests.pipeline.small_tables import writer

print("the script runs", flush=True)
scan, seed = Scan(Table.open(f"{sys.argv[1]}/images")), writer(sys.argv[1], "seed")
table = build_table(LocalEngine(2), scan, [StageSpec(Reverse)], seed, lambda count: None)
print(len(table), __file__)
"""


def test_a_script_without_a_guard_runs_once(tmp_path):
    images_table(tmp_path, 6)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["the script runs", f"6 {script}"]
