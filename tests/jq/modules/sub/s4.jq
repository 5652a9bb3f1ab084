import "s2" as s {search: ["nope","./"]}; def x: s::y;
