#!/usr/bin/env python3
"""Random pairs of a program and a record: the machine beside jq 1.8.

usage: pairs.py MACHINE PYTHON [SEED [COUNT [FIRST]]]

MACHINE is the program of machine_main.cpp, PYTHON one that has the package `jq`. Both run as
children over the same lines; who dies on a pair is started again behind it. Ends with 1 if the two
disagree somewhere; each disagreement is printed after it was made smaller.
"""
import json
import math
import re
import subprocess
import sys

from grammar import Maker, Node

BATCH = 100  # Programs.
RECORDS = 20  # Of each program.
# Errors whose other words are ours: of JSON texts, of paths, of libonig's patterns.
SAME_WORDS = ["(while parsing", "Invalid path expression", "Regex failure", "Cannot use "]
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]|\\u[0-9a-f]{4}")
BREAKS = re.compile(r"break|first|limit|isempty|any|all|IN|until|nth")
MATCHES = re.compile(r"match|scan|split|sub\(|capture")
EXPONENT = re.compile(r"(?<=\d)E(?=[+-]\d)")

SHOWN_MAX = 40
SMALLER_ROUNDS = 60


def run_child(command, lines, dead):
    """An answer for each line; `dead` where the child died on it."""
    answers = []
    while len(answers) < len(lines):
        rest = "\n".join(lines[len(answers):]) + "\n"
        child = subprocess.run(command, input=rest.encode(errors="surrogateescape"),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = child.stdout.decode(errors="surrogateescape").split("\n")
        answers += said[:-1]
        if len(answers) < len(lines):
            words = child.stderr.decode(errors="replace").strip().split("\n")[-1][:200]
            answers.append(f"{dead} {child.returncode} {words}")
    return answers


def number(text):
    value = float(text)
    if math.isinf(value):
        value = math.copysign(sys.float_info.max, value)
    return ("number", value + 0.0)


def pairs_of(pairs):
    return ("object", tuple(sorted((key, value) for key, value in dict(pairs).items())))


def value_of(text):
    """JSON as a value that is equal where jq's is: numbers by their double."""
    return json.loads(text, parse_float=number, parse_int=number, object_pairs_hook=pairs_of,
                      parse_constant=lambda word: number(word.replace("Infinity", "inf")))


def same_text(a, b):
    a, b = EXPONENT.sub("e", a), EXPONENT.sub("e", b).replace("GMT", "UTC")
    if a == b:
        return True
    try:
        return repr(value_of(a)) == repr(value_of(b))
    except ValueError:
        return False


def agree(machine, jq):
    """True, False, or None where nothing is to be compared."""
    if jq[:1] == "~" or machine[:2] == "~ ":
        return None
    if jq[:1] == "?" and "syntax error" in jq and machine[:1] != "?":
        return None  # What jq refuses as syntax may be taken here.
    if jq[:1] == "?" and "as object key at" in jq:
        return None  # jq finds it while it compiles.
    if "invalid gmtime" in jq:
        return None  # So jq takes the second before 1970.
    if "&apos;" in jq or "base32" in jq[:30]:
        return None  # The manual has &#39; and @base32.
    if "Paths must be" in jq and "Paths must be" not in machine:
        return None  # jq loses its own value where `?//` stands in an update.
    if machine[:1] == "?" or jq[:1] == "?":
        return machine[:1] == jq[:1]
    if machine[:1] == "!" or jq[:1] == "!":
        if machine[:1] != jq[:1]:
            return False
        mine, theirs = machine[2:], jq[2:]
        if "Invalid path expression" in theirs or "Cannot use " in theirs:
            return True  # Found earlier or later; which of two errors is told.
        if any(words in mine and words in theirs for words in SAME_WORDS):
            return True
        if mine == "(an error without words)":
            return theirs == ""
        if mine.startswith("(not a string): "):
            return same_text(mine[16:], theirs)
        if mine.startswith("Invalid path expression near") and theirs.startswith("Cannot index"):
            return True
        if mine.startswith("A slice of an array") and theirs.startswith("Out of bounds"):
            return True  # Both are so; jq looks at the outer one first.
        return EXPONENT.sub("e", mine) == EXPONENT.sub("e", theirs)
    if machine[:1] == "~":
        return None
    mine, theirs = machine.split("\t"), jq.split("\t")
    return len(mine) == len(theirs) and all(map(same_text, mine, theirs))


def judged(line, machine, jq):
    """Behind an empty match jq goes on by one byte; by one character where the text is ASCII."""
    verdict = agree(machine, jq)
    if verdict is False and "?//" in line and (jq == "" or BREAKS.search(line)):
        return None  # As above.
    if verdict is False and "nan" in line and "range" in line:
        return None  # jq never ends where a bound is no number.
    if verdict is False and BEYOND_ASCII.search(line) and MATCHES.search(line):
        return None
    return verdict


class Sides:
    def __init__(self, machine, python, oracle):
        self.machine, self.jq = [machine], [python, oracle]

    def answers(self, lines):
        jq = run_child(self.jq, lines, "~ died")
        return list(zip(run_child(self.machine, lines, "died"), jq))


def children_of(node):
    return [part for part in node.parts if isinstance(part, Node)]


def smaller(node):
    """Programs with one node replaced by one of its own, or by something plain."""
    found = []

    def visit(at, rebuild):
        for child in children_of(at):
            found.append(rebuild(child))
        if at.parts not in (["."], ["1"], ["null"]):
            found.extend(rebuild(Node(plain)) for plain in (".", "1", "null"))
        for i, part in enumerate(at.parts):
            if isinstance(part, Node):
                visit(part, lambda new, i=i: rebuild(
                    Node(*at.parts[:i], new, *at.parts[i + 1:])))

    visit(node, lambda new: new)
    return sorted(found, key=lambda one: len(one.text()))


def smaller_records(record):
    value = json.loads(record)
    found = [0, None, "a", [], {}]
    if isinstance(value, dict):
        found += [{k: v for k, v in value.items() if k != key} for key in value]
        found += list(value.values())
        found += [{**value, key: new} for key in value for new in
                  [json.loads(one) for one in smaller_records(json.dumps(value[key]))]]
    elif isinstance(value, list):
        found += [value[:i] + value[i + 1:] for i in range(len(value))] + value
        found += [value[:i] + [json.loads(one)] + value[i + 1:] for i in range(len(value))
                  for one in smaller_records(json.dumps(value[i]))]
    texts = {json.dumps(one) for one in found}
    return sorted((text for text in texts if len(text) < len(record)), key=len)


def shrink(sides, program, record):
    """The smallest program and record found that the two still disagree on."""
    for _ in range(SMALLER_ROUNDS):
        options = [(one, record) for one in smaller(program)
                   if len(one.text()) < len(program.text())]
        options += [(program, one) for one in smaller_records(record)]
        options = options[:300]
        lines = [f"{one.text()}\t{over}" for one, over in options]
        for (one, over), answers in zip(options, sides.answers(lines)):
            if judged(f"{one.text()}\t{over}", *answers) is False:
                program, record = one, over
                break
        else:
            break
    return program, record


def main():
    machine, python = sys.argv[1], sys.argv[2]
    seed = sys.argv[3] if len(sys.argv) > 3 else "1"
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 20000
    first = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    sides = Sides(machine, python, __file__.replace("pairs.py", "oracle.py"))
    told = {"compared": 0, "outputs": 0, "errors": 0, "refused": 0, "not compared": 0}
    wrong, shown = 0, set()
    at, end = first, first + (count + RECORDS - 1) // RECORDS
    while at < end:
        programs, lines = [], []
        for i in range(at, min(at + BATCH, end)):
            maker = Maker(seed, i)
            program = maker.program()
            programs.append((i, program))
            lines += [f"{program.text()}\t{maker.record()}" for _ in range(RECORDS)]
        at += BATCH
        print(f"{at} of {end} programs, {told}", file=sys.stderr, flush=True)
        failed = set()
        for k, (mine, theirs) in enumerate(sides.answers(lines)):
            verdict = judged(lines[k], mine, theirs)
            told["not compared" if verdict is None else "compared"] += 1
            if verdict is not None:
                told[{"!": "errors", "?": "refused"}.get(theirs[:1], "outputs")] += 1
            if verdict is False:
                wrong += 1
                if k // RECORDS not in failed and len(shown) < SHOWN_MAX:
                    failed.add(k // RECORDS)
                    number_of, program = programs[k // RECORDS]
                    record = lines[k].partition("\t")[2]
                    program, record = shrink(sides, program, record)
                    line = f"{program.text()}\t{record}"
                    if line not in shown:
                        shown.add(line)
                        mine, theirs = sides.answers([line])[0]
                        print(f"{seed}:{number_of}: {program.text()}  OVER  {record}\n"
                              f"    machine: {mine[:300]}\n    jq 1.8:  {theirs[:300]}", flush=True)
    print(", ".join(f"{value} {key}" for key, value in told.items()) + f", {wrong} disagree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
