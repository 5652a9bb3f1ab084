def y: "s2";
