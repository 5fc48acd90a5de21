"""Child processes: the signals of the terminal are the parent's alone."""

import subprocess
import sys

CODE = """
import multiprocessing, signal
from tag2mask.pipeline.engine.child_processes import terminal_signals_blocked

def show():
    print(sorted(each.name for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())), flush=True)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    for _ in range(2):
        child = context.Process(target=show)
        with terminal_signals_blocked():
            child.start()
        child.join()
    show()
"""


def test_every_child_of_the_block_has_the_signals_blocked_the_first_one_too(tmp_path):
    """The first child starts the resource tracker of multiprocessing, which unblocks SIGINT."""
    script = tmp_path / "script.py"
    script.write_text(CODE)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    blocked = "['SIGHUP', 'SIGINT']"
    assert done.stdout.splitlines() == [blocked, blocked, "[]"], done.stderr
