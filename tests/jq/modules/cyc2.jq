import "cyc1" as c {search:"./"}; def y: 1;
