include "b" {search:"./"}; import "a" as q {search:"./"}; def l: g + q::f;
