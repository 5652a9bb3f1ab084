"""Pipelines of the campaigns: what is drawn, the config file of it, and what each sink is to get."""
import dataclasses


@dataclasses.dataclass
class Sink:
    name: str
    takes: str  # A source or transform, by name.
    framing: str
    delivery: str
    fsync: str
    inject: dict


@dataclasses.dataclass
class Pipeline:
    framing: str
    mode: str
    threads: int
    ring: str
    end: str
    include: list
    shape: str  # What stands between: see SHAPES.
    sinks: list
    dead_letters: bool
    commit_ms: int

    def config(self):
        text = f"""data_dir = "state"
[engine]
memory_limit = "{'16MiB' if self.threads else '8MiB'}"
commit_interval = "{self.commit_ms}ms"
shutdown_timeout = "20s"
mode = "{self.mode}"
transform_threads = {self.threads}
[sources.in]
type = "file"
include = {self.include!r}
framing = "{self.framing}"
end = "{self.end}"
poll_interval = "5ms"
"""
        text += SHAPES[self.shape][0]
        for sink in self.sinks:
            text += f"""[sinks.{sink.name}]
type = "file"
inputs = ["{sink.takes}"]
path = "out/{sink.name}"
framing = "{sink.framing}"
delivery = "{sink.delivery}"
fsync = "{sink.fsync}"
batch = {{ max_bytes = "16KiB" }}
retry = {{ max_attempts = 0, initial_backoff = "1ms", max_backoff = "4ms" }}
"""
            if sink.inject:
                pairs = ", ".join(f"{k} = {v!r}" for k, v in sink.inject.items())
                text += f"inject = {{ {pairs} }}\n".replace("'", '"')
        if self.dead_letters:
            text += '[dead_letters]\ntype = "file"\npath = "out/dead"\n'
        return text

    def expected(self, sink, records):
        """What the sink is to hold of one file's records, in order."""
        return SHAPES[self.shape][1](sink.takes, records)


def _same(_, records):
    return records


def _kept(_, records):
    return [r for r in records if r["level"] != "debug"]


def _set(_, records):
    return [{**r, "env": "prod"} for r in records]


def _routed(takes, records):
    wanted = {"by.bad": ("error",), "by._unmatched": ("debug", "info", "warn")}[takes]
    return [r for r in records if r["level"] in wanted]


def _counted(_, records):
    return [{**r, "m": r["n"] * 2 + 1} for r in records if r["n"] % 3 != 0]


# The text of the transforms, and the same in this language. The sinks' inputs: see TAKES.
SHAPES = {
    "plain": ("", _same),
    "filter": (
        '[transforms.t]\ntype = "filter"\ninputs = ["in"]\ncondition = \'.level != "debug"\'\n',
        _kept,
    ),
    "set": ('[transforms.t]\ntype = "jq"\ninputs = ["in"]\nprogram = \'.env = "prod"\'\n', _set),
    "route": (
        '[transforms.by]\ntype = "route"\ninputs = ["in"]\n'
        "route = { bad = '.level == \"error\"' }\n",
        _routed,
    ),
    "general": (
        '[transforms.t]\ntype = "jq"\ninputs = ["in"]\n'
        "program = 'select(.n % 3 != 0) | .m = .n * 2 + 1'\n",
        _counted,
    ),
}
TAKES = {
    "plain": ["in"],
    "filter": ["t"],
    "set": ["t"],
    "route": ["by.bad", "by._unmatched"],
    "general": ["t"],
}


def draw(rng, **fixed):
    """A pipeline by chance; `fixed` are fields that are not drawn."""
    framing = rng.choice(["lines"] * 4 + ["json_array", "msgpack"])
    shape = rng.choice(["plain"] * 3 + ["filter", "set", "route", "general"])
    pipeline = Pipeline(
        framing=framing,
        mode=rng.choice(["whole", "whole", "streaming", "governed", "parsed"]),
        threads=rng.choice([0, 0, 2]),
        ring=rng.choice(["uring", "posix"]),
        end="eof",
        include=["in/*.log"],
        shape=shape,
        sinks=[],
        dead_letters=False,
        commit_ms=rng.choice([1, 3, 20, 100]),
    )
    for name, value in fixed.items():
        setattr(pipeline, name, value)
    takes = TAKES[pipeline.shape]
    for i in range(max(len(takes), rng.randrange(1, 4))):
        pipeline.sinks.append(
            Sink(
                name="abc"[i],
                takes=takes[i % len(takes)],
                framing=rng.choice(["lines", "lines", "lines", "msgpack"]),
                delivery=rng.choice(["exactly_once"] * 3 + ["at_least_once"]),
                fsync=rng.choice(["batch", "never"]),
                inject=draw_inject(rng),
            )
        )
        if pipeline.sinks[-1].fsync == "never":
            pipeline.sinks[-1].inject.pop("sync_fail_percent", None)
    pipeline.dead_letters = any("refuse_percent" in s.inject for s in pipeline.sinks)
    return pipeline


def draw_inject(rng):
    inject = {}
    if rng.random() < 0.6:
        inject["latency"] = rng.choice(["200us", "1ms", "3ms"])
    for kind, most in (("fail", 20), ("throttle", 10), ("ambiguous", 20), ("sync_fail", 5)):
        if rng.random() < 0.15:
            inject[kind + "_percent"] = rng.randrange(1, most)
    if rng.random() < 0.1:
        inject["refuse_percent"] = 1
    if inject:
        inject["seed"] = rng.randrange(1 << 30)
    return inject
