#include "core/codec/parsed_batch.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/codec/json_parse.hpp"

namespace holdfast::codec {

void ParsedBatch::put(std::expected<void, ParseError> done, std::span<const std::byte> record,
                      std::size_t node, Format format) {
    Entry entry{.node = node,
                .record = record.data(),
                .error = {},
                .format = format,
                .good = done.has_value()};
    if (!done) {
        entry.error = done.error();
        ++errors_;
    }
    entries_.push_back(entry);
    intern_names(entry);
}

void ParsedBatch::clear() {
    entries_.clear();
    tape_.clear();
    errors_ = 0;
}

void ParsedBatch::add(std::span<const std::byte> record, Format format) {
    const std::size_t node = tape_.size();
    put(parser_.parse(record, format, tape_), record, node, format_of(record, format));
}

void ParsedBatch::parse_lines(std::span<const std::byte> batch, std::span<const Extent> records) {
    JsonIndex& index = parser_.index();
    index.begin(batch, records);
    for (const Extent& record : records) {
        const std::size_t node = tape_.size();
        const auto bytes = batch.subspan(record.begin, record.size);
        const auto indexed = index.next();
        if (indexed) {
            put(parse_json(*indexed, tape_), bytes, node, Format::json);
        } else {
            put(std::unexpected(indexed.error()), bytes, node, Format::json);
        }
    }
}

void ParsedBatch::parse(std::span<const std::byte> batch, std::span<const Extent> records,
                        Format format, Between between) {
    clear();
    const auto bytes = [&](const Extent& record) {
        return batch.subspan(record.begin, record.size);
    };
    const bool json = std::ranges::all_of(records, [&](const Extent& record) {
        return format_of(bytes(record), format) == Format::json;
    });
    if (json && between == Between::newlines) {
        parse_lines(batch, records);
    } else {
        for (const Extent& record : records) add(bytes(record), format);
    }
    HF_ASSERT(entries_.size() == records.size());
}

void ParsedBatch::intern_names(const Entry& entry) {
    if (!entry.good) return;
    if (ids_.size() < tape_.size()) ids_.resize(tape_.size() + tape_.size() / 2);
    const std::size_t count = tape_.at(entry.node)->nodes;
    NameId previous = NameId::none;
    for (std::size_t n = entry.node; n < entry.node + count; ++n) {
        ids_[n] = NameId::none;
        if (tape_.at(n)->key == Text::none) continue;
        const Value value(tape_.at(n), entry.record, entry.format);
        ids_[n] = names_.intern(value.key(scratch_), previous);
        if (ids_[n] != NameId::none) previous = ids_[n];
    }
}

std::expected<Value, ParseError> ParsedBatch::at(std::size_t record) const {
    HF_ASSERT(record < entries_.size());
    const Entry& entry = entries_[record];
    if (!entry.good) return std::unexpected(entry.error);
    return Value(tape_.at(entry.node), entry.record, entry.format);
}

NameId ParsedBatch::name(const Value& value) const {
    if (value.missing()) return NameId::none;
    const auto n = static_cast<std::size_t>(value.node() - tape_.at(0));
    HF_ASSERT(n < tape_.size());
    return ids_[n];
}

Value ParsedBatch::member(const Value& value, NameId name) const {
    Value found;
    if (value.kind() != Kind::object || name == NameId::none) return found;
    for (const Value member : value.children()) {
        if (this->name(member) == name) found = member;
    }
    return found;
}

}  // namespace holdfast::codec
