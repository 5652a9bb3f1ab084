"""Rounds: one pipeline from its first start to its verdict, struck on the way.

A round is a function (rng, folder, program) -> Outcome. Its folder is its own.
"""
import collections
import dataclasses
import glob
import hashlib
import os
import shutil
import subprocess
import time

import judge
import pipelines
import records
import strikes

# 0: done. 74: input or output. 75: stopped with work left. 127 and 1 under strace: not started.
CODES_AFTER_ERRORS = (0, 74, 75)
STRIKES_MAX = 12


@dataclasses.dataclass
class Outcome:
    lives: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    tally: judge.Tally = dataclasses.field(default_factory=judge.Tally)
    words: list = dataclasses.field(default_factory=list)

    def fail(self, what):
        self.words.append(what)
        self.tally["broken"] += 1

    def count(self, life):
        if life.struck:
            self.lives[life.kind] += 1


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def prepare(rng, folder, program, **fixed):
    """Draws a pipeline and its inputs. Returns pipeline, records by file, command."""
    pipeline = pipelines.draw(rng, **fixed)
    total = int(300 * 40 ** rng.random())
    count = rng.randrange(1, 5)
    files = [records.make(rng, f, total // count, 3000) for f in range(count)]
    for i, some in enumerate(files):
        write(os.path.join(folder, "in", f"{i}.log"), records.encode(some, pipeline.framing))
    write(os.path.join(folder, "p.toml"), pipeline.config().encode())
    command = [program, "run", "--ring", pipeline.ring, "--progress", "off", "p.toml"]
    return pipeline, files, command


def check_end(life, outcome, allowed):
    """False: there is no sense in going on."""
    if life.code is None:
        outcome.fail(f"hangs ({life.kind})")
    elif life.code < 0 and not life.struck:
        outcome.fail(f"died of signal {-life.code} ({life.kind})")
    elif life.code >= 0 and life.code not in allowed:
        outcome.fail(f"exit code {life.code} ({life.kind})")
    return not outcome.words


def end(folder, command, pipeline, files, outcome):
    """Undisturbed to its end, then judged."""
    life = strikes.none(None, folder, command)
    if not check_end(life, outcome, (0,)):
        return outcome
    tally, words = judge.judge(folder, pipeline, files)
    outcome.tally.update(tally)
    outcome.words += words
    return outcome


def kills(rng, folder, program):
    """Kills of every kind until the run is done, or STRIKES_MAX of them."""
    pipeline, files, command = prepare(rng, folder, program)
    ways = [strikes.at_random] * 3 + [strikes.at_event] * 2 + [strikes.twice, strikes.asked]
    outcome = Outcome()
    for _ in range(STRIKES_MAX):
        life = rng.choice(ways)(rng, folder, command)
        outcome.count(life)
        if not check_end(life, outcome, (0, 75)):
            return outcome
        if life.code == 0 and life.kind != "SIGTERM":
            break
    return end(folder, command, pipeline, files, outcome)


def calls(rng, folder, program):
    """Kills at the n-th system call. What io_uring does strace does not see: both rings by turns."""
    pipeline, files, command = prepare(rng, folder, program)
    outcome = Outcome()
    for _ in range(STRIKES_MAX):
        life = strikes.at_call(rng, folder, command)
        outcome.count(life)
        if not check_end(life, outcome, (0,)):
            return outcome
        if life.code == 0:
            break
    return end(folder, command, pipeline, files, outcome)


def errors(rng, folder, program):
    """System calls that fail, on the ring that makes them."""
    pipeline, files, command = prepare(rng, folder, program, ring="posix")
    outcome = Outcome()
    for _ in range(4):
        life = strikes.with_error(rng, folder, command)
        outcome.count(life)
        # 1, 127: strace or the loader were hit.
        if not check_end(life, outcome, CODES_AFTER_ERRORS + (1, 127)):
            return outcome
    return end(folder, command, pipeline, files, outcome)


class Writer:
    """A service that logs to app.log and is rotated as logrotate does it with `create`."""

    def __init__(self, rng, folder):
        self.rng, self.folder = rng, os.path.join(folder, "in")
        self.path = os.path.join(self.folder, "app.log")
        os.makedirs(self.folder, exist_ok=True)
        self.written, self.file = [], open(self.path, "ab", buffering=0)

    def write_some(self):
        some = records.make(self.rng, 0, self.rng.randrange(1, 120), 400)
        for record in some:
            record["n"] = len(self.written)
            record["id"] = f"0-{record['n']}"
            self.written.append(record)
        data = b"".join(records.line(r) + b"\n" for r in some)
        at = self.rng.randrange(len(data))
        self.file.write(data[:at])
        if self.rng.random() < 0.3:
            time.sleep(0.01 * self.rng.random())
        self.file.write(data[at:])

    def burst(self, number):
        """A log of a new name that is rotated almost at once."""
        kept, self.path = (self.path, self.file), os.path.join(self.folder, f"burst{number}.log")
        self.file = open(self.path, "ab", buffering=0)
        self.write_some()
        time.sleep(0.03 * self.rng.random() ** 2)
        self.rotate()
        self.write_some()
        self.file.close()
        self.path, self.file = kept

    def rotate(self):
        """app.log -> app.log.1 -> app.log.2 ...; the writer goes on in the old file for a moment."""
        old = self.file
        numbers = sorted((int(p.rsplit(".", 1)[1]) for p in glob.glob(self.path + ".*")), reverse=True)
        for number in numbers:
            os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        os.rename(self.path, self.path + ".1")
        self.file = open(self.path, "ab", buffering=0)
        if self.rng.random() < 0.3:
            fresh, self.file = self.file, old
            self.write_some()
            self.file = fresh
        old.close()


def rotation(rng, folder, program):
    """A log that is written and rotated while its reader is killed and started again."""
    pipeline = pipelines.draw(rng, framing="lines", end="never", include=["in/*.log"])
    for sink in pipeline.sinks:
        sink.inject.pop("latency", None)
    write(os.path.join(folder, "p.toml"), pipeline.config().encode())
    command = [program, "run", "--ring", pipeline.ring, "--progress", "off", "p.toml"]
    writer, outcome = Writer(rng, folder), Outcome()
    process, said = strikes.start(folder, command), 0
    writer.write_some()
    if not wait_until_it_says(folder, b"file found"):
        outcome.fail("hangs (nothing was found)")
        process.kill()
        process.wait()
        return outcome
    for i in range(rng.randrange(40, 160)):
        writer.write_some()
        if rng.random() < 0.04:
            writer.burst(i)
        if rng.random() < 0.15:
            writer.rotate()
        time.sleep(0.03 * rng.random() ** 2)
        if rng.random() < 0.08:
            process.kill()
            process.wait()
            outcome.lives["during rotations"] += 1
            if rng.random() < 0.3:
                writer.write_some()
                writer.rotate()
            said = os.path.getsize(folder + "/log")
            process = strikes.start(folder, command)
    wait_until_all_is_there(folder, pipeline, [writer.written])
    # Before its first words nobody listens to signals.
    wait_until_it_says(folder, b"\n", said)
    process.terminate()
    life = strikes.finish("SIGTERM", process)
    if not check_end(life, outcome, (0,)):
        return outcome
    tally, words = judge.judge(folder, pipeline, [writer.written])
    # A line that the writer wrote to the renamed file after the new one began may come later.
    tally.pop("disordered", None)
    outcome.tally.update(tally)
    outcome.words += [w for w in words if "disordered" not in w]
    return outcome


def wait_until_it_says(folder, words, after=0):
    """In its log, beyond byte `after`. (What was rotated before the first look of all is an archive.)"""
    until = time.monotonic() + 300
    while words not in judge.read(folder + "/log")[after:]:
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def wait_until_all_is_there(folder, pipeline, files):
    """Judges only when the outputs have stood still for a while: judging is slow."""
    until, before = time.monotonic() + 300, None
    while time.monotonic() < until:
        sizes = [os.path.getsize(p) for p in sorted(glob.glob(folder + "/out/*"))]
        if sizes == before:
            tally, _ = judge.judge(folder, pipeline, files)
            if not tally["lost"]:
                return
        before = sizes
        time.sleep(0.5)


def full_disk(rng, folder, program):
    """Outputs and state on a small disk that somebody else fills and clears; kills beside."""
    if os.geteuid() != 0:
        return Outcome()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m", "none", folder]
    subprocess.run(mount, check=True)
    try:
        pipeline, files, command = prepare(rng, folder, program)
        outcome = Outcome()
        size = shutil.disk_usage(folder).used + (1 << 20)
        subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)
        for _ in range(6):
            free = shutil.disk_usage(folder).free
            write(os.path.join(folder, "filler"), b"\0" * max(0, int(free * rng.random())))
            life = rng.choice([strikes.at_random, strikes.asked])(rng, folder, command)
            outcome.count(dataclasses.replace(life, kind="on a full disk"))
            os.unlink(os.path.join(folder, "filler"))
            if not check_end(life, outcome, (0, 74, 75)):
                return outcome
        subprocess.run(["mount", "-o", "remount,size=200m", folder], check=True)
        return end(folder, command, pipeline, files, outcome)
    finally:
        subprocess.run(["umount", folder], check=True)


def outputs_hash(folder):
    return [hashlib.sha256(judge.read(p)).hexdigest() for p in sorted(glob.glob(folder + "/out/*"))]


def slots_of(state):
    return {path: judge.read(path) for path in sorted(glob.glob(state + "/checkpoint.[ab]"))}


def damage(rng, path):
    data = bytearray(judge.read(path))
    kind = rng.randrange(6)
    if kind == 0 or not data:
        data += bytes(rng.randrange(256) for _ in range(rng.randrange(1, 600)))
    elif kind == 1:
        del data[rng.randrange(len(data)) :]
    elif kind == 2:
        at = rng.randrange(len(data))
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 3:
        at = rng.randrange(len(data))
        data[at : at + 512] = bytes(len(data[at : at + 512]))
    elif kind == 4:
        data = bytearray(rng.randrange(256) for _ in range(len(data)))
    else:
        data = data + data
    write(path, bytes(data))


def checkpoints(rng, folder, program):
    """Slots of the checkpoint are damaged between two lives: exact, or refused and left alone."""
    pipeline, files, command = prepare(rng, folder, program)
    outcome, state = Outcome(), os.path.join(folder, "state")
    kept, damaged = {}, {}
    for _ in range(2 * STRIKES_MAX):
        before = outputs_hash(folder)
        life = strikes.at_random(rng, folder, command)
        outcome.count(life)
        # What a start refused is as it was: that is what refusing means.
        if life.code in (74, 78) and damaged and slots_of(state) == damaged:
            outcome.lives["refused a damaged checkpoint"] += 1
            if outputs_hash(folder) != before:
                outcome.fail("refused the checkpoint and changed an output")
            for path, data in kept.items():
                write(path, data)
        elif not check_end(life, outcome, (0,)):
            return outcome
        if life.code == 0:
            break
        if slots_of(state) == damaged:
            continue  # Struck before it looked at them.
        kept = slots_of(state)
        if kept and rng.random() < 0.5:
            for path in list(kept) if rng.random() < 0.3 else [rng.choice(list(kept))]:
                damage(rng, path)
            damaged = slots_of(state)
    for path, data in (kept if slots_of(state) == damaged else {}).items():
        write(path, data)
    return end(folder, command, pipeline, files, outcome)


KINDS = {f.__name__: f for f in (kills, calls, errors, rotation, full_disk, checkpoints)}
WEIGHTS = {"kills": 8, "calls": 4, "errors": 3, "rotation": 2, "full_disk": 2, "checkpoints": 2}
