def two: 2;
def fac(n): if n <= 1 then 1 else n * fac(n - 1) end;
def down($n): if $n == 0 then [] else [$n] + down($n - 1) end;
def gen(f; g): f, g, two;
def upd: .a |= map(. + two) | .b += 1 | with_entries(.value |= tostring);
def inf($n): $n, inf($n + 1);
def pa: .a.b;
def addd(f): . + f + two;
def lab: label $l | range(10) | if . > two then break $l else . end;
