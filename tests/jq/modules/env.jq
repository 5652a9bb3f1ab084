def x: $ENV|type; def y: $__prog_args; def z: input_line_number; def m: "a"|modulemeta; def n: $foo;
