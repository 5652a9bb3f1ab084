// See json_values.hpp.
#include "io/cli/json_values.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "core/base/assert.hpp"
#include "core/codec/json_text.hpp"
#include "core/data/framing.hpp"
#include "core/data/program.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t block_bytes = std::size_t{256} << 10;
constexpr std::size_t line_most = std::size_t{64} << 20;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

using codec::is_space;

}  // namespace

/// True: the value ends with this byte, or, of a word, before it.
bool ValueScan::step(char c) {
    if (quoted_) {
        if (escaped_) {
            escaped_ = false;
        } else if (c == '\\') {
            escaped_ = true;
        } else if (c == '"') {
            quoted_ = false;
            return depth_ == 0;
        }
        return false;
    }
    if (c == '"') {
        quoted_ = true;
    } else if (c == '{' || c == '[') {
        ++depth_;
    } else if (c == '}' || c == ']') {
        // One too many stands for itself, and is no value.
        return depth_ <= 1 || --depth_ == 0;
    }
    return false;
}

bool ValueScan::feed(std::string_view bytes, std::size_t& used) {
    for (used = 0; used < bytes.size();) {
        const char c = bytes[used];
        switch (state_) {
            case State::before:
                if (is_space(c)) {
                    ++used;
                    continue;
                }
                state_ = c == '"'                                       ? State::text
                         : c == '{' || c == '[' || c == '}' || c == ']' ? State::container
                                                                        : State::word;
                if (state_ != State::word) break;
                ++used;
                continue;
            case State::word:
                if (is_space(c) || std::strchr("\"{}[]", c) != nullptr) return true;
                ++used;
                continue;
            case State::text:
            case State::container: break;
        }
        ++used;
        if (step(c)) return true;
    }
    return false;
}

JsonInputs::JsonInputs(std::vector<std::string> files)
    : files_(std::move(files)), is_stdin_(files_.empty()) {
    if (is_stdin_) files_.emplace_back();
    buffer_.resize(block_bytes + Program::padding);
}

JsonInputs::~JsonInputs() { close(); }

void JsonInputs::close() {
    if (fd_ > 0) ::close(fd_);
    fd_ = -1;
}

bool JsonInputs::open_next() {
    while (next_file_ < files_.size()) {
        const std::string& file = files_[next_file_++];
        at_head_ = true;
        at_ = end_ = before_ = line_end_ = 0;
        lines_ = 0;
        name_ = is_stdin_ ? "<stdin>" : file;
        fd_ = is_stdin_ ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        ended_ = fd_ < 0;
        if (fd_ >= 0) return true;
        troubles_.push_back("could not open " + file + ": " + std::strerror(errno));
    }
    return false;
}

/// More of the same file; false at its end. What is given next stays, and moves to the front.
bool JsonInputs::more() {
    if (ended_) return false;
    if (end_ - at_ + block_bytes + Program::padding > buffer_.size() && at_ < block_bytes)
        buffer_.resize(2 * buffer_.size());
    if (at_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
        end_ -= at_;
        line_end_ -= std::min(line_end_, at_);
        before_ = at_ = 0;
    }
    const std::size_t room = buffer_.size() - Program::padding - end_;
    HF_ASSERT(room > 0);
    if (before_reading_) before_reading_();
    ::ssize_t got = 0;
    do got = ::read(fd_, buffer_.data() + end_, room);
    while (got < 0 && errno == EINTR);
    if (got < 0) troubles_.push_back("could not read " + name_ + ": " + std::strerror(errno));
    ended_ = got <= 0;
    if (ended_) {
        close();
        return false;
    }
    // A carriage return is white space, too, and as wrong within a text.
    if (separators_) std::replace(buffer_.data() + end_, buffer_.data() + end_ + got, '\x1e', '\r');
    end_ += static_cast<std::size_t>(got);
    std::memset(buffer_.data() + end_, ' ', Program::padding);
    if (at_head_ && left().starts_with(byte_order_mark)) at_ = byte_order_mark.size();
    at_head_ = false;
    return true;
}

