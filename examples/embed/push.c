/* holdfast from C: records are pushed in, as the requests of a server are, and each is answered once it
 * stands durably in a file, or in the dead letters.
 *
 *   push FILE COUNT     numbers into FILE; each that ends with 7 goes to FILE.dead
 */
#include <errno.h>
#include <holdfast.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static holdfast_outcome write_lines(void* user, const holdfast_records* records, holdfast_answer* answer) {
    FILE* file = user;
    for (size_t i = 0; i < holdfast_records_count(records); ++i) {
        holdfast_record r = {.size = sizeof r};
        holdfast_records_get(records, i, &r);
        if (r.payload_size > 1 && r.payload[r.payload_size - 2] == '7') {
            holdfast_answer_but(answer, i, HOLDFAST_REFUSED, "it ends with 7");
            continue;
        }
        fwrite(r.payload, 1, r.payload_size, file);
        fputc('\n', file);
    }
    return HOLDFAST_DELIVERED;
}

static holdfast_status sync_file(void* user, holdfast_words* words) {
    FILE* file = user;
    if (fflush(file) == 0 && fdatasync(fileno(file)) == 0) return HOLDFAST_OK;
    holdfast_words_say(words, strerror(errno));
    return HOLDFAST_FAILED;
}

static holdfast_status store_dead(void* user, const holdfast_records* letters, holdfast_words* words) {
    FILE* file = user;
    for (size_t i = 0; i < holdfast_records_count(letters); ++i) {
        holdfast_record r = {.size = sizeof r};
        holdfast_records_get(letters, i, &r);
        fprintf(file, "%.*s: %s: %s\n", (int)r.payload_size, r.payload, holdfast_records_sink(letters, i),
                holdfast_records_why(letters, i));
    }
    return sync_file(user, words);
}

static void close_file(void* user) { fclose(user); }

static atomic_size_t settled_count;

static void settled(void* user, int32_t is_settled) {
    (void)user;
    if (is_settled) atomic_fetch_add(&settled_count, 1);
}

static void* run(void* pipeline) {
    static holdfast_report report = {.size = sizeof report};
    if (holdfast_run(pipeline, &report) != HOLDFAST_OK) return NULL;
    return &report;
}

static FILE* open_for(const char* name, const char* more) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s", name, more);
    FILE* file = fopen(path, "a");
    if (!file) perror(path), exit(73);
    return file;
}

int main(int argc, char** argv) {
    if (argc != 3) return fprintf(stderr, "push FILE COUNT\n"), 64;
    const size_t count = strtoul(argv[2], NULL, 10);
    const holdfast_options options = {.size = sizeof options, .commit_records = 1};
    holdfast_pipeline* pipeline = holdfast_new(HOLDFAST_API_VERSION, &options);
    holdfast_inlet* inlet = holdfast_add_inlet(pipeline, "requests", 0, 0);
    const holdfast_sink sink = {.size = sizeof sink,
                                .user = open_for(argv[1], ""),
                                .write = write_lines,
                                .sync = sync_file,
                                .destroy = close_file};
    const holdfast_dead_letters dead = {.size = sizeof dead,
                                        .user = open_for(argv[1], ".dead"),
                                        .store = store_dead,
                                        .destroy = close_file};
    if (!inlet || holdfast_add_sink(pipeline, "file", &sink) != HOLDFAST_OK ||
        holdfast_set_dead_letters(pipeline, &dead) != HOLDFAST_OK)
        return fprintf(stderr, "%s\n", holdfast_problem(pipeline)), 78;

    pthread_t thread;
    pthread_create(&thread, NULL, run, pipeline);
    for (size_t n = 0; n < count; ++n) {
        char text[32];
        const holdfast_record record = {
            .size = sizeof record,
            .payload = text,
            .payload_size = (size_t)snprintf(text, sizeof text, "{\"n\":%zu}", n)};
        /* A server would answer 503 and let the sender come again. */
        while (holdfast_push(inlet, &record, settled, NULL) == HOLDFAST_FULL) sched_yield();
    }
    holdfast_inlet_close(inlet);
    void* ended = NULL;
    pthread_join(thread, &ended);
    const holdfast_report* report = ended;
    if (!report) return fprintf(stderr, "cannot begin: %s\n", holdfast_problem(pipeline)), 78;
    printf("%s: %zu of %zu settled, %llu in the file, %llu dead letters\n", holdfast_halt_name(report->halt),
           (size_t)settled_count, count, (unsigned long long)report->delivered,
           (unsigned long long)report->dead_letters);
    const int complete = report->complete;
    holdfast_inlet_free(inlet);
    holdfast_free(pipeline);
    return complete ? 0 : 75;
}
