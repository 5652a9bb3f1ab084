#include "core/codec/find.hpp"
#include "core/codec/msgpack_head.hpp"

namespace holdfast::codec {
namespace {

class Search {
public:
    explicit Search(std::span<const std::byte> record)
        : bytes_(record),
          begin_(reinterpret_cast<const char*>(record.data())),
          end_(begin_ + record.size()) {}

    std::expected<Found, ParseError> run(const Path& path) {
        const char* at = begin_;
        for (const PathStep& step : path.steps) {
            const char* next = nullptr;
            if (!descend(at, step, next)) return std::unexpected(error_);
            if (next == nullptr) return Found{.node = {}, .record = nullptr};
            at = next;
        }
        return found(at);
    }

private:
    bool fail(Fault fault, const char* at) {
        error_ = {fault, static_cast<std::size_t>(at - begin_)};
        return false;
    }
    bool head(const char* at, MsgpackHead& out) {
        out = msgpack_head(at, end_);
        if (out.state == HeadState::invalid) return fail(Fault::invalid_type, at);
        if (out.state == HeadState::whole &&
            out.prefix + out.payload <= static_cast<std::uint64_t>(end_ - at)) {
            return true;
        }
        return fail(Fault::truncated, end_);
    }
    /// Moves behind the value.
    bool skip(const char*& at) {
        std::uint64_t values =
            1;  // Each value that is counted has a byte, or the record is broken.
        while (values > 0) {
            MsgpackHead here;
            if (!head(at, here)) return false;
            at += here.prefix + here.payload;
            values += here.values;
            --values;
        }
        return true;
    }
    bool descend(const char* at, const PathStep& step, const char*& out);
    bool member(const char* at, std::uint64_t members, std::string_view key, const char*& out);
    bool key_equals(const char* at, const MsgpackHead& head_of_key, std::string_view key);
    std::expected<Found, ParseError> found(const char* at);

    std::span<const std::byte> bytes_;
    const char* begin_;
    const char* end_;
    ParseError error_;
};

bool Search::key_equals(const char* at, const MsgpackHead& head_of_key, std::string_view key) {
    const std::string_view contents(at + head_of_key.prefix, head_of_key.payload);
    if (head_of_key.kind == Kind::string) return contents == key;
    Node node{.key_begin = static_cast<std::uint32_t>(at - begin_),
              .key_size = static_cast<std::uint32_t>(head_of_key.prefix + head_of_key.payload),
              .kind = Kind::null,
              .key = Text::scalar};
    switch (head_of_key.kind) {
        case Kind::null:
        case Kind::boolean:
        case Kind::int64:
        case Kind::uint64:
        case Kind::real: return Value(&node, bytes_.data(), Format::msgpack).key_is(key);
        default: return false;
    }
}

bool Search::member(const char* at, std::uint64_t members, std::string_view key, const char*& out) {
    for (; members > 0; --members) {
        MsgpackHead head_of_key;
        const char* key_at = at;
        if (!head(key_at, head_of_key) || !skip(at)) return false;
        if (key_equals(key_at, head_of_key, key)) out = at;
        if (!skip(at)) return false;
    }
    return true;
}

/// The last member with this key, or the element; nullptr if there is none.
bool Search::descend(const char* at, const PathStep& step, const char*& out) {
    MsgpackHead here;
    if (!head(at, here)) return false;
    at += here.prefix;
    if (!step.by_index) {
        return here.kind != Kind::object || member(at, here.values / 2, step.key, out);
    }
    if (here.kind != Kind::array) return true;
    const auto count = static_cast<std::int64_t>(here.values);
    const std::int64_t index = step.index < 0 ? step.index + count : step.index;
    if (index < 0 || index >= count) return true;
    for (std::int64_t n = 0; n < index; ++n) {
        if (!skip(at)) return false;
    }
    out = at;
    return true;
}

std::expected<Found, ParseError> Search::found(const char* at) {
    MsgpackHead here;
    if (!head(at, here)) return std::unexpected(error_);
    const char* end = at;
    if (!skip(end)) return std::unexpected(error_);
    Found out{.node = {}, .record = bytes_.data(), .format = Format::msgpack};
    out.node.begin = static_cast<std::uint32_t>(at - begin_);
    out.node.size = static_cast<std::uint32_t>(end - at);
    out.node.kind = here.kind;
    out.node.prefix = here.prefix;
    return out;
}

}  // namespace

std::expected<Found, ParseError> find_msgpack(std::span<const std::byte> record, const Path& path) {
    if (record.empty()) return std::unexpected(ParseError{Fault::empty, 0});
    if (record.size() >= UINT32_MAX) return std::unexpected(ParseError{Fault::too_large, 0});
    return Search(record).run(path);
}

}  // namespace holdfast::codec