JsonInputs::Got JsonInputs::line(std::string_view& text) {
    std::size_t looked = 0;
    for (;;) {
        const void* newline = std::memchr(buffer_.data() + at_ + looked, '\n', end_ - at_ - looked);
        if (newline != nullptr) {
            const std::size_t end =
                static_cast<std::size_t>(static_cast<const char*>(newline) - buffer_.data());
            text = {buffer_.data() + at_, end - at_};
            before_ = at_;
            at_ = end + 1;
            given_line_ = ++lines_;
            return Got::text;
        }
        looked = end_ - at_;
        if (looked > line_most) {
            line_end_ = end_;
            return Got::unfinished;
        }
        const bool was_head = at_head_;
        if (more()) {
            if (was_head) looked = 0;
            continue;
        }
        if (at_ < end_) {
            text = left();
            before_ = at_;
            at_ = end_;
            given_line_ = lines_ + 1;
            return Got::text;
        }
        if (!open_next()) return Got::end;
        looked = 0;
    }
}

void JsonInputs::back() {
    if (at_ > before_ && buffer_[at_ - 1] == '\n' && lines_ > 0) --lines_;
    line_end_ = at_;
    at_ = before_;
}

JsonInputs::Got JsonInputs::value(std::string_view& text) {
    ValueScan scan;
    std::size_t looked = 0;
    const auto take = [&](std::size_t size) {
        text = {buffer_.data() + at_, size};
        lines_ += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
        given_line_ = lines_ + 1;
        at_ += size;
        before_ = at_;
    };
    for (;;) {
        std::size_t used = 0;
        const bool is_whole = scan.feed(left().substr(looked), used);
        looked += used;
        if (is_whole) {
            take(looked);
            return Got::text;
        }
        const bool was_head = at_head_;
        const bool came = more();
        if (was_head) looked = 0;
        if (came) continue;
        const bool is_word = scan.ends_here(), is_blank = scan.is_blank();
        take(end_ - at_);
        if (is_word) return Got::text;
        if (!is_blank) return Got::unfinished;
        if (!open_next()) return Got::end;
        looked = 0;
    }
}

std::string JsonInputs::rest() {
    std::string out;
    for (;;) {
        out += left();
        at_ = end_;
        if (!more() && !open_next()) return out;
    }
}

JsonInputs::Got JsonInputs::lines(Block& block) {
    std::size_t looked = 0;
    for (;;) {
        const std::string_view rest = left().substr(looked);
        const std::size_t newline = rest.rfind('\n');
        std::size_t size = newline == std::string_view::npos ? 0 : looked + newline + 1;
        if (size == 0 && ended_) size = end_ - at_;
        if (size > 0) {
            give_block(block, size);
            return Got::text;
        }
        if (ended_) return Got::end;
        looked = end_ - at_;
        if (looked > line_most) {
            line_end_ = end_;
            return Got::unfinished;
        }
        if (more() && at_ > 0) looked = 0;
    }
}

/// The buffer goes with the block; what lies behind the block is copied.
void JsonInputs::give_block(Block& block, std::size_t size) {
    const std::size_t behind = end_ - at_ - size;
    block.buffer.resize(std::max(buffer_.size(), behind + Program::padding));
    std::memcpy(block.buffer.data(), buffer_.data() + at_ + size, behind);
    std::memset(block.buffer.data() + behind, ' ', Program::padding);
    block.buffer.swap(buffer_);
    block.begin = at_;
    block.end = at_ + size;
    block.lines_before = lines_;
    const std::string_view text = block.text();
    lines_ += count_newlines(std::as_bytes(std::span(text)));
    at_ = before_ = line_end_ = 0;
    end_ = behind;
}

void JsonInputs::take_back(std::string_view text, std::uint64_t lines_before) {
    std::vector<char> joined;
    joined.reserve(text.size() + end_ - at_ + Program::padding);
    joined.assign(text.begin(), text.end());
    joined.insert(joined.end(), left().begin(), left().end());
    end_ = joined.size();
    joined.resize(std::max(end_, block_bytes) + Program::padding, ' ');
    buffer_.swap(joined);
    at_ = before_ = line_end_ = 0;
    lines_ = lines_before;
}

std::uint64_t JsonInputs::lines_read() const {
    const bool is_given = at_ > 0 && buffer_[at_ - 1] == '\n';
    const bool ends = !is_given && left().find('\n') != std::string_view::npos;
    return lines_ + (ends ? 1 : 0);
}

std::string JsonInputs::place() const { return name_ + ":" + std::to_string(given_line_); }

}  // namespace holdfast::cli
