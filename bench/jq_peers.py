#!/usr/bin/env python3
"""jq programs here and in other implementations, in one go; a Markdown table.

usage: jq_peers.py BUILD WORK [--runs N] [--lines N] [--python PYTHON] [--jaq JAQ]

BUILD has bench/bench_jq and holdfast. Each program of jq_programs.tsv runs in turn in each of them,
N times; what counts is the lowest processor time (user and system), less that of the same command
over one line, so neither a busy machine nor a slow start counts. PYTHON has the package `jq`, which
carries jq 1.8. Who is not installed is left out.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOOP = """
import sys, jq
program = jq.compile(sys.argv[1])
for line in open(sys.argv[2]):
    for one in program.input_text(line):
        pass
"""


def processor_time(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 5):
        return None
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def programs():
    with open(f"{HERE}/jq_programs.tsv", encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file]


def tools(options):
    """Each as (name, command of a program and a file, lines that take it some tenths of a second)."""
    all_tools = [("holdfast jq", lambda p, f: [f"{options.build}/holdfast", "jq", "-c", p, f], 20)]
    for name, path in (("jq 1.6", "/usr/bin/jq"), ("gojq", "/usr/bin/gojq"),
                       ("jaq", options.jaq)):
        if path and os.path.exists(path):
            all_tools.append((name, lambda p, f, path=path: [path, "-c", p, f],
                              4 if name == "jaq" else 1))
    if options.python and os.path.exists(options.python):
        all_tools.insert(2, ("jq 1.8", lambda p, f: [options.python, "-c", LOOP, p, f], 1))
    return all_tools


def in_memory(options, names):
    """Records a second of bench_jq, the best of the runs."""
    best = {}
    for _ in range(options.runs):
        said = subprocess.run(
            [f"{options.build}/bench/bench_jq", f"{HERE}/jq_programs.tsv",
             "--benchmark_filter=here", "--benchmark_format=json", "--benchmark_min_time=0.1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        for one in json.loads(said)["benchmarks"]:
            name = one["name"].split("/")[1]
            if "items_per_second" in one:
                rate = (one["items_per_second"], one.get("label", ""))
                best[name] = max(best.get(name, (0, "")), rate)
    return [best.get(name, (0, "failed")) for name in names]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("work")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lines", type=int, default=10000)
    parser.add_argument("--python", default="build/jq-1.8/bin/python3")
    parser.add_argument("--jaq", default=shutil.which("jaq"))
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    sides = tools(options)
    files = {}
    for factor in {0} | {side[2] for side in sides}:
        files[factor] = f"{options.work}/jq_lines_{factor}"
        subprocess.run([f"{options.build}/bench/bench_jq", "--lines",
                        str(max(1, factor * options.lines)), files[factor]], check=True)
    all_programs = programs()
    memory = in_memory(options, [one[0] for one in all_programs])
    print("| program | engine | M records/s | to reach | " + " | ".join(
        f"`holdfast jq`" if side[0] == "holdfast jq" else f"{side[0]}, times" for side in sides) + " |")
    print("|---|---|---|---|" + "---|" * len(sides))
    for (name, goal, text), (rate, engine) in zip(all_programs, memory):
        print(f"{name}", file=sys.stderr, flush=True)
        cells = []
        starts, wholes = {}, {}
        for _ in range(options.runs):
            for side, command, factor in sides:
                for where, file in ((starts, files[0]), (wholes, files[factor])):
                    time = processor_time(command(text, file))
                    if time is not None:
                        where[side] = min(where.get(side, 1e9), time)
        for side, _, factor in sides:
            if side not in wholes or side not in starts:
                cells.append("fails")
                continue
            theirs = factor * options.lines / max(1e-4, wholes[side] - starts[side])
            cells.append(f"{theirs / 1e6:.2f} M" if side == "holdfast jq"
                         else f"{theirs / 1e6:.3f} M, {rate / theirs:.0f}")
        text = text.replace("|", "\\|")
        print(f"| `{text}` | {engine} | {rate / 1e6:.2f} | {goal} | " + " | ".join(cells) + " |",
              flush=True)


if __name__ == "__main__":
    main()
