"""Prefect flows, their settings and the command line.

Prefect and Ray read their environment when they are imported, so its defaults are set here,
before any module of this package can import them.
"""

from tag2mask.flows import forked_processes
from tag2mask.flows.environment import set_defaults

set_defaults()
forked_processes.register()
