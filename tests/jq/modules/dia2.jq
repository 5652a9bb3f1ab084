import "b" as b {search:"./"}; import "a" as q {search:"./"}; def r: b::g + q::f;
