def p: "m2.p"; def q: "m2.q" + p;
