#include "core/codec/document.hpp"

#include "core/codec/json_parse.hpp"
#include "core/codec/msgpack_parse.hpp"

namespace holdfast::codec {

std::expected<void, ParseError> Parser::parse(std::span<const std::byte> record, Format format,
                                              Tape& tape) {
    if (format_of(record, format) == Format::msgpack) return parse_msgpack(record, tape);
    const auto indexed = index_.index(record);
    if (!indexed) return std::unexpected(indexed.error());
    return parse_json(*indexed, tape);
}

void Document::reset(std::span<const std::byte> record, Format format) {
    record_ = record;
    format_ = format_of(record, format);
    state_ = State::unread;
    tape_.clear();
}

void Document::trim() {
    reset({}, Format::json);
    tape_.trim();
    parser_.trim();
}

std::expected<Value, ParseError> Document::root() {
    if (state_ == State::unread) {
        const auto done = parser_.parse(record_, format_, tape_);
        state_ = done ? State::good : State::bad;
        if (!done) error_ = done.error();
    }
    if (state_ == State::bad) return std::unexpected(error_);
    return Value(tape_.at(0), record_.data(), format_);
}

std::expected<Value, ParseError> Document::at(const Path& path) {
    const auto value = root();
    if (!value) return value;
    return value->at(path);
}

}  // namespace holdfast::codec
