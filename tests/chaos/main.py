"""Campaigns against the real program: see docs/reliability.md. Exit code 1 if a promise was broken."""
import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

import judge
import rounds
import strikes


def play(seed, weights, program, keep):
    rng = random.Random(seed)
    kind = rng.choices(list(weights), weights.values())[0]
    folder = tempfile.mkdtemp(prefix=f"chaos-{seed}-", dir=keep)
    try:
        outcome = rounds.KINDS[kind](rng, folder, program)
    except Exception:  # A bug of the campaign itself is a failure as well, with its seed.
        outcome = rounds.Outcome()
        outcome.fail("the campaign broke: " + traceback.format_exc())
    if outcome.words:
        where = os.path.join(keep, f"failed-{kind}-{seed}")
        shutil.rmtree(where, ignore_errors=True)
        os.rename(folder, where)
        outcome.words.append("kept in " + where)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return kind, outcome


def report(done, seconds, seeds):
    lives, total = collections.Counter(), judge.Tally()
    print("| campaign | rounds | strikes | records judged | lost | torn | repeated (exactly once) "
          "| repeated (at least once) |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in rounds.KINDS:
        some = [o for k, o in done if k == kind]
        tally = judge.Tally()
        for outcome in some:
            tally.update(outcome.tally)
            lives.update(outcome.lives)
        total.update(tally)
        struck = sum(sum(o.lives.values()) for o in some)
        print(f"| {kind} | {len(some)} | {struck} | {tally['records']} | {tally['lost']} | {tally['torn']} "
              f"| {tally['repeated']} | {tally['repeated at least once']} |")
    print()
    print("Strikes: " + ", ".join(f"{n} {kind}" for kind, n in lives.most_common()) + ".")
    failed = sum(1 for _, o in done if o.words)
    print(f"{sum(lives.values())} strikes in {len(done)} rounds, seeds {seeds}, {seconds:.0f} s.")
    print(f"{len(done) - failed} passed, {failed} failed")
    return failed


def main():
    parser = argparse.ArgumentParser(
        prog="./dev chaos",
        description="Kills, errors, full disks, rotations and damaged checkpoints against the real "
        "program, judged by its files.",
        epilog="Example: ./dev chaos --minutes 10 --seed 7",
    )
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=1, help="how long (default 1)")
    parser.add_argument("--strikes", type=int, default=0, help="and at least so many strikes")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; then 1 more each")
    parser.add_argument("--rounds", type=int, default=0, help="this many, however long it takes")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="at a time")
    parser.add_argument("--only", choices=list(rounds.KINDS), help="rounds of this kind alone")
    parser.add_argument("--without", choices=list(rounds.KINDS), help="no rounds of this kind")
    parser.add_argument("--folder", default="build/chaos", help="where it works and keeps what failed")
    args = parser.parse_args()
    keep = os.path.abspath(args.folder)
    os.makedirs(keep, exist_ok=True)
    if not strikes.has_strace():
        sys.exit("strace is missing; ./dev chaos installs it")
    weights = {k: w for k, w in rounds.WEIGHTS.items()
               if args.only in (None, k) and k != args.without}
    begun, done, seed = time.monotonic(), [], args.seed

    # Who has no more time wants what was found so far: rounds under way are finished first.
    asked = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.append(True))

    def goes_on():
        if asked:
            return False
        if args.rounds:
            return seed < args.seed + args.rounds
        struck = sum(sum(o.lives.values()) for _, o in done)
        return time.monotonic() < begun + 60 * args.minutes or struck < args.strikes

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        running = {}
        while running or goes_on():
            while len(running) < args.jobs and goes_on():
                running[pool.submit(play, seed, weights, os.path.abspath(args.program), keep)] = seed
                seed += 1
            ended, _ = concurrent.futures.wait(running, 1, concurrent.futures.FIRST_COMPLETED)
            for future in ended:
                of = running.pop(future)
                kind, outcome = future.result()
                done.append((kind, outcome))
                for words in outcome.words:
                    print(f"FAIL seed {of} ({kind}): {words}", file=sys.stderr, flush=True)
    seeds = f"{args.seed} to {seed - 1}"
    failed = report(done, time.monotonic() - begun, seeds)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
