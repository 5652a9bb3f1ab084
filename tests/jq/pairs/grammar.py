"""Random programs of jq and records for them.

Rule 1: a program and its records follow from the seed and the pair's number alone.
Rule 2: a program is a tree whose text is one line; whoever shrinks it takes its parts.
Bound: loops and recursion are short, so that an answer takes milliseconds.
"""
import json
import random

from builtins_of_jq import ARRAYS, NUMBERS, OBJECTS, PATTERNS, PIECES, STRINGS, TIMES, ANYTHING


class Node:
    """A piece of a program: texts and nodes, one after the other."""

    __slots__ = ("parts",)

    def __init__(self, *parts):
        self.parts = list(parts)

    def text(self):
        out, stack = [], [self]
        while stack:
            at = stack.pop()
            if isinstance(at, str):
                out.append(at)
            else:
                stack.extend(reversed(at.parts))
        return "".join(out)


KEYS = ["a", "b", "c", "d", "e", "a b", "é", "if"]
PLAIN = ["a", "b", "c", "d", "e"]
TEXTS = ["", "a", "b", "abc", "a,b, c", "aXbxab", "x1 y22", "é日本", "😀a", " pad ", "\t\n", "null",
         "12", "1.5", "-300", "nan", "[1,2]", "{\"a\":1}", "2015-03-05T23:51:47Z", "<&'\">",
         "aGVsbG8=", "aGVsbG8", "a.b/c?d=e&f", "10:20", "ABC", "test", "ſß", "\u0001z", "%41+b"]
# Each is written as jq writes it: what keeps its digits here is written anew by jq elsewhere.
NUMBERS_OF_RECORDS = [0, 1, 2, 3, -1, -2, 10, 0.5, 1.5, 2.25, 100, 255, 1425599621, 65, 1234.5,
                      9007199254740993, 100000000000000000, 123456789012, -7, 3.999, 0.001, -0.0]
PROGRAM_NUMBERS = ["0", "1", "2", "3", "-1", "10", "0.5", "1.5", "1000", "5", "4", "7", "-2", "100000000000000000",
                   "nan", "infinite", "-infinite", "3.7", "100", "0.001", "255", "65",
                   "9007199254740993", "100000000000000000000", "1.000", ".5", "2."]


