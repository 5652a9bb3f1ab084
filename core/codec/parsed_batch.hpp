// All records of a batch, parsed: run mode `parsed`.
//
// Rule 1: entry n belongs to record n; a record that cannot be parsed has its error there.
// Rule 2: field names are interned on demand and once for each record (see names.hpp).
// Lives: the values until the next parse(), and no longer than the batch's bytes.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "core/codec/document.hpp"
#include "core/codec/names.hpp"

namespace holdfast::codec {

/// What stands between the records of a batch.
enum class Between : std::uint8_t {
    newlines,  ///< At least one newline: the structure of many records is found at one go.
    anything,
};

class ParsedBatch {
public:
    explicit ParsedBatch(Parser& parser, std::span<const std::string> known_fields = {})
        : parser_(parser), names_(known_fields) {}

    /// Parses all records. Requires: they lie in the batch in their order.
    /// Bound: memory for the nodes of the largest batch so far.
    void parse(std::span<const std::byte> batch, std::span<const Extent> records, Format format,
               Between between);

    /// The same for records that lie anywhere: clear(), then one after the other.
    void clear();
    /// Lives: the values as long as the record stays where it is.
    void add(std::span<const std::byte> record, Format format);

    std::size_t size() const { return entries_.size(); }
    std::size_t errors() const { return errors_; }
    std::expected<Value, ParseError> at(std::size_t record) const;

    /// The number of the value's key; none for what has no key, or whose name has no number.
    NameId name(const Value& value) const;
    /// As value.member(names().text(name)), by number.
    Value member(const Value& value, NameId name) const;
    Names& names() { return names_; }
    const Names& names() const { return names_; }

private:
    struct Entry {
        std::size_t node = 0;
        const std::byte* record = nullptr;
        ParseError error;
        Format format = Format::json;
        bool good = false;
    };
    void put(std::expected<void, ParseError> done, std::span<const std::byte> record,
             std::size_t node, Format format);
    void parse_lines(std::span<const std::byte> batch, std::span<const Extent> records);
    void intern_names(const Entry& entry);

    Parser& parser_;
    Names names_;
    Tape tape_;
    std::vector<Entry> entries_;
    std::vector<NameId> ids_;  ///< By node.
    std::string scratch_;
    std::size_t errors_ = 0;
};

}  // namespace holdfast::codec
