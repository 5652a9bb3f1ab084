#!/usr/bin/env python3
"""Where jq 1.6 and jq 1.8 differ over random pairs, and which of the two the machine is with.

usage: classes16.py MACHINE PYTHON [SEED [PROGRAMS]]

Prints how many pairs all three agree on, how many only 1.6 sees otherwise (by what it says), and
each that the machine sees as neither does.
"""
import collections
import re
import sys

from grammar import Maker
from pairs import RECORDS, judged, run_child


def class_of(theirs, right):
    if theirs[:1] == "?":
        return "1.6 has no such syntax or function"
    if theirs[:1] == "~":
        return "1.6 gives no answer in time, or dies"
    if theirs[:1] == "!" and right[:1] == "!":
        return "other words of the error"
    if theirs[:1] == "!":
        return "an error in 1.6 only: " + re.sub(r"[(\"].*|\d+", "", theirs[2:])[:40].strip()
    if right[:1] == "!":
        return "an error in 1.8 only: " + re.sub(r"[(\"].*|\d+", "", right[2:])[:40].strip()
    return "another value"


def main():
    here = __file__.rsplit("/", 1)[0]
    machine, python = [sys.argv[1]], sys.argv[2]
    seed = sys.argv[3] if len(sys.argv) > 3 else "1"
    programs = int(sys.argv[4]) if len(sys.argv) > 4 else 500
    told, alone = collections.Counter(), 0
    for at in range(0, programs, 50):
        lines = []
        for i in range(at, min(at + 50, programs)):
            maker = Maker(seed, i)
            text = maker.program().text()
            lines += [f"{text}\t{maker.record()}" for _ in range(RECORDS)]
        ours = run_child(machine, lines, "died")
        new = run_child([python, f"{here}/oracle.py"], lines, "~ died")
        old = run_child(["python3", f"{here}/oracle16.py"], lines, "~ died")
        for line, mine, right, theirs in zip(lines, ours, new, old):
            if judged(line, mine, theirs):
                told["as 1.6 and 1.8" if judged(line, mine, right) else "as 1.6"] += 1
            elif judged(line, mine, right) is not False:
                told["as 1.8, otherwise 1.6: " + class_of(theirs, right)] += 1
            else:
                alone += 1
                print(f"as neither: {line}\n  {mine[:200]}\n  1.8: {right[:200]}\n  1.6: {theirs[:200]}")
    for name, count in told.most_common():
        print(f"{count:8} {name}")
    print(f"{alone:8} as neither")
    return 1 if alone else 0


if __name__ == "__main__":
    sys.exit(main())
