"""What jq 1.8 makes of pairs: reads lines of a program, a tab and a record; answers a line each.

Runs in the Python of a virtual environment that has the package `jq`; a child of pairs.py, which
starts it again where it dies. An alarm that nobody handles ends what takes too long.
"""
import resource
import signal
import sys

import jq

SECONDS = 3
MEMORY = 1 << 30
OUTPUTS = 3000

# What jq 1.8's manual has and the package has not, or has otherwise.
LACKING = """
def leaf_paths: paths(scalars);
def toarray: if type == "array" then . else [.] end;
def dateadd(u; n): . + n; def datesub(u; n): . - n; def date: todate;
def ascii: [.] | implode; def isvalid(f): try (f | true) catch false;
def from_entries: reduce .[] as $x ({}; . + {($x | if .key == null
    then .k // .name // .Name // .K // .Key else .key end
    | if type == "string" then . else tojson end):
    ($x | if has("value") then .value elif has("v") then .v else .Value end)});
def reverse: if type == "string" then explode | reverse | implode
    else [.[length - 1 - range(0; length)]] end;
def with_entries(f): to_entries | map(f) | from_entries;
""".replace("\n", " ")


def answer(program, record):
    outputs = []
    for output in program.input_text(record):
        outputs.append(output)
        if len(outputs) > OUTPUTS:
            return "~ more outputs than are compared"
    return "\t".join(outputs)


def main():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    source, program = None, None
    for line in sys.stdin.buffer:
        text, _, record = line.decode().rstrip("\n").partition("\t")
        signal.alarm(SECONDS)
        try:
            if text != source:
                program = jq.compile(f"{LACKING}({text})|tojson")
                source = text
            said = answer(program, record)
        except ValueError as error:
            words = str(error)
            said = ("? " if words.startswith("jq: error") and "compile error" in words
                    else "! ") + words.replace("\n", "\\n").replace("\t", "\\t")
            if said[0] == "?":
                source = None
        except MemoryError:
            said = "~ memory"
        signal.alarm(0)
        sys.stdout.buffer.write(said.encode(errors="surrogateescape") + b"\n")
        sys.stdout.buffer.flush()


main()
