// One record, parsed when somebody asks, and once.
//
// Rule 1: the record's bytes are borrowed and never written to: what nobody changes goes on as it
//         came.
// Rule 2: an error is cached as a value is.
#pragma once

#include <cstddef>
#include <expected>
#include <span>

#include "core/codec/fault.hpp"
#include "core/codec/json_index.hpp"
#include "core/codec/tape.hpp"
#include "core/codec/value.hpp"

namespace holdfast::codec {

/// The scratch memory of parsing; one per thread.
class Parser {
public:
    /// Appends the record's nodes to the tape. After an error nothing was appended.
    std::expected<void, ParseError> parse(std::span<const std::byte> record, Format format,
                                          Tape& tape);
    JsonIndex& index() { return index_; }
    /// Gives back what a large record took.
    void trim() { index_.trim(); }

private:
    JsonIndex index_;
};

/// Lives: the parser as long as this, the record until the next reset(); values until then too.
class Document {
public:
    explicit Document(Parser& parser) : parser_(parser) {}

    /// Another record. Nothing is looked at yet but, for Format::automatic, the first byte.
    void reset(std::span<const std::byte> record, Format format);

    std::expected<Value, ParseError> root();
    /// root().at(path).
    std::expected<Value, ParseError> at(const Path& path);

    std::span<const std::byte> bytes() const { return record_; }
    Format format() const { return format_; }
    bool parsed() const { return state_ != State::unread; }
    /// Forgets the record, and gives back what a large one took; the parser's too.
    void trim();

private:
    enum class State : std::uint8_t { unread, good, bad };

    Parser& parser_;
    std::span<const std::byte> record_;
    Format format_ = Format::json;
    State state_ = State::unread;
    ParseError error_;
    Tape tape_;
};

}  // namespace holdfast::codec
