#include "core/jq/meta.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/codec/envelope.hpp"
#include "core/codec/utf8.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq {

namespace {

/// Of equal names the last one counts, where the first one stands; as where an object is made.
void append_headers(std::span<const std::byte> headers, std::string& out) {
    struct Member {
        std::string name;
        std::optional<std::span<const std::byte>> value;
        std::size_t place;
    };
    std::vector<Member> members;
    packing::HeaderWalk walk(headers);
    for (packing::Header header; walk.next(header);) {
        const std::string_view name(reinterpret_cast<const char*>(header.name.data()),
                                    header.name.size());
        members.push_back({header_name(name), header.value, members.size()});
    }
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
        return a.name != b.name ? a.name < b.name : a.place < b.place;
    });
    std::size_t kept = 0;
    for (const Member& member : members) {
        if (kept > 0 && members[kept - 1].name == member.name) {
            members[kept - 1].value = member.value;
        } else {
            if (&members[kept] != &member) members[kept] = member;
            ++kept;
        }
    }
    members.resize(kept);
    std::sort(members.begin(), members.end(),
              [](const Member& a, const Member& b) { return a.place < b.place; });
    for (const Member& member : members) {
        out += member.place == members.front().place ? '{' : ',';
        out += quoted(member.name);
        out += ':';
        member.value ? codec::append_bytes(*member.value, out) : void(out += "null");
    }
    out += '}';
}

void append_extras(const packing::Extras& extras, std::string& out) {
    if (extras.key) codec::append_bytes(*extras.key, out += ",\"key\":");
    if (!extras.headers.empty()) append_headers(extras.headers, out += ",\"headers\":");
    if (extras.timestamp) (out += ",\"timestamp\":") += std::to_string(*extras.timestamp);
}

}  // namespace

std::string header_name(std::string_view name) {
    std::string out;
    while (true) {
        const std::size_t good = codec::valid_utf8_prefix(name);
        out += name.substr(0, good);
        if (good == name.size()) return out;
        out += "\xef\xbf\xbd";
        name.remove_prefix(good + 1);
    }
}

void append_meta(const RecordMeta& meta, std::string& out) {
    out += "{\"source\":";
    out += quoted(meta.source);
    out += ",\"partition\":";
    out += quoted(meta.partition);
    out += ",\"position\":";
    out += std::to_string(meta.position);
    out += ",\"id\":";
    out += quoted(record_id(meta));
    if (meta.extras != nullptr) append_extras(*meta.extras, out);
    out += '}';
}

}  // namespace holdfast::jq
