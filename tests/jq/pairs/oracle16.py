"""What Debian's jq 1.6 makes of pairs: reads lines of a program, a tab and a record; answers a line
each, as oracle.py does for 1.8. The records of one program that follow each other are one child.
"""
import resource
import subprocess
import sys

SECONDS = 10
MEMORY = 1 << 30
MARK = "\x1e"


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def answers(program, records):
    # An error is an output, too, so that each record has its answer behind a mark.
    wrapped = (f'"{MARK}", (try (({program}) | tojson | "=" + .) catch '
               f'("!" + (if type == "string" then . else "(not a string): " + tojson end)))')
    try:
        child = subprocess.run(["jq", "-r", wrapped], input="\n".join(records).encode() + b"\n",
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS,
                               preexec_fn=limit, check=False)
    except subprocess.TimeoutExpired:
        return ["~ time"] * len(records)
    if child.returncode == 3:
        return ["? " + child.stderr.decode(errors="replace").split("\n")[0]] * len(records)
    parts = child.stdout.decode(errors="replace").split(MARK + "\n")[1:]
    found = []
    for part in parts:
        lines = part.split("\n")[:-1]
        errors = [line[1:] for line in lines if line[:1] == "!"]
        if errors:
            found.append("! " + errors[0].replace("\t", "\\t"))
        elif any(line[:1] != "=" for line in lines):
            found.append("~ texts over several lines")
        else:
            found.append("\t".join(line[1:] for line in lines))
    return (found + ["~ died"] * len(records))[:len(records)]


def main():
    pending, program = [], None
    for line in list(sys.stdin.buffer) + [b"\t"]:
        text, _, record = line.decode().rstrip("\n").partition("\t")
        if text != program and pending:
            for said in answers(program, pending):
                sys.stdout.buffer.write(said.encode(errors="surrogateescape") + b"\n")
            sys.stdout.buffer.flush()
            pending = []
        program = text
        pending.append(record)


main()
