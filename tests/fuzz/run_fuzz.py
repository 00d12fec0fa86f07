"""Gives parsers inputs that are nearly right: none may crash, take long, or raise what it does not say.

    python tests/fuzz/run_fuzz.py [PARSER ...] [--mutations 1000000] [--seed 0] [--keep FOLDER]

Each parser runs in a process of its own, so that a crash of the interpreter is a finding, too. An input that takes more
than a second of the processor is one; one that takes twenty seconds ends the process. Findings are kept in a folder,
each as the bytes that led to it. Exits with 1 where there are any.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import orjson

SLOW_S, HANGS_S = 1.0, 20.0
# Inputs that one timer watches over: a timer is a thread.
_PER_TIMER = 50
PARSERS_IN = Path(__file__).parent


def fuzz(name: str, num_mutations: int, seed: int, keep: Path) -> dict[str, object]:
    """In this process: what came of the mutations."""
    from parsers import PARSERS

    parser = PARSERS[name]
    seeds = parser.seeds()
    warnings.simplefilter("ignore")
    found: Counter[str] = Counter()
    num_refused = 0
    current = (keep / f"{name}.current").open("wb", buffering=0)  # eight bytes of length, then the input
    with tempfile.TemporaryDirectory() as folder:
        for data in seeds:
            parser.read(data, Path(folder))  # what is good is read
        for number in range(num_mutations):
            draw = random.Random(f"{name} {seed} {number}")
            data = parser.mutate(draw.choice(seeds), draw, seeds)
            os.pwrite(current.fileno(), len(data).to_bytes(8, "little") + data, 0)
            if not number % _PER_TIMER:
                faulthandler.dump_traceback_later(HANGS_S, exit=True)
            began = time.process_time()
            try:
                parser.read(data, Path(folder))
            except parser.refusals:
                num_refused += 1
            except BaseException as error:
                note(found, keep, name, f"{type(error).__name__}-{where(error)}", data)
            if time.process_time() - began > SLOW_S:
                note(found, keep, name, "slow", data)
    faulthandler.cancel_dump_traceback_later()
    current.close()
    Path(current.name).unlink()
    return {"parser": name, "mutations": num_mutations, "refused": num_refused, "findings": dict(found)}


def note(found: Counter[str], keep: Path, name: str, what: str, data: bytes) -> None:
    if not found[what]:
        (keep / f"{name}.{what}").write_bytes(data)
    found[what] += 1


def where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).stem}-{trace.tb_lineno}"


def fuzz_apart(name: str, num_mutations: int, seed: int, keep: Path) -> dict[str, object]:
    """In a process of its own, whose end is a finding."""
    keep.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, str(Path(__file__)), name, "--mutations", str(num_mutations), "--seed", str(seed)]
    ran = subprocess.run([*words, "--keep", str(keep), "--here"], capture_output=True, check=False)
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip()[-2000:]
        findings = {f"ended with {ran.returncode}": said}
        return {"parser": name, "mutations": num_mutations, "refused": 0, "findings": findings}
    found: dict[str, object] = orjson.loads(ran.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parsers", nargs="*")
    parser.add_argument("--mutations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "interleave-fuzz")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path[:0] = [str(PARSERS_IN), str(PARSERS_IN.parent)]
    if arguments.here:
        found = fuzz(arguments.parsers[0], arguments.mutations, arguments.seed, arguments.keep)
        print(orjson.dumps(found).decode())
        return
    from parsers import PARSERS

    num_found = 0
    for name in arguments.parsers or PARSERS:
        began = time.monotonic()
        result = fuzz_apart(name, arguments.mutations, arguments.seed, arguments.keep)
        findings = result["findings"]
        assert isinstance(findings, dict)
        num_found += len(findings)
        print(
            f"{name:14} {arguments.mutations:>10,} mutations, {result['refused']:>10,} refused, "
            f"{len(findings)} findings, {time.monotonic() - began:,.0f} s",
            flush=True,
        )
        for what, number in findings.items():
            print(f"    {what}: {number}")
    print(f"{num_found} findings{f', kept in {arguments.keep}' if num_found else ''}")
    sys.exit(num_found > 0)


if __name__ == "__main__":
    main()
