/* holdfast as a C library: pipelines of your own sources, transforms and sinks, holdfast's engine between
 * them. What io/embed/pipeline.hpp is for C++, with handles and functions.
 *
 * Rule 1: a source is told to commit only what every sink has, or the dead-letter queue durably holds.
 * Rule 2: nothing is thrown, nothing ends the process. What can't be done is a status; the words for
 *         it are in holdfast_problem().
 * Rule 3: each struct begins with its size: set it to sizeof. What a later version adds behind what you
 *         know is zero for you, and zero means the default.
 * Rule 4: what is passed in is copied, what is passed out is lent: until the call that lent it returns.
 * Rule 5: each source, each sink, the transform and the dead letters are called by a thread of their
 *         own, by one at a time; calls may block. So `user` needs no lock of its own, unless you share it.
 * Texts are bytes with a length, without a NUL at their end; words (why, names) end with a NUL. A pointer
 * of length 0 may be NULL.
 */
#ifndef HOLDFAST_H
#define HOLDFAST_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HOLDFAST_API __attribute__((visibility("default")))
#else
#define HOLDFAST_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when something is added; what was there stays as it is as long as the library's soname does. */
#define HOLDFAST_API_VERSION 1u

/* That of the library, at run time. */
HOLDFAST_API uint32_t holdfast_api_version(void);

/* What a function or a callback of yours answers. */
typedef int32_t holdfast_status;
enum {
    HOLDFAST_OK = 0,
    HOLDFAST_INVALID = 1,  /* The arguments, or the moment: see holdfast_problem(). Nothing was done. */
    HOLDFAST_FULL = 2,     /* Of a push: not taken. Later there is room. */
    HOLDFAST_CLOSED = 3,   /* Of a push: not taken, nothing will be any more. */
    HOLDFAST_RETRY = 4,    /* Of a callback: it failed, and the same may work later. */
    HOLDFAST_FAILED = 5,   /* Of a callback: it failed for good; the pipeline ends. */
    HOLDFAST_IDLE = 6,     /* Of a pull: nothing now (holdfast_batch_again). */
    HOLDFAST_ENDED = 7     /* Of a pull: nothing will ever come again. */
};

/* The outcome of a write, for one record or all. */
typedef int32_t holdfast_outcome;
enum {
    HOLDFAST_DELIVERED = 0, /* Your destination has it (durably after the next sync, if you give one). */
    HOLDFAST_RETRIABLE = 1, /* Not applied; the same may succeed later. */
    HOLDFAST_THROTTLED = 2, /* As RETRIABLE, but not before holdfast_answer_again. */
    HOLDFAST_REFUSED = 3,   /* Not applied, and never will be: at least one of what it covers. */
    HOLDFAST_AMBIGUOUS = 4, /* Nobody knows (a time-out). Written again. */
    HOLDFAST_GONE = 5       /* Not applied; this sink never takes anything again: the pipeline ends. */
};

enum { HOLDFAST_JSON = 0, HOLDFAST_MSGPACK = 1 };

typedef struct holdfast_header {
    const char* name;
    size_t name_size;
    const char* value;
    size_t value_size;
} holdfast_header;

typedef struct holdfast_record {
    size_t size;         /* sizeof(holdfast_record) */
    const char* payload; /* Bytes: one value, without a line end. */
    size_t payload_size;
    const char* key; /* Length 0: none. */
    size_t key_size;
    const holdfast_header* headers;
    size_t headers_count;
    int64_t timestamp_ms; /* Since 1970; 0: none. */
    int32_t format;       /* HOLDFAST_JSON, HOLDFAST_MSGPACK. */
    int32_t has_position; /* Not 0: `position` is the source's own (an offset); else it is counted. */
    int64_t position;
    uint64_t sinks;     /* What a transform makes: bit i, the i-th sink gets it. 0: all of them. */
    uint32_t partition; /* Filled in: where it came from, */
    uint32_t source;    /* and the number of its source. */
} holdfast_record;

/* ---- what callbacks are lent --------------------------------------------------------------------- */

typedef struct holdfast_batch holdfast_batch;     /* A pull fills it. */
typedef struct holdfast_records holdfast_records; /* What to write, transform or set aside. */
typedef struct holdfast_output holdfast_output;   /* A transform fills it. */
typedef struct holdfast_answer holdfast_answer;   /* A write may say more in it. */
typedef struct holdfast_words holdfast_words;     /* Why a callback failed, if it says so. */

