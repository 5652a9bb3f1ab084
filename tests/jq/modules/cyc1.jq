import "cyc2" as c {search:"./"}; def x: 1;
