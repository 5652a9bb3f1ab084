#include "io/devices/dead_letter_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/envelope.hpp"
#include "core/data/program.hpp"
#include "io/devices/gather.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t text_max = std::size_t{256} * 1024;  // Flushed above it.
constexpr std::size_t piece_max = std::size_t{48} * 1024;  // A multiple of 3, for base64.
// How a line of ours begins, `#` for any digit: what is torn and begins so is ours to cut.
constexpr std::string_view line_begin =
    "{\"time\":\"####-##-##T##:##:##.#########Z\",\"source\":\"";
static_assert(piece_max % 3 == 0);

bool begins_as_ours(std::string_view text) {
    const auto fits = [](char pattern, char c) {
        return pattern == '#' ? c >= '0' && c <= '9' : pattern == c;
    };
    return text.size() <= line_begin.size() &&
           std::equal(text.begin(), text.end(), line_begin.begin(),
                      [&](char c, char pattern) { return fits(pattern, c); });
}

}  // namespace

DeadLetterFile::DeadLetterFile(Ring& ring, const RecordNames& names, Payloads& payloads,
                               Events& events, Log log, std::string path, std::uint32_t mode)
    : ring_(ring),
      names_(names),
      payloads_(payloads),
      events_(events),
      log_(std::move(log)),
      path_(std::move(path)),
      mode_(mode) {}

void DeadLetterFile::start() {
    if (!busy_) scope_.spawn(serve());
}

void DeadLetterFile::write(const WriteDeadLetters& write, std::span<const Part> parts) {
    hold_all(payloads_, parts);
    orders_.push_back({write, {parts.begin(), parts.end()}});
    if (!busy_) scope_.spawn(serve());
}

Task<> DeadLetterFile::serve() {
    busy_ = true;
    if (orders_.empty()) {
        const std::int64_t result = co_await ready_file();
        say(result);
    }
    while (!orders_.empty()) {
        const std::int64_t result = co_await store(orders_.front());
        say(result);
        const Order done = std::move(orders_.front());
        orders_.pop_front();
        drop_all(payloads_, done.parts);
        events_.push(
            DeadLettersStored{done.write.delivery, done.write.attempt, store_outcome(result)});
    }
    busy_ = false;
}

Task<std::int64_t> DeadLetterFile::store(const Order& order) {
    std::int64_t result = co_await ready_file();
    if (result < 0) co_return result;
    Output output;
    output.offset = length_;
    tail_is_dirty_ = true;
    result = co_await append(order, output);
    if (result >= 0 && !mutant(120)) result = co_await io::sync(ring_, fd_);
    if (result < 0) {
        FileStat now;
        const std::int64_t known = co_await io::stat(ring_, fd_, now);
        if (known >= 0) written_end_ = now.size;
        co_await cut_tail();  // If this fails too, ready_file() does it before the next write.
        co_return result;
    }
    length_ = output.offset;
    tail_is_dirty_ = false;
    co_return 0;
}

// ---- the file --------------------------------------------------------------------------------

Task<std::int64_t> DeadLetterFile::ready_file() {
    std::int64_t result = 0;
    FileStat named;
    if (fd_ >= 0) {
        result = co_await io::stat(ring_, path_.c_str(), named);
        const bool is_gone = result == -ENOENT || result == -ENOTDIR || result == -ESTALE;
        const bool is_ours = result == 0 && is_same_file(named, identity_);
        if (is_gone || (result == 0 && (!is_ours || named.size < length_))) co_await close_file();
    }
    const bool is_known = fd_ >= 0 && result == 0 && S_ISREG(named.mode);
    const bool is_longer = is_known && named.size > (tail_is_dirty_ ? written_end_ : length_);
    result = 0;
    if (fd_ < 0) {
        result = co_await open_file();
        if (result < 0) co_await close_file();
    } else if (is_longer) {
        log_(Level::warn, LogLine("somebody else writes to the dead letters, too; it stays there, "
                                  "and what comes is written behind it")
                              .with("path", path_)
                              .text());
        result = co_await repair_end(named.size);
    } else if (tail_is_dirty_) {
        result = co_await cut_tail();
    }
    opening_ = false;
    co_return result;
}

Task<std::int64_t> DeadLetterFile::open_file() {
    const std::string parent = parent_of(path_);
    std::int64_t result = co_await make_directories(ring_, parent);
    if (result < 0) co_return result;
    result = co_await open_retried(ring_, path_, O_RDWR | O_CREAT | O_CLOEXEC, mode_);
    if (result < 0) co_return result;
    fd_ = static_cast<int>(result);
    result = co_await io::stat(ring_, fd_, identity_);
    if (result >= 0 && S_ISREG(identity_.mode)) {
        result = co_await lock_file(ring_, fd_);
        if (result == -EAGAIN) refuse(locked_text(path_));
        // Who had it may have written until then.
        if (result >= 0) result = co_await io::stat(ring_, fd_, identity_);
    }
    if (result < 0) co_return result;
    result = co_await sync_names(ring_, path_);
    if (result < 0) co_return result;
    result = co_await repair_end(identity_.size);
    co_return result;
}

void DeadLetterFile::refuse(std::string problem) {
    problem_ = std::move(problem);
    changed_.notify();
}

