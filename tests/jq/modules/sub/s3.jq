import "s2" as s; def x: s::y;
