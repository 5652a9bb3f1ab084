// See lent.hpp and holdfast.h.
#include "io/embed_c/lent.hpp"

using namespace holdfast;
using namespace holdfast::embed;

namespace holdfast::embed {
namespace {

std::string text_of(const char* data, std::size_t size) {
    return size == 0 ? std::string() : std::string(data, size);
}

bool is_text(const char* data, std::size_t size) { return data != nullptr || size == 0; }

}  // namespace

bool read_record(const holdfast_record* from, Record& out) {
    holdfast_record r;
    if (!read_struct(from, r)) return false;
    if (!is_text(r.payload, r.payload_size) || !is_text(r.key, r.key_size)) return false;
    if (r.format != HOLDFAST_JSON && r.format != HOLDFAST_MSGPACK) return false;
    if (r.headers == nullptr && r.headers_count > 0) return false;
    out.payload = text_of(r.payload, r.payload_size);
    out.key = text_of(r.key, r.key_size);
    out.headers.clear();
    for (std::size_t i = 0; i < r.headers_count; ++i) {
        const holdfast_header& h = r.headers[i];
        if (!is_text(h.name, h.name_size) || !is_text(h.value, h.value_size)) return false;
        out.headers.push_back({text_of(h.name, h.name_size), text_of(h.value, h.value_size)});
    }
    out.timestamp_ms = r.timestamp_ms;
    out.format = r.format == HOLDFAST_MSGPACK ? Format::msgpack : Format::json;
    if (r.has_position != 0) out.id.position = r.position;
    if (r.sinks != 0) out.sinks = r.sinks;
    return true;
}

Failure failure_of(holdfast_status status, const holdfast_words& words, const char* what) {
    return {words.text.empty() ? what : words.text, status != HOLDFAST_RETRY};
}

}  // namespace holdfast::embed

// ---- batches -----------------------------------------------------------------------------------

void holdfast_batch_partition(holdfast_batch* batch, uint32_t partition) {
    if (batch) batch->batch.partition = partition;
}

holdfast_status holdfast_batch_add(holdfast_batch* batch, const holdfast_record* record) try {
    Record copy;
    if (batch == nullptr || !read_record(record, copy)) return HOLDFAST_INVALID;
    batch->batch.records.push_back(std::move(copy));
    return HOLDFAST_OK;
} catch (...) {
    return HOLDFAST_INVALID;
}

void holdfast_batch_token(holdfast_batch* batch, uint64_t token) {
    if (batch == nullptr) return;
    batch->batch.tokens.push_back(token);
    batch->batch.token_ends.push_back(static_cast<std::uint32_t>(batch->batch.records.size()));
}

void holdfast_batch_again(holdfast_batch* batch, uint64_t after_ms) {
    if (batch) batch->again_ms = after_ms;
}

// ---- records -----------------------------------------------------------------------------------

size_t holdfast_records_count(const holdfast_records* records) {
    return records ? records->records.size() : 0;
}

holdfast_status holdfast_records_get(const holdfast_records* records, size_t index,
                                     holdfast_record* out) try {
    if (records == nullptr || index >= records->records.size()) return HOLDFAST_INVALID;
    const Record& r = *records->records[index];
    records->headers.clear();
    for (const Header& h : r.headers)
        records->headers.push_back({h.name.data(), h.name.size(), h.value.data(), h.value.size()});
    holdfast_record filled{};
    filled.payload = r.payload.data();
    filled.payload_size = r.payload.size();
    filled.key = r.key.data();
    filled.key_size = r.key.size();
    filled.headers = records->headers.data();
    filled.headers_count = records->headers.size();
    filled.timestamp_ms = r.timestamp_ms;
    filled.format = r.format == Format::msgpack ? HOLDFAST_MSGPACK : HOLDFAST_JSON;
    filled.has_position = r.id.position >= 0;
    filled.position = r.id.position;
    filled.sinks = r.sinks == ~SinkMask{0} ? 0 : r.sinks;
    filled.partition = r.id.partition;
    filled.source = r.id.source;
    return write_struct(filled, out) ? HOLDFAST_OK : HOLDFAST_INVALID;
} catch (...) {
    return HOLDFAST_INVALID;
}

const char* holdfast_records_why(const holdfast_records* records, size_t index) {
    return records && index < records->letters.size() ? records->letters[index]->why.c_str() : "";
}

const char* holdfast_records_sink(const holdfast_records* records, size_t index) {
    return records && index < records->letters.size() ? records->letters[index]->sink.c_str() : "";
}

// ---- what a transform makes --------------------------------------------------------------------

holdfast_status holdfast_output_keep(holdfast_output* output, size_t input) try {
    if (output == nullptr || input >= output->input->size()) return HOLDFAST_INVALID;
    output->out.records.push_back((*output->input)[input]);
    return HOLDFAST_OK;
} catch (...) {
    return HOLDFAST_INVALID;
}

holdfast_status holdfast_output_add(holdfast_output* output, size_t input,
                                    const holdfast_record* record) try {
    if (output == nullptr || input >= output->input->size()) return HOLDFAST_INVALID;
    Record made;
    if (!read_record(record, made)) return HOLDFAST_INVALID;
    made.id = (*output->input)[input].id;
    output->out.records.push_back(std::move(made));
    return HOLDFAST_OK;
} catch (...) {
    return HOLDFAST_INVALID;
}

holdfast_status holdfast_output_dead(holdfast_output* output, size_t input, const char* why) try {
    if (output == nullptr || input >= output->input->size()) return HOLDFAST_INVALID;
    output->out.dead_letters.push_back(
        {(*output->input)[input], why ? why : "", "", Reason::parse_error, 0});
    return HOLDFAST_OK;
} catch (...) {
    return HOLDFAST_INVALID;
}

// ---- answers -----------------------------------------------------------------------------------

void holdfast_answer_why(holdfast_answer* answer, const char* why) try {
    if (answer) answer->answer.why = why ? why : "";
} catch (...) {
    answer->answer.why.clear();
}

void holdfast_answer_again(holdfast_answer* answer, uint64_t after_ms) {
    if (answer) answer->answer.retry_after = duration_of(after_ms);
}

holdfast_status holdfast_answer_but(holdfast_answer* answer, size_t index, holdfast_outcome outcome,
                                    const char* why) try {
    const bool is_of_one = outcome == HOLDFAST_DELIVERED || outcome == HOLDFAST_RETRIABLE ||
                           outcome == HOLDFAST_REFUSED || outcome == HOLDFAST_AMBIGUOUS;
    if (answer == nullptr || index >= answer->records || !is_of_one) return HOLDFAST_INVALID;
    answer->answer.exceptions.push_back(
        {static_cast<std::uint32_t>(index), static_cast<SinkOutcome>(outcome), why ? why : ""});
    return HOLDFAST_OK;
} catch (...) {
    return HOLDFAST_INVALID;
}

void holdfast_words_say(holdfast_words* words, const char* text) try {
    if (words) words->text = text ? text : "";
} catch (...) {
    words->text.clear();
}
