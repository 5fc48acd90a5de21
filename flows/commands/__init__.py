"""The commands, in the order in which the help lists them; each imports what is heavy itself."""

from __future__ import annotations

from collections.abc import Callable

from flows.commands.benchmark import benchmark
from flows.commands.dataset import verify
from flows.commands.doctor import doctor
from flows.commands.export import export
from flows.commands.inspection import inspect
from flows.commands.label import demo, label, sample
from flows.commands.masks import evaluate, predict
from flows.commands.paint import paint
from flows.commands.review import correct, review
from flows.commands.serve import serve
from flows.commands.systems import generate, train, transform
from flows.commands.versions import prune, versions

COMMANDS: tuple[Callable[..., None], ...] = (
    sample,
    label,
    demo,
    predict,
    evaluate,
    verify,
    inspect,
    export,
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
