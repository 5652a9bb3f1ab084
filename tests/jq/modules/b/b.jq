def g: "b.g"; def map(f): "mine";
