"""The commands, in the order in which the help lists them; each imports what is heavy itself."""

from __future__ import annotations

from collections.abc import Callable

from tag2mask.flows.commands.benchmark import benchmark
from tag2mask.flows.commands.check_places import check_places
from tag2mask.flows.commands.dataset import verify
from tag2mask.flows.commands.doctor import doctor
from tag2mask.flows.commands.export import export
from tag2mask.flows.commands.inspection import inspect
from tag2mask.flows.commands.label import demo, label, sample
from tag2mask.flows.commands.masks import evaluate, predict
from tag2mask.flows.commands.missing_packages import name_missing_extra
from tag2mask.flows.commands.paint import paint
from tag2mask.flows.commands.push import push_to_hub
from tag2mask.flows.commands.recipe import recipe
from tag2mask.flows.commands.review import correct, review
from tag2mask.flows.commands.serve import serve
from tag2mask.flows.commands.systems import generate, train, transform
from tag2mask.flows.commands.versions import prune, versions

_COMMANDS: tuple[Callable[..., None], ...] = (
    sample,
    label,
    demo,
    recipe,
    predict,
    evaluate,
    verify,
    inspect,
    export,
    push_to_hub,
    review,
    correct,
    train,
    generate,
    transform,
    paint,
    benchmark,
    serve,
    versions,
    prune,
    doctor,
)

COMMANDS: tuple[Callable[..., None], ...] = tuple(
    name_missing_extra(check_places(command)) for command in _COMMANDS
)
