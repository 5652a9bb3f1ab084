"""What the outputs of a round hold, against what they are to hold. It looks at files only."""
import base64
import collections
import json
import os

import records


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def record_of(letter):
    """MsgPack stands there as base64, as all that is no UTF-8."""
    if letter["encoding"] == "base64":
        return records.unpack(base64.b64decode(letter["payload"]), 0)[0]
    return json.loads(letter["payload"])


def dead_letters(path, sink):
    """Ids of the records that were set aside for one sink."""
    out = set()
    for text in read(path).split(b"\n"):
        if not text:
            continue
        letter = json.loads(text)
        if letter["sink"] == sink:
            out.add(record_of(letter)["id"])
    return out


class Tally(collections.Counter):
    """lost, repeated, torn, out of order, changed: what none of must be."""

    def bad(self):
        return {k: v for k, v in self.items() if v and k in MUST_NOT}


MUST_NOT = ("lost", "repeated", "torn", "invented", "disordered", "changed")


def judge_sink(folder, pipeline, sink, files):
    """files: a list of records for each input. Returns a Tally, and words for the first of each."""
    tally, words = Tally(), []

    def count(kind, what):
        if not tally[kind]:
            words.append(f"{sink.name}: {kind}: {what}")
        tally[kind] += 1

    found, torn = records.decode(read(os.path.join(folder, "out", sink.name)), sink.framing)
    for piece in torn:
        count("torn", piece)
    dead = dead_letters(os.path.join(folder, "out", "dead"), sink.name)
    wanted = {}
    for some in files:
        for record in pipeline.expected(sink, some):
            wanted[record["id"]] = record
    seen, last = collections.Counter(), {}
    exactly = sink.delivery == "exactly_once"
    for record in found:
        name = record.get("id") if isinstance(record, dict) else None
        if name not in wanted:
            count("invented", str(record)[:80])
            continue
        if record != wanted[name]:
            count("changed", f"{record} for {wanted[name]}"[:200])
        if seen[name] and exactly:
            count("repeated", name)
        elif not seen[name] and last.get(record["file"], -1) > record["n"] and exactly:
            count("disordered", name)
        elif seen[name]:
            tally["repeated at least once"] += 1
        seen[name] += 1
        last[record["file"]] = record["n"]
    for name in wanted:
        if name not in seen and name not in dead:
            count("lost", name)
    tally["records"] = len(wanted)
    return tally, words


def judge(folder, pipeline, files):
    total, said = Tally(), []
    for sink in pipeline.sinks:
        tally, words = judge_sink(folder, pipeline, sink, files)
        total.update(tally)
        said += words
    return total, said
