#include "tests/jq/libjq/values.hpp"

#include <cstdlib>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq {
namespace {

constexpr int levels_max = static_cast<int>(Tape::depth_max);

jv text(std::string_view inside, bool escaped, std::string& scratch) {
    if (escaped) {
        decode_string(inside, scratch);
        inside = scratch;
    }
    return jv_string_sized(inside.data(), static_cast<int>(inside.size()));
}

double number(std::string_view bytes) {
    if (const std::optional<double> value = number_value(bytes)) return *value;
    // Too large or too small: strtod says which.
    return std::strtod(std::string(bytes).c_str(), nullptr);
}

struct Writer {
    std::vector<std::byte>& out;
    std::size_t bytes_max;
    std::string digits;
    bool deep = false;

    void put(std::string_view bytes) {
        const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
        out.insert(out.end(), begin, begin + bytes.size());
    }

    void put_string(jv value) {
        const std::string_view bytes(
            jv_string_value(value),
            static_cast<std::size_t>(jv_string_length_bytes(jv_copy(value))));
        bool plain = true;
        for (const char c : bytes) {
            const auto byte = static_cast<unsigned char>(c);
            plain = plain && byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7F;
        }
        if (plain) {
            put("\"");
            put(bytes);
            put("\"");
        } else {
            put(quoted(bytes));
        }
        jv_free(value);
    }

    bool put_array(jv value, int level) {
        put("[");
        const int length = jv_array_length(jv_copy(value));
        bool fits = true;
        for (int i = 0; i < length && fits; ++i) {
            if (i > 0) put(",");
            fits = put_value(jv_array_get(jv_copy(value), i), level + 1);
        }
        put("]");
        jv_free(value);
        return fits;
    }

    bool put_object(jv value, int level) {
        put("{");
        bool fits = true;
        bool first = true;
        for (int i = jv_object_iter(value); jv_object_iter_valid(value, i) && fits;
             i = jv_object_iter_next(value, i)) {
            if (!first) put(",");
            first = false;
            put_string(jv_object_iter_key(value, i));
            put(":");
            fits = put_value(jv_object_iter_value(value, i), level + 1);
        }
        put("}");
        jv_free(value);
        return fits;
    }

    bool put_value(jv value, int level) {
        const jv_kind kind = jv_get_kind(value);
        const bool opens = kind == JV_KIND_ARRAY || kind == JV_KIND_OBJECT;
        deep = deep || (opens && level == levels_max);
        if (deep || out.size() > bytes_max) {
            jv_free(value);
            return false;
        }
        switch (kind) {
            case JV_KIND_ARRAY: return put_array(value, level);
            case JV_KIND_OBJECT: return put_object(value, level);
            case JV_KIND_STRING: put_string(value); return true;
            case JV_KIND_NUMBER:
                digits.clear();
                append_number(jv_number_value(value), digits);
                put(digits);
                break;
            case JV_KIND_TRUE: put("true"); break;
            case JV_KIND_FALSE: put("false"); break;
            case JV_KIND_NULL:
            case JV_KIND_INVALID: put("null"); break;
        }
        jv_free(value);
        return true;
    }
};

}  // namespace

jv to_library(const Nodes& nodes, NodeId id, std::string& scratch) {
    const Node& node = nodes[id];
    switch (node.kind) {
        case Kind::null: return jv_null();
        case Kind::no: return jv_false();
        case Kind::yes: return jv_true();
        case Kind::number: return jv_number(number(node.bytes()));
        case Kind::string:
            return text(node.bytes().substr(1, node.size - 2), node.escaped, scratch);
        case Kind::array: {
            jv array = jv_array();
            for (NodeId child = id + 1; child < node.next; child = nodes[child].next) {
                array = jv_array_append(array, to_library(nodes, child, scratch));
            }
            return array;
        }
        case Kind::object: break;
    }
    jv object = jv_object();
    for (NodeId child = id + 1; child < node.next; child = nodes[child].next) {
        const std::string_view key(nodes[child].key, nodes[child].key_size);
        const bool escaped = node.escaped_keys && key.find('\\') != std::string_view::npos;
        jv name = text(key, escaped, scratch);
        object = jv_object_set(object, name, to_library(nodes, child, scratch));
    }
    return object;
}

Written write_value(jv value, std::vector<std::byte>& out, std::size_t bytes_max) {
    Writer writer{out, out.size() + bytes_max, {}};
    const bool whole = writer.put_value(value, 0);
    return whole ? Written::whole : writer.deep ? Written::too_deep : Written::too_large;
}

}  // namespace holdfast::jq