class Maker:
    def __init__(self, seed, number):
        self.r = random.Random(f"{seed}:{number}")
        self.variables = []
        self.functions = []  # (name, parameters)
        self.closures = []
        self.labels = []
        self.fresh = 0

    # ---- records ----
    def value(self, depth):
        r = self.r
        kind = r.random()
        if depth > 0 and kind < 0.35:
            keys = r.sample(KEYS, r.choice([0, 1, 2, 2, 3, 4]))
            return {key: self.value(depth - 1) for key in keys}
        if depth > 0 and kind < 0.6:
            count = r.choice([0, 1, 2, 3, 3, 4, 6])
            if r.random() < 0.5:
                return [self.scalar() for _ in range(count)]
            if r.random() < 0.3:
                keys = r.sample(PLAIN, 2)
                return [{key: self.scalar() for key in keys} for _ in range(count)]
            return [self.value(depth - 1) for _ in range(count)]
        return self.scalar()

    def scalar(self):
        r = self.r
        kind = r.random()
        if kind < 0.4:
            return r.choice(NUMBERS_OF_RECORDS) if r.random() < 0.6 else r.randint(-5, 20)
        if kind < 0.8:
            return r.choice(TEXTS)
        return r.choice([None, True, False])

    def record(self):
        r = self.r
        if r.random() < 0.6:
            value = {key: self.value(3) for key in r.sample(PLAIN, r.randint(1, 5))}
        else:
            value = self.value(3)
        return json.dumps(value, ensure_ascii=r.random() < 0.3)

    # ---- programs ----
    def program(self):
        return self.expression(self.r.choice([1, 2, 2, 3, 3, 4, 5]))

    def pick(self, weights):
        names = list(weights)
        return self.r.choices(names, [weights[name] for name in names])[0]

    def wrapped(self, node, chance=0.5):
        return Node("(", node, ")") if self.r.random() < chance else node

    def term(self, depth):
        return Node("(", self.expression(depth), ")") if depth > 0 else self.leaf()

    def leaf(self):
        r = self.r
        kind = self.pick({"dot": 4, "field": 8, "number": 5, "text": 4, "variable": 4, "call": 3,
                          "each": 3, "word": 2, "small": 2})
        if kind == "variable" and self.variables:
            return Node("$" + r.choice(self.variables))
        if kind == "call" and (self.functions or self.closures):
            return self.call(0)
        if kind == "field":
            return self.path(1)
        if kind == "number":
            return Node(r.choice(PROGRAM_NUMBERS))
        if kind == "text":
            return Node(self.quoted(r.choice(TEXTS)))
        if kind == "each":
            return Node(r.choice([".[]?", "..", ".[]", "(1,2)", "(.[]?,1)", "recurse"]))
        if kind == "word":
            return Node(r.choice(["null", "true", "false", "empty", "error", "[]", "{}", "$__loc__",
                                  "(1,null)", "(false,2)", "$ENV.none", "env.none"]))
        if kind == "small":
            return Node(json.dumps(self.value(2)))
        return Node(".")

    @staticmethod
    def quoted(text):
        return json.dumps(text).replace("\\u0000", "\\u0001")

    def expression(self, depth):
        if depth <= 0:
            return self.leaf()
        kind = self.pick({"pipe": 7, "comma": 3, "binary": 10, "update": 9, "bind": 4, "fold": 4,
                          "if": 4, "try": 4, "label": 2, "def": 4, "array": 4, "object": 4,
                          "text": 3, "builtin": 22, "path": 5, "call": 3, "negate": 1, "suffix": 3,
                          "pathof": 4, "leaf": 1})
        return getattr(self, "make_" + kind)(depth - 1)

    def make_leaf(self, depth):
        return self.leaf()

    def make_pipe(self, depth):
        return Node(self.expression(depth), " | ", self.expression(depth))

    def make_comma(self, depth):
        return Node(self.expression(depth), ", ", self.expression(depth))

    def make_binary(self, depth):
        operator = self.r.choice(["+", "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=",
                                  "and", "or", "//", "//"])
        left, right = self.operand(depth), self.operand(depth)
        space = self.r.choice([" ", " ", ""]) if not operator.isalpha() else " "
        return Node(left, space, operator, " ", right)

    def operand(self, depth):
        """Mostly in parentheses: else what stands there depends on precedence."""
        r = self.r
        if r.random() < 0.3:
            return self.expression(depth)
        if r.random() < 0.4:
            return self.of_kind(r.choice("nsao"), depth)
        return self.term(depth)

    def make_update(self, depth):
        operator = self.r.choice(["=", "|=", "|=", "|=", "+=", "-=", "*=", "/=", "%=", "//="])
        left = Node("(", self.paths(depth), ")") if self.r.random() < 0.6 else self.path(2)
        return Node(left, " ", operator, " ", self.wrapped(self.expression(depth), 0.7))

    def make_bind(self, depth):
        source = self.term(depth)
        before = len(self.variables)
        if self.r.random() < 0.2:
            count = self.r.choice([2, 2, 3])
            patterns = []
            for i in range(count):
                patterns.append(self.pattern(2))
                if i + 1 < count:
                    patterns.append(Node(" ?// "))
            head = Node(*patterns)
        else:
            head = self.pattern(2) if self.r.random() < 0.4 else Node("$" + self.variable())
        body = self.expression(depth)
        del self.variables[before:]
        return Node(source, " as ", head, " | ", body)

    def variable(self):
        if self.variables and self.r.random() < 0.3:
            name = self.r.choice(self.variables)
        else:
            name = "v" + str(len(self.variables))
        self.variables.append(name)
        return name

    def pattern(self, depth):
        r = self.r
        if depth <= 0 or r.random() < 0.4:
            return Node("$" + self.variable())
        parts = []
        if r.random() < 0.5:
            for i in range(r.randint(1, 3)):
                parts += [", "] if i else []
                parts.append(self.pattern(depth - 1))
            return Node("[", *parts, "]")
        for i in range(r.randint(1, 2)):
            parts += [", "] if i else []
            kind = r.random()
            if kind < 0.3:
                parts.append(Node("$" + self.variable_named(r.choice(PLAIN))))
            elif kind < 0.7:
                parts.append(Node(r.choice(PLAIN), ": ", self.pattern(depth - 1)))
            elif kind < 0.85:
                parts.append(Node("(", self.of_kind("s", 0), "): ", self.pattern(depth - 1)))
            elif kind < 0.93:
                parts.append(Node("$" + self.variable_named(r.choice(PLAIN)), ": ",
                                  self.pattern(depth - 1)))
            else:
                parts.append(Node(json.dumps(r.choice(KEYS)), ": ", self.pattern(depth - 1)))
        return Node("{", *parts, "}")

    def variable_named(self, name):
        self.variables.append(name)
        return name

    def make_fold(self, depth):
        r = self.r
        source = self.term(depth) if r.random() < 0.5 else Node(r.choice(
            [".[]?", "range(3)", "(.a?, .b?)", "..", "(1,2,3)"]))
        before = len(self.variables)
        head = Node("$" + self.variable()) if r.random() < 0.8 else self.pattern(2)
        # Of several the second one sees no source in jq.
        init = Node(self.r.choice([".", "0", "null", "{}", "[]", "\"\"", "1", ".a?", "length?"]))
        update = self.expression(depth)
        if r.random() < 0.5:
            result = Node("reduce ", source, " as ", head, " (", init, "; ", update, ")")
        elif r.random() < 0.5:
            result = Node("foreach ", source, " as ", head, " (", init, "; ", update, ")")
        else:
            result = Node("foreach ", source, " as ", head, " (", init, "; ", update, "; ",
                          self.expression(depth), ")")
        del self.variables[before:]
        return result

    def make_if(self, depth):
        parts = ["if ", self.condition(depth), " then ", self.expression(depth)]
        if self.r.random() < 0.2:
            parts += [" elif ", self.condition(depth), " then ", self.expression(depth)]
        if self.r.random() < 0.7:
            parts += [" else ", self.expression(depth)]
        return Node(*parts, " end")

    def condition(self, depth):
        r = self.r
        if r.random() < 0.4:
            return Node("type == ", json.dumps(r.choice(
                ["number", "string", "array", "object", "null", "boolean"])))
        return self.expression(depth)

    def make_try(self, depth):
        r = self.r
        kind = r.random()
        if kind < 0.35:
            return Node("try ", self.term(depth), " catch ", self.term(depth - 1))
        if kind < 0.5:
            return Node("try ", self.term(depth))
        if kind < 0.7:
            return Node("try error(", self.expression(depth), ") catch .")
        return Node("(", self.expression(depth), ")?")

    def make_label(self, depth):
        name = "l" + str(self.r.randint(0, 1))
        self.labels.append(name)
        body = self.expression(depth)
        tail = self.r.choice([f", break ${name}, 1", f" | if . == 1 then break ${name} end",
                              f" | (., break ${name})", ""])
        self.labels.pop()
        return Node("label $", name, " | ", body, tail)

    def make_def(self, depth):
        r = self.r
        name = "f" + str(r.randint(0, 2))
        parameters = r.choice([[], [], ["g"], ["$x"], ["g", "$x"], ["g", "h"]])
        kept_closures, kept_variables = len(self.closures), len(self.variables)
        for parameter in parameters:
            if parameter[0] == "$":
                self.variables.append(parameter[1:])
            else:
                self.closures.append(parameter)
        body = self.expression(depth)
        del self.closures[kept_closures:]
        del self.variables[kept_variables:]
        self.functions.append((name, len(parameters)))
        rest = self.expression(depth)
        self.functions.pop()
        head = f"({'; '.join(parameters)})" if parameters else ""
        return Node("def ", name, head, ": ", body, "; ", rest)

    def call(self, depth):
        choices = [("", closure, 0) for closure in self.closures]
        choices += [("", name, count) for name, count in self.functions]
        _, name, count = self.r.choice(choices)
        if not count:
            return Node(name)
        parts = [name, "("]
        for i in range(count):
            parts += ["; "] if i else []
            parts.append(self.expression(depth))
        return Node(*parts, ")")

    def make_call(self, depth):
        if self.functions or self.closures:
            return self.call(depth)
        return self.make_builtin(depth)

    def make_array(self, depth):
        return Node("[", self.expression(depth), "]")

    def make_object(self, depth):
        r = self.r
        parts = []
        for i in range(r.randint(1, 3)):
            parts += [", "] if i else []
            kind = r.random()
            if kind < 0.35:
                parts.append(Node(r.choice(PLAIN), ": ", self.member(depth)))
            elif kind < 0.5:
                parts.append(Node(r.choice(PLAIN)))
            elif kind < 0.6:
                parts.append(Node(json.dumps(r.choice(KEYS)), ": ", self.member(depth)))
            elif kind < 0.8:
                parts.append(Node("(", self.of_kind("s", depth), "): ", self.member(depth)))
            elif kind < 0.9 and self.variables:
                parts.append(Node("$" + r.choice(self.variables)))
            elif kind < 0.95:
                parts.append(Node("\"x\\(", self.leaf(), ")\": ", self.member(depth)))
            else:
                parts.append(Node(r.choice(["@base64 \"a\"", "\"a\"", "$__loc__", "\"x\\(1)\""])))
        return Node("{", *parts, "}")

    def member(self, depth):
        return self.term(depth) if self.r.random() < 0.7 else self.leaf()

    def make_text(self, depth):
        r = self.r
        name = r.choice(["", "", "@json ", "@text ", "@html ", "@uri ", "@csv ", "@tsv ", "@sh ",
                         "@base64 ", "@base64d ", "@urid "])
        return Node(name, "\"x", r.choice(["", "é", "<'"]), "\\(", self.expression(depth), ")",
                    r.choice(["", "-", "\\n"]), "\"")

    def make_negate(self, depth):
        return Node("-", self.term(depth))

    def make_suffix(self, depth):
        r = self.r
        base = self.term(depth)
        for _ in range(r.randint(1, 2)):
            base = self.step(base, depth)
        return base

    def step(self, base, depth):
        r = self.r
        kind = self.pick({"field": 4, "index": 3, "each": 3, "slice": 3, "text": 1, "any": 2,
                          "dotted": 1, "quiet": 2})
        if kind == "field":
            return Node(base, ".", r.choice(PLAIN))
        if kind == "index":
            return Node(base, "[", r.choice(["0", "1", "-1", "2", "1.7"]), "]")
        if kind == "each":
            return Node(base, "[]")
        if kind == "slice":
            return Node(base, "[", r.choice(["1:", ":1", "-2:", "0:2", ":-1", "1:3", "0.5:1.5",
                                             "null:2", "2:1"]), "]")
        if kind == "text":
            return Node(base, ".", json.dumps(r.choice(KEYS)))
        if kind == "any":
            return Node(base, "[", self.expression(depth - 1), "]")
        if kind == "dotted":
            return Node(base, ".[", json.dumps(r.choice(KEYS)), "]")
        return Node(base, "?")

    def path(self, steps):
        r = self.r
        base = Node("." + r.choice(PLAIN)) if r.random() < 0.7 else Node(
            r.choice([".[0]", ".[]", ".[]?", ".[1:]", ".[-1]", ".[:1]", ".\"a b\"", ".."]))
        for _ in range(r.randint(0, steps)):
            base = self.step(base, 0)
        return Node(base, "?") if r.random() < 0.3 else base

    def make_path(self, depth):
        return self.path(3)

    def paths(self, depth):
        """An expression that is a path, mostly."""
        r = self.r
        if depth <= 0:
            return self.path(2)
        kind = self.pick({"path": 6, "comma": 3, "pipe": 4, "select": 4, "if": 2, "alt": 2,
                          "limit": 3, "recurse": 2, "getpath": 2, "bind": 2, "fold": 2, "try": 1,
                          "empty": 1, "call": 1, "any": 2, "label": 1})
        sub = self.paths
        if kind == "comma":
            return Node(sub(depth - 1), ", ", sub(depth - 1))
        if kind == "pipe":
            return Node("(", sub(depth - 1), ") | ", sub(depth - 1))
        if kind == "select":
            return Node(sub(depth - 1), " | select(", self.condition(depth - 1), ")")
        if kind == "if":
            return Node("if ", self.condition(depth - 1), " then ", sub(depth - 1), " else ",
                        sub(depth - 1), " end")
        if kind == "alt":
            return Node("(", sub(depth - 1), ") // (", sub(depth - 1), ")")
        if kind == "limit":
            return Node(r.choice(["first(", "last(", "limit(1; ", "limit(2; ", "skip(1; ",
                                  "nth(1; ", "limit(0; ", "until(true; "]), sub(depth - 1), ")")
        if kind == "recurse":
            return Node(r.choice(["..", "recurse", "recurse(.[]?; . != 1)", "recurse(.a?; . != null)",
                                  "paths", "(.. | scalars)", "(.. | numbers)", "leaf_paths"]))
        if kind == "getpath":
            return Node("getpath(", r.choice(["[\"a\"]", "[\"a\", 0]", "[]", "[0]", "[\"a\",\"b\"]",
                                              "(paths)", "[\"a\"], [\"b\"]"]), ")")
        if kind == "bind":
            before = len(self.variables)
            source = self.term(depth - 1)
            head = self.variable()
            node = Node(source, " as $", head, " | ", sub(depth - 1))
            del self.variables[before:]
            return node
        if kind == "fold":
            return Node(r.choice(["reduce ", "foreach "]), "(0,1) as $v9 (.; ", sub(depth - 1), ")")
        if kind == "try":
            return Node("try (", sub(depth - 1), ") catch .")
        if kind == "empty":
            return Node(r.choice(["empty", "error", ".", "null", "$__loc__", "1", "first",
                                  "last", "map(.)", "to_entries", "(.a, .b)"]))
        if kind == "any":
            return self.expression(depth - 1)
        if kind == "label":
            return Node("label $p | ", sub(depth - 1), " | (., break $p)")
        return self.path(3)

    def make_pathof(self, depth):
        r = self.r
        kind = r.choice(["path", "del", "to", "delpaths", "setpath", "getpath", "pick", "paths",
                         "map_values", "with_entries", "walk", "limit", "tostream", "getpath2"])
        if kind == "path":
            return Node("[path(", self.paths(depth), ")]")
        if kind == "del":
            return Node("del(", self.paths(depth), ")")
        if kind == "to":
            return Node("to_entries | ", self.expression(depth))
        if kind == "delpaths":
            return Node("delpaths([path(", self.paths(depth), ")])")
        if kind == "setpath":
            return Node("setpath(", r.choice(["[\"a\"]", "[0]", "[\"a\",\"b\"]", "[\"a\",1]", "[]",
                                              "[-1]", "[\"a\",{\"start\":1}]", "([\"a\"],[\"b\"])"]),
                        "; ", self.expression(depth), ")")
        if kind == "getpath":
            return Node("getpath(", self.of_kind("a", depth), ")")
        if kind == "getpath2":
            return Node("[paths as $p | getpath($p) | ", self.expression(depth), "]")
        if kind == "pick":
            return Node("pick(", self.paths(depth), ")")
        if kind == "paths":
            return Node("[paths(", self.expression(depth), ")]")
        if kind == "limit":
            return Node("[limit(", self.of_kind("n", 0), "; ", self.expression(depth), ")]")
        if kind == "tostream":
            return Node(r.choice(["[tostream]", "fromstream(tostream)", "[1 | truncate_stream([[0],1"
                                  "],[[1,0],2],[[1,0]],[[1]])]", "[. as $d | 1 | truncate_stream($d"
                                  " | tostream)]", "fromstream(1 | truncate_stream([[0,1],1],[[0,1]])"
                                  ")", "[getpath(paths)]", "reduce tostream as [$p,$x] (null; "
                                  "if $x == null then . else setpath($p; $x) end)"]))
        return Node(kind, "(", self.expression(depth), ")")

    # ---- builtins ----
    def of_kind(self, kind, depth):
        """An expression that most likely gives a value of that kind."""
        r = self.r
        if kind == "s":
            if depth > 0 and r.random() < 0.3:
                return Node("(", self.string_call(depth - 1), ")")
            return Node(r.choice([self.quoted(r.choice(TEXTS)), "(.a|tostring)", "tostring",
                                  "(.. | strings)", "\"\\(.)\"", self.quoted(r.choice(PIECES))]))
        if kind == "n":
            return Node(r.choice([r.choice(PROGRAM_NUMBERS), "length", "(.a|numbers)", "(1,2)"]))
        if kind == "a":
            return Node(r.choice([json.dumps([self.value(1) for _ in range(r.randint(0, 4))]),
                                  "[.[]?]", "[..]", "(.a|arrays)", "[.a?,.b?,.c?]", "[.[]?|numbers]",
                                  "[..|strings]", "[[1,2],[3,4]]", "[{\"a\":1},{\"a\":2,\"b\":0}]"]))
        if kind == "o":
            return Node(r.choice([json.dumps({key: self.value(1) for key in r.sample(KEYS, 2)}),
                                  "(.. | objects)", "{a:1,b:[2]}", "{a: .a?, b: .}"]))
        if kind == "r":
            return Node(self.quoted(self.pattern_text()))
        if kind == "f":
            return Node(r.choice(["\"g\"", "\"gi\"", "\"x\"", "\"n\"", "\"gn\"", "\"s\"", "null",
                                  "\"gx\"", "\"l\"", "\"p\"", "\"\"", "\"q\"", "\"gl\"", "1"]))
        if kind == "t":
            return Node(self.quoted(r.choice(["%Y-%m-%dT%H:%M:%SZ", "%A %B %d", "%j %U %w", "%e %k",
                                              "%H:%M", "%s", "%Z", "%D %T", "%c", "%y%m%d", "%I %p",
                                              "%V %G %u", "%%", "%F %R", "%b %a", ""])))
        return self.expression(depth)

    def pattern_text(self):
        r = self.r
        if r.random() < 0.6:
            return r.choice(PATTERNS)
        return "".join(r.choice(["a", "b", ".", "[a-c]", "\\d", "(x|y)", "(?<n>.)", "a*", "b+?", "^",
                                 "$", "\\b", "é", "(b)?", "\\s", "[^a]", "{2}", "(", "|", "\\w+"])
                       for _ in range(r.randint(1, 4)))

    def arguments(self, name, kinds, depth):
        if not kinds:
            return Node(name)
        parts = [name, "("]
        for i, kind in enumerate(kinds):
            parts += ["; "] if i else []
            parts.append(Node(self.paths(depth)) if kind == "p" else
                         self.expression(depth) if kind == "e" else self.of_kind(kind, depth))
        return Node(*parts, ")")

    def string_call(self, depth):
        name, kinds = self.r.choice(STRINGS)
        return Node(self.of_kind("s", 0), " | ", self.arguments(name, kinds, depth))

    def make_builtin(self, depth):
        r = self.r
        table, kind = r.choice([(STRINGS, "s"), (STRINGS, "s"), (ARRAYS, "a"), (ARRAYS, "a"),
                                (OBJECTS, "o"), (NUMBERS, "n"), (TIMES, "n"), (ANYTHING, ""),
                                (ANYTHING, "")])
        name, kinds = r.choice(table)
        call = self.arguments(name, kinds, depth)
        if r.random() < 0.15:
            call = Node("[", call, "]")
        if not kind or r.random() < 0.15:
            return call
        head = self.of_kind(kind, depth) if table is not TIMES else Node(r.choice(
            ["1425599621", "0", "-15", "1000000000", "1425599621.678", "\"2015-03-05T23:51:47Z\"",
             "\"10:20\"", "[2015,2,5,23,51,47.5,4,63]", "[1970,0,1]", "[2024,1,29,0,0,0,4,59]",
             "\"Thu March 05 2015\"", "1000000000000", "[2015,14,35,25,61,61,0,0]", "253402300800", "nan"]))
        return Node(self.wrapped(head, 0.2), " | ", call)