/* The partition of all of this batch; 0 if not called. Order holds within a partition. */
HOLDFAST_API void holdfast_batch_partition(holdfast_batch* batch, uint32_t partition);
/* Appends a record. */
HOLDFAST_API holdfast_status holdfast_batch_add(holdfast_batch* batch, const holdfast_record* record);
/* Appends a token, which stands for every record so far: it comes to `commit` once they are settled. */
HOLDFAST_API void holdfast_batch_token(holdfast_batch* batch, uint64_t token);
/* With HOLDFAST_IDLE: pulled again after so long; at once if not called. */
HOLDFAST_API void holdfast_batch_again(holdfast_batch* batch, uint64_t after_ms);

HOLDFAST_API size_t holdfast_records_count(const holdfast_records* records);
/* Fills `*out`, of which `size` must be set. INVALID: there is no such record, or no such size. */
HOLDFAST_API holdfast_status holdfast_records_get(const holdfast_records* records, size_t index,
                                                  holdfast_record* out);
/* Of dead letters: why it is one, and the sink that it was meant for; "" where there is none. */
HOLDFAST_API const char* holdfast_records_why(const holdfast_records* records, size_t index);
HOLDFAST_API const char* holdfast_records_sink(const holdfast_records* records, size_t index);

/* The input record goes on as it is. */
HOLDFAST_API holdfast_status holdfast_output_keep(holdfast_output* output, size_t input);
/* A record that is made of this input record, whose position it has. */
HOLDFAST_API holdfast_status holdfast_output_add(holdfast_output* output, size_t input,
                                                 const holdfast_record* record);
/* The input record is set aside. */
HOLDFAST_API holdfast_status holdfast_output_dead(holdfast_output* output, size_t input, const char* why);

/* Why the write as a whole was not delivered: for the log and dead letters. */
HOLDFAST_API void holdfast_answer_why(holdfast_answer* answer, const char* why);
/* With HOLDFAST_THROTTLED. */
HOLDFAST_API void holdfast_answer_again(holdfast_answer* answer, uint64_t after_ms);
/* The outcome of one record, where it differs: neither THROTTLED nor GONE. `why` may be NULL. */
HOLDFAST_API holdfast_status holdfast_answer_but(holdfast_answer* answer, size_t index,
                                                 holdfast_outcome outcome, const char* why);

HOLDFAST_API void holdfast_words_say(holdfast_words* words, const char* text);

/* ---- what you write ------------------------------------------------------------------------------ */

typedef struct holdfast_source {
    size_t size; /* sizeof(holdfast_source) */
    void* user;
    /* OK: the batch is filled. IDLE, ENDED, RETRY, FAILED. Should return within a second. */
    holdfast_status (*pull)(void* user, uint32_t records_max, uint32_t bytes_max, holdfast_batch* batch,
                            holdfast_words* words);
    /* What these tokens stand for is settled, in the order in which they were handed over. OK, RETRY or
     * FAILED. May come again after a failure. */
    holdfast_status (*commit)(void* user, uint32_t partition, const uint64_t* tokens, size_t count,
                              holdfast_words* words);
    /* May be NULL: memory is short (not 0), or is not any more. */
    void (*hold)(void* user, int32_t held);
    /* May be NULL: something waits for the pull to return. On another thread; must not block. */
    void (*interrupt)(void* user);
    /* May be NULL: called once, last. */
    void (*destroy)(void* user);
} holdfast_source;

typedef struct holdfast_sink {
    size_t size; /* sizeof(holdfast_sink) */
    void* user;
    holdfast_outcome (*write)(void* user, const holdfast_records* records, holdfast_answer* answer);
    /* NULL: what is delivered is durable. Else: makes durable all that was delivered; a failure ends the
     * pipeline, and a restart writes it again. */
    holdfast_status (*sync)(void* user, holdfast_words* words);
    void (*destroy)(void* user);
    /* Limits; 0: the default. */
    uint32_t queue_records; /* Waiting for this sink: 1,048,576; */
    uint64_t queue_bytes;   /* 16 MiB. */
    uint32_t write_records; /* In one write at most: 65,536; */
    uint64_t write_bytes;   /* 4 MiB. */
    uint64_t linger_ms;     /* A smaller write waits so long for more: not at all. */
    uint64_t timeout_ms;    /* An answer that takes longer is ambiguous: never. */
    uint32_t attempts;      /* Then a record is a dead letter: never. */
} holdfast_sink;

typedef struct holdfast_transform {
    size_t size; /* sizeof(holdfast_transform) */
    void* user;
    /* OK, or FAILED: the pipeline ends, and nothing of these records is committed. */
    holdfast_status (*process)(void* user, const holdfast_records* input, holdfast_output* output,
                               holdfast_words* words);
    void (*destroy)(void* user);
} holdfast_transform;

