include "b" {search: "./"};
def x: g;
