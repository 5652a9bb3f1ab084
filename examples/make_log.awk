# Writes `count` JSON lines, the same ones each time: awk -v count=500000 -f make_log.awk
BEGIN {
    split("GET POST PUT DELETE", methods, " ")
    split("/ /login /cart /search /health /orders", paths, " ")
    state = 1
    for (n = 1; n <= count; ++n) {
        state = (state * 16807) % 2147483647
        status = state % 100 < 3 ? 500 : 200
        printf "{\"n\":%d,\"method\":\"%s\",\"path\":\"%s\",\"status\":%d,\"ms\":%d}\n", n, \
            methods[state % 4 + 1], paths[int(state / 7) % 6 + 1], status, int(state / 11) % 900
    }
}
