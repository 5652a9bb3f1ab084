// Writing a value: what no edit touches is copied from the record, in runs as long as possible.
#include <algorithm>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/jq/machine.hpp"

namespace holdfast::jq {
namespace {

void append(std::vector<std::byte>& out, const char* begin, const char* end) {
    const auto* bytes = reinterpret_cast<const std::byte*>(begin);
    out.insert(out.end(), bytes, bytes + (end - begin));
}

void append(std::vector<std::byte>& out, std::string_view text) {
    append(out, text.data(), text.data() + text.size());
}

}  // namespace

/// Collects neighbouring pieces of the record and copies them at once.
struct Machine::Splice {
    std::vector<std::byte>& out;
    const char* begin = nullptr;
    const char* end = nullptr;

    void copy(const char* from, const char* to) {
        if (from != end) {
            flush();
            begin = from;
        }
        end = to;
    }
    void insert(std::string_view text) {
        flush();
        append(out, text);
    }
    void flush() {
        if (begin != end) append(out, begin, end);
        begin = end = nullptr;
    }
};

void Machine::write(NodeId id, std::vector<std::byte>& out) const {
    const Node& node = nodes_[id];
    if (!node.edited) return append(out, node.bytes());
    if (node.kind == Kind::object) return write_object(id, out);
    append(out, "[");
    bool first = true;
    for (const Edit& edit : edits_of(id)) {
        if (!first) append(out, ",");
        first = false;
        write(edit.value, out);
    }
    append(out, "]");
}

/// Members are only added: all of the original is copied but for its closing bracket.
void Machine::write_grown(const Node& object, std::span<const Edit> edits,
                          std::vector<std::byte>& out) const {
    const char* end = object.text + object.size - 1;
    const char* behind = end;
    while (behind[-1] == ' ' || behind[-1] == '\t' || behind[-1] == '\n' || behind[-1] == '\r') {
        --behind;
    }
    append(out, object.text, edits.empty() ? end : behind);
    bool first = behind[-1] == '{';
    for (const Edit& edit : edits) {
        if (!first) out.push_back(std::byte{','});
        first = false;
        append(out, plan_.texts[edit.key].quoted);
        out.push_back(std::byte{':'});
        write(edit.value, out);
    }
    out.push_back(std::byte{'}'});
}

void Machine::write_object(NodeId id, std::vector<std::byte>& out) const {
    const NodeId original = original_of(id);
    const std::span<const Edit> edits = edits_of(id);
    const bool grows = std::all_of(edits.begin(), edits.end(), [](const Edit& edit) {
        return edit.does == Edit::Does::append;
    });
    if (grows) return write_grown(nodes_[original], edits, out);
    const Node& object = nodes_[original];
    const char* object_end = object.text + object.size;
    Splice splice{out};
    splice.copy(object.text, object.text + 1);
    const char* behind = object.text + 1;  // The end of the last member that was looked at.
    bool adjoins = true;                   // That one was written, or is the bracket.
    bool first = true;
    const NodeId members_end = original == empty_object_ ? original : object.next;
    for (NodeId child = original + 1; child < members_end; child = nodes_[child].next) {
        const Node& member = nodes_[child];
        const char* member_end = member.text + member.size;
        const Edit* edit = nullptr;
        for (const Edit& one : edits) {
            if (one.member == child) edit = &one;
        }
        if (edit != nullptr && edit->does == Edit::Does::remove) {
            adjoins = false;
            behind = member_end;
            continue;
        }
        const char* key = member.key - 1;
        if (adjoins) {
            splice.copy(behind, key);
        } else if (!first) {
            splice.insert(",");
        }
        if (edit != nullptr && edit->does == Edit::Does::rename) {
            splice.insert(plan_.texts[edit->key].quoted);
            splice.copy(member.key + member.key_size + 1, member.text);
        } else {
            splice.copy(key, member.text);
        }
        const NodeId value = edit != nullptr ? edit->value : no_node;
        if (value == no_node || value == child) {
            splice.copy(member.text, member_end);
        } else {
            splice.flush();
            write(value, out);
        }
        first = false;
        adjoins = true;
        behind = member_end;
    }
    bool appended = false;
    for (const Edit& edit : edits) {
        if (edit.does != Edit::Does::append) continue;
        splice.insert(first ? "" : ",");
        append(out, plan_.texts[edit.key].quoted);
        append(out, ":");
        write(edit.value, out);
        first = false;
        appended = true;
    }
    splice.copy(adjoins && !appended ? behind : object_end - 1, object_end);
    splice.flush();
}

}  // namespace holdfast::jq
