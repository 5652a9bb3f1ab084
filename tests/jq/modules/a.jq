module {name: "a", v: 1};
import "b" as b {search: "./"};
import "d" as $d {search: "./"};
def f: "a.f " + b::g;
def h: $d;
def loc: $__loc__;
def k(x): x | x;
