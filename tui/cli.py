"""`nnplay` and its subcommands.

Nothing heavy is imported here: `nnplay --help` and every wrong request answer at once. Exit status: 0 done,
1 the run failed, 2 the request was wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from engine import experiments, registry
from engine.errors import NnplayError, RequestError, unknown
from engine.locations import config_file
from engine.spec import KEYS, Spec

FIRST = "iris-mlp"  # what the app opens without being told
EPILOG = "Values are given as key=value, as in: nnplay run iris-mlp lr=0.03 hidden=8,8 seed=7"


RUN = "a run's name, its beginning or that of its last part, or last"


class Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, with the nearest valid word, instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise RequestError(f"{message}; try {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # What follows these belongs to the engine's own module, its --help included.
        own = words[:1] if words[:1] in (["check"], ["bench"], ["sweep"], ["export"]) else words
        options = _parsed(own, words)
        command: Callable[[argparse.Namespace], int] = options.command
        status = command(options)
        sys.stdout.flush()
    except NnplayError as error:
        print(f"nnplay: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # standard output is gone or full; what it still holds is dropped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # whoever read our output has read enough
            return 0
        print(f"nnplay: cannot write the output: {error.strerror}", file=sys.stderr)
        return 1
    return status


def _parsed(words: Sequence[str], line: Sequence[str]) -> argparse.Namespace:
    """The words of a command line that are parsed here; values may stand before and after its flags."""
    parser = _parser(line)
    options, rest = parser.parse_known_args(words)
    unknown_words = [word for word in rest if word.startswith("-") or not options.request]
    if unknown_words:
        key = unknown_words[0].lstrip("-").partition("=")[0].replace("-", "_")
        hint = f"; values are given without dashes, as {key}=VALUE" if key in KEYS else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown_words)}{hint}")
    if rest:
        options.request = [*options.request, *rest]
    return options


def _parser(words: Sequence[str]) -> Parser:
    parser = Parser(prog="nnplay", description="A terminal laboratory for neural networks.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=_version() if "--version" in words else "")
    _add_glyphs(parser)
    parser.set_defaults(command=_play, request=[], glyphs=None)
    commands = parser.add_subparsers(metavar="COMMAND")

    play = commands.add_parser("play", help="the full-screen app (also without any command)", epilog=EPILOG)
    play.add_argument("request", nargs="*", metavar="NAME[@VARIANT] key=value…", help="what to open")
    _add_glyphs(play)
    play.set_defaults(command=_play)

    listing = commands.add_parser("list", help="experiments, their variants and values")
    listing.add_argument("name", nargs="?", metavar="NAME", help="all there is to know of one")
    listing.add_argument("--json", action="store_true", help="one JSON object on standard output")
    listing.set_defaults(command=_list)

    run = commands.add_parser("run", help="train, or run a workbook, without a screen", epilog=EPILOG)
    run.add_argument("request", nargs="+", metavar="NAME[@VARIANT] key=value…", help="what to train")
    run.add_argument("--backend", metavar="NAME", help="how steps are computed; the same as backend=NAME")
    run.add_argument("--device", metavar="NAME", help="where; the same as device=NAME")
    run.add_argument("--json", action="store_true", help="one JSON object on standard output")
    run.add_argument("--compare", action="store_true", help="train all variants, and say what each was worth")
    run.add_argument("--quiet", action="store_true", help="no progress on standard error")
    run.set_defaults(command=_run)

    settings = commands.add_parser("config", help="theme, glyphs, frame rate and keys, as they are set")
    settings.set_defaults(command=_config)

    stored = commands.add_parser("runs", help="stored and running runs")
    stored.add_argument("--json", action="store_true", help="one JSON object on standard output")
    stored.set_defaults(command=lambda o: _stored().show_all(as_json=o.json))

    show = commands.add_parser("show", help="one run: what it trains, how it stands, its report")
    show.add_argument("run", metavar="RUN", help=RUN)
    show.add_argument("--json", action="store_true", help="one JSON object on standard output")
    show.set_defaults(command=lambda o: _stored().show(o.run, as_json=o.json))

    attach = commands.add_parser("attach", help="the full-screen app on a run, with its whole history")
    attach.add_argument("run", nargs="?", default="", metavar="RUN", help=f"{RUN}; by default one under way")
    _add_glyphs(attach)
    attach.set_defaults(command=_attach)

    stop = commands.add_parser("stop", help="stop a run; it is stored up to there")
    stop.add_argument("run", metavar="RUN", help=RUN)
    stop.set_defaults(command=lambda o: _stored().stop(o.run))

    resume = commands.add_parser("resume", help="let a run go on from where it was, whatever ended it")
    resume.add_argument("run", metavar="RUN", help=RUN)
    resume.set_defaults(command=lambda o: _stored().resume(o.run))

    remove = commands.add_parser("rm", help="remove runs that are not under way, and all that they stored")
    remove.add_argument("runs", nargs="+", metavar="RUN", help=RUN)
    remove.set_defaults(command=lambda o: _stored().remove(o.runs))

    about = "a run for other programs: tables, weights, a script"
    export = commands.add_parser("export", help=about, add_help=False)
    export.set_defaults(command=lambda _: _become("export", words[1:]))

    doctor = commands.add_parser("doctor", help="what is on this machine, and what of it nnplay can use")
    doctor.add_argument("--json", action="store_true", help="one JSON object on standard output")
    doctor.set_defaults(command=_doctor)

    serve = commands.add_parser("serve", help="the app in a browser", epilog=EPILOG)
    serve.add_argument("request", nargs="*", metavar="NAME[@VARIANT] key=value…", help="what to open")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on; 127.0.0.1 by default")
    serve.add_argument("--port", type=int, default=8000, help="8000 by default")
    serve.set_defaults(command=_serve)

    check = commands.add_parser("check", help="are the kernels right on this machine", add_help=False)
    check.set_defaults(command=lambda _: _become("check", words[1:]))

    bench = commands.add_parser("bench", help="how fast is it on this machine", add_help=False)
    bench.set_defaults(command=lambda _: _bench(words[1:]))

    sweep = commands.add_parser("sweep", help="a grid of settings, over many seeds", add_help=False)
    sweep.set_defaults(command=lambda _: _become("sweep", words[1:]))

    before = ["", *words]  # what follows --glyphs is its value, not a command
    first = next(
        (w for w, b in zip(words, before, strict=False) if not w.startswith("-") and b != "--glyphs"), None
    )
    if first is not None and first not in commands.choices:
        if first.partition("@")[0] in experiments.names():
            raise RequestError(
                f"expected a command: nnplay play {first} opens it, nnplay run {first} runs it"
            )
        raise unknown("command", first, commands.choices)
    return parser


def _add_glyphs(parser: argparse.ArgumentParser) -> None:
    about = "auto, braille, block or ascii; what the locale allows by default"
    parser.add_argument("--glyphs", metavar="NAME", default=argparse.SUPPRESS, help=about)


def _play(options: argparse.Namespace) -> int:
    name, assignments = _split(options.request or [FIRST])
    if workbook := experiments.workbook(name, assignments):
        return _open(experiments.find(FIRST), options, workbook=workbook.name)
    return _open(experiments.find(name, assignments), options)


def _attach(options: argparse.Namespace) -> int:
    from engine import catalog
    from engine.runs import RunReader

    path = catalog.find(options.run) if options.run else catalog.newest()
    return _open(RunReader(path).spec, options, path)


def _open(spec: Spec, options: argparse.Namespace, run: Path | None = None, workbook: str = "") -> int:
    """The app, at a spec or on a run; afterwards, what goes on without it."""
    from tui import config

    settings = config.load()
    if options.glyphs:
        settings = replace(settings, glyphs=config.glyphs(options.glyphs))
    served = "TEXTUAL_DRIVER" in os.environ  # to a browser
    if not served and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RequestError("the app needs a terminal; nnplay run trains without one")
    gc.disable()  # until the first paint: next to nothing of what is loaded for it ever goes
    from tui.app import NnplayApp

    app = NnplayApp(spec, settings, run=run, workbook=workbook)
    app.run()
    if app.farewell and not served:
        print(app.farewell)
    return app.return_code or 0


def _config(options: argparse.Namespace) -> int:
    from tui import config

    print(config.show(config.load(), config_file()))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from tui import doctor

    return doctor.show(as_json=options.json)


def _serve(options: argparse.Namespace) -> int:
    if options.request:
        experiments.find(*_split(options.request))  # a wrong request is told here, not to every visitor
    from tui import serve

    return serve.serve(options.request, options.host, options.port)


def _stored() -> ModuleType:
    from tui import stored

    return stored


def _list(options: argparse.Namespace) -> int:
    from tui import listing

    listing.show(options.name, as_json=options.json)
    return 0


def _run(options: argparse.Namespace) -> int:
    name, assignments = _split(options.request)
    flags = {"backend": options.backend, "device": options.device}
    assignments += [f"{key}={value}" for key, value in flags.items() if value is not None]
    if workbook := experiments.workbook(name, assignments):
        from tui import headless_workbook

        return headless_workbook.run(workbook, as_json=options.json)
    spec = experiments.find(name, assignments)
    if options.compare:
        from tui import comparison

        return comparison.run(spec.experiment, assignments, as_json=options.json)
    from tui import headless

    return headless.run(spec, as_json=options.json, quiet=options.quiet)


def _bench(words: Sequence[str]) -> int:
    known = (*registry.names("bench"), "ui")
    if not words or words[0] in ("-h", "--help"):
        print(f"usage: nnplay bench {{{','.join(known)}}} [--json] [--help]")
        return 0
    if words[0] not in known:
        raise unknown("benchmark", words[0], known)
    if words[0] == "ui":
        from tui import bench

        return bench.main(words[1:])
    return _become(f"bench.{words[0]}", words[1:])


def _become(name: str, words: Sequence[str]) -> NoReturn:
    """Replace this process by one that runs a command of the engine, which may import torch."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "engine", name, *words])


def _split(request: list[str]) -> tuple[str, list[str]]:
    """The experiment's name and the key=value words of a request."""
    if "=" in request[0]:
        raise RequestError(f"expected an experiment's name first, got {request[0]!r}; nnplay list shows them")
    return request[0], request[1:]


def _version() -> str:
    from importlib import metadata

    return f"nnplay {metadata.version('nnplay')}"
