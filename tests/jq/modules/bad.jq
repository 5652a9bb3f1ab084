def x: (
