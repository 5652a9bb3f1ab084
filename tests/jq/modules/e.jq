def p: 1; def q: p + 1; def p: 5; def r: $x; 
