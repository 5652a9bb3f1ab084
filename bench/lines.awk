# Lines of exactly `size` bytes, `n` of them, each with its number: the input of the benchmarks.
BEGIN {
    pad = sprintf("%1000s", ""); gsub(" ", "x", pad); split("debug info warn error", level, " ")
    for (i = 0; i < n; i++) {
        head = sprintf("{\"id\":1%08d,\"level\":\"%s\",\"m\":\"", i, level[i % 4 + 1])
        print head substr(pad, 1, size - length(head) - 3) "\"}"
    }
}
