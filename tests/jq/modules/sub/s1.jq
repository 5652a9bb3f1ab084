import "s2" as s {search: "."}; def x: s::y;