Task<std::int64_t> DeadLetterFile::repair_end(std::int64_t size) {
    const std::int64_t end = co_await end_of_last_line(ring_, fd_, 0, size);
    if (end < 0) co_return end;
    length_ = size;
    tail_is_dirty_ = false;
    if (end == size) co_return 0;
    std::string tail(std::min<std::size_t>(static_cast<std::size_t>(size - end), line_begin.size()),
                     '\0');
    const std::span<std::byte> into = std::as_writable_bytes(std::span(tail));
    std::int64_t result = co_await read_all(ring_, fd_, into, end);
    if (result < 0) co_return result;
    if (begins_as_ours(tail)) {
        log_(Level::warn,
             LogLine("a torn last line was cut").with("path", path_).with("length", end).text());
        length_ = end;
        result = co_await cut_tail();
        co_return result;
    }
    Output output;
    output.text = "\n";
    output.offset = size;
    result = co_await flush(output);
    length_ = output.offset;
    co_return result;
}

Task<std::int64_t> DeadLetterFile::cut_tail() {
    const std::int64_t result = co_await io::truncate(ring_, fd_, length_);
    if (result >= 0) tail_is_dirty_ = false;
    co_return result;
}

Task<> DeadLetterFile::close_file() {
    if (fd_ < 0) co_return;
    const int fd = std::exchange(fd_, -1);
    co_await io::close(ring_, fd);
}

// ---- lines -----------------------------------------------------------------------------------

DeadLetterHead DeadLetterFile::head_of(const Part& part, std::uint32_t output,
                                       const Payload& payload, const RecordView& record) const {
    DeadLetterHead head;
    head.time_ns = std::max<std::int64_t>(ring_.wall_ns(), 0);
    head.source = names_.source(payload.source);
    head.partition = names_.partition(payload.source, payload.partition);
    head.position = record.position.value;
    head.id = names_.id(payload.source, payload.partition, head.position);
    if (part.sink != no_sink) head.sink = names_.sink(part.sink);
    head.reason = part.reason;
    head.attempts = part.attempts;
    if (record.why != nullptr) {
        head.reason = record.why->reason;
        head.transform = payloads_.transform_names[record.why->transform];
        head.error = payloads_.outputs(part.batch)->texts[record.why->text];
    }
    if (record.why == nullptr) head.error = payload.why;
    const bool has_more = record.key || !record.headers.empty() || record.timestamp;
    if (has_more && !mutant(536))
        codec::append_beside({record.key, record.headers, record.timestamp}, head.beside);
    if (part.sink != no_sink) head.error = names_.why(part.sink, part.batch, output);
    return head;
}

/// The record that an envelope holds; what is none, or is long, as it stands.
RecordView DeadLetterFile::opened(RecordView record) {
    if (record.bytes.size() > opened_max) return record;
    line_.assign(record.bytes.begin(), record.bytes.end());
    line_.resize(line_.size() + Program::padding);
    codec::Document document(parser_);
    std::string error;
    if (!codec::read_envelope(std::span(line_).first(record.bytes.size()), opened_max, document,
                              from_, error))
        return record;
    record.bytes = std::as_bytes(std::span(from_.payload));
    record.key = from_.extras.key;
    record.headers = from_.extras.headers;
    record.timestamp = from_.extras.timestamp;
    return record;
}

Task<std::int64_t> DeadLetterFile::append(const Order& order, Output& output) {
    for (const Part& part : order.parts) {
        const Payload& payload = payloads_.at(part.batch);
        RecordWalk walk = payloads_.walk(part);
        RecordView record;
        std::uint32_t records = 0;
        const bool opens = names_.are_envelopes(payload.source, part.sink);
        for (; walk.next(record); ++records) {
            if (opens) record = opened(record);
            const DeadLetterHead head = head_of(part, part.begin + records, payload, record);
            const std::int64_t result = co_await append_record(head, record.bytes, output);
            if (result < 0) co_return result;
        }
        HF_ASSERT(records == part.end - part.begin);
    }
    const std::int64_t result = co_await flush(output);
    co_return result;
}

Task<std::int64_t> DeadLetterFile::append_record(const DeadLetterHead& head,
                                                 std::span<const std::byte> record,
                                                 Output& output) {
    DeadLetterHead with_encoding = head;
    with_encoding.encoding = encoding_of(record);
    begin_dead_letter(with_encoding, output.text);
    const bool at_once = with_encoding.encoding == PayloadEncoding::zeros;
    while (!record.empty()) {
        const auto piece = at_once ? record : record.first(std::min(record.size(), piece_max));
        append_payload(with_encoding.encoding, piece, output.text);
        record = record.subspan(piece.size());
        if (output.text.size() < text_max) continue;
        const std::int64_t result = co_await flush(output);
        if (result < 0) co_return result;
    }
    end_dead_letter(output.text);
    co_return 0;
}

Task<std::int64_t> DeadLetterFile::flush(Output& output) {
    std::vector<iovec> vectors{vector_of(std::as_bytes(std::span(output.text)))};
    std::int64_t progress = 0;
    const std::int64_t result = co_await write_all(ring_, fd_, vectors, output.offset, progress);
    output.offset += progress;
    output.text.clear();
    co_return result;
}

void DeadLetterFile::say(std::int64_t result) {
    if (result < 0 && !failing_) {
        log_(Level::error, LogLine("dead letters can't be stored, it is tried again")
                               .with("path", path_)
                               .with("error", error_text(result))
                               .text());
    }
    if (result >= 0 && failing_) {
        log_(Level::info, LogLine("dead letters are stored again").with("path", path_).text());
    }
    failing_ = result < 0;
}

}  // namespace holdfast::io
