#!/usr/bin/env python3
"""The table of cases beside jq 1.8.

usage: table.py PYTHON check            each line of machine_cases.txt is what jq 1.8 gives
       table.py PYTHON right < CASES    lines of a program, a tab and a record, with what jq gives

PYTHON has the package `jq`. What jq refuses, or what the package gives otherwise than the manual,
is left out of `right`, and named by `check`.
"""
import os
import sys

from pairs import agree, run_child

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "..", "machine_cases.txt")
MODULES = os.path.join(HERE, "..", "module_cases.txt")


def rows_of(lines):
    return [line.rstrip("\n").split("\t") for line in lines if line.strip() and line[0] != "#"]


def told(answer):
    """As the table has it."""
    return answer if answer[:1] in "!?~" else answer.replace("\t", "  ")


def modules_wrong(command):
    folder = os.path.abspath(os.path.join(HERE, "..", "modules"))
    with open(MODULES, encoding="utf-8") as table:
        rows = rows_of(line.replace("@", folder) for line in table)
    wrong = 0
    for row, answer in zip(rows, run_child(command, [row[0] + "\tnull" for row in rows], "~")):
        if row[1] == "?" and answer[:1] == "?":
            continue
        if row[1] != told(answer) and agree(row[1].replace("  ", "\t"), answer) is False:
            wrong += 1
            print(f"{row[0]}\n    table:  {row[1]}\n    jq 1.8: {told(answer)}")
    print(f"{len(rows)} programs that import, {wrong} otherwise than jq 1.8")
    return wrong


def main():
    command = [sys.argv[1], os.path.join(HERE, "oracle.py")]
    if sys.argv[2] == "right":
        rows = rows_of(sys.stdin)
        for row, answer in zip(rows, run_child(command, ["\t".join(row) for row in rows], "~")):
            if answer[:1] not in "?~":
                print(*row, told(answer), sep="\t")
        return 0
    with open(TABLE, encoding="utf-8") as table:
        rows = rows_of(table)
    wrong = 0
    for row, answer in zip(rows, run_child(command, ["\t".join(row[:2]) for row in rows], "~")):
        mine = row[2] if row[2][:1] == "!" else row[2].replace("  ", "\t")
        if row[2] != told(answer) and agree(mine, answer) is False:
            wrong += 1
            print(f"{row[0]}  OVER  {row[1]}\n    table:  {row[2]}\n    jq 1.8: {told(answer)}")
    print(f"{len(rows)} cases, {wrong} otherwise than jq 1.8")
    return 1 if wrong + modules_wrong(command) else 0


if __name__ == "__main__":
    sys.exit(main())