typedef struct holdfast_dead_letters {
    size_t size; /* sizeof(holdfast_dead_letters) */
    void* user;
    /* Stores all of them, durably. OK, RETRY or FAILED. */
    holdfast_status (*store)(void* user, const holdfast_records* letters, holdfast_words* words);
    void (*destroy)(void* user);
} holdfast_dead_letters;

/* ---- pipelines ----------------------------------------------------------------------------------- */

typedef struct holdfast_pipeline holdfast_pipeline;
typedef struct holdfast_inlet holdfast_inlet;

typedef struct holdfast_options {
    size_t size;             /* sizeof(holdfast_options) */
    uint64_t memory_limit;   /* Bytes of records in memory; 0: 64 MiB. */
    uint64_t process_limit;  /* Of the process; 0: what its cgroup or the machine leaves it. */
    uint32_t slice_bytes;    /* What a transform is given at once; 0: whole batches. */
    uint64_t commit_ms;      /* Between commits; 0: a second. */
    uint64_t commit_records; /* Also after so many settled records; 0: not by records. */
    uint64_t shutdown_ms;    /* After a stop; 0: 30 seconds. */
    /* For what a person should see; on the thread of holdfast_run(). May be NULL. */
    void (*log)(void* user, const char* line);
    void* user;
} holdfast_options;

typedef struct holdfast_report {
    size_t size;      /* sizeof(holdfast_report) */
    int32_t complete; /* Not 0: all that was ever handed over is settled and committed. */
    int32_t halt;     /* Why it ended: holdfast_halt_name(). */
    uint64_t records; /* Of all sources. */
    uint64_t delivered; /* Of all sinks. */
    uint64_t dead_letters;
    uint64_t left; /* Records that were handed over and are not settled. */
} holdfast_report;

/* NULL: `api_version` is newer than the library, the options are wrong, or there is no memory. Pass
 * HOLDFAST_API_VERSION; `options` may be NULL. */
HOLDFAST_API holdfast_pipeline* holdfast_new(uint32_t api_version, const holdfast_options* options);
/* Requires: holdfast_run() does not run. Calls every `destroy`; NULL is nothing. */
HOLDFAST_API void holdfast_free(holdfast_pipeline* pipeline);

/* INVALID calls no `destroy`: what was passed in is still yours. */
HOLDFAST_API holdfast_status holdfast_add_source(holdfast_pipeline* pipeline, const char* name,
                                                 const holdfast_source* source);
HOLDFAST_API holdfast_status holdfast_add_sink(holdfast_pipeline* pipeline, const char* name,
                                               const holdfast_sink* sink);
HOLDFAST_API holdfast_status holdfast_set_transform(holdfast_pipeline* pipeline,
                                                    const holdfast_transform* transform);
HOLDFAST_API holdfast_status holdfast_set_dead_letters(holdfast_pipeline* pipeline,
                                                       const holdfast_dead_letters* letters);

/* A source that is pushed into (io/embed/inlet.hpp). NULL: there is no memory, or it runs already.
 * `bytes`, `records`: what may wait; 0: 8 MiB, 65,536. */
HOLDFAST_API holdfast_inlet* holdfast_add_inlet(holdfast_pipeline* pipeline, const char* name,
                                                uint64_t bytes, uint32_t records);
/* OK, FULL, CLOSED or INVALID; never waits. From any thread. `settled` may be NULL; with OK it is called
 * once, on another thread, perhaps before this returns: not 0 means that every sink has the record, or the
 * dead letters do; 0 that nobody knows. */
HOLDFAST_API holdfast_status holdfast_push(holdfast_inlet* inlet, const holdfast_record* record,
                                           void (*settled)(void* user, int32_t is_settled), void* user);
/* Nothing more comes: the source ends after what was taken. */
HOLDFAST_API void holdfast_inlet_close(holdfast_inlet* inlet);
/* Closes it. Every one must be freed, before or after its pipeline. */
HOLDFAST_API void holdfast_inlet_free(holdfast_inlet* inlet);

/* Runs on this thread until all sources have ended, a stop, or a halt; once. OK: it ran; `*report`, which
 * may be NULL, says how it ended. INVALID: it cannot begin. */
HOLDFAST_API holdfast_status holdfast_run(holdfast_pipeline* pipeline, holdfast_report* report);
/* Finish what was pulled, commit, return. From any thread, at any time before holdfast_free(). */
HOLDFAST_API void holdfast_stop(holdfast_pipeline* pipeline);

/* Why the last call on this pipeline was INVALID, or what ended its run; "" if nothing did. Lives: until the
 * next call. Not for two threads at a time. */
HOLDFAST_API const char* holdfast_problem(const holdfast_pipeline* pipeline);
/* "finished" */
HOLDFAST_API const char* holdfast_halt_name(int32_t halt);

#ifdef __cplusplus
}
#endif

#endif /* HOLDFAST_H */
