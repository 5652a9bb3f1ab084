#include <bit>
#include <msgpack.hpp>

#include "core/base/assert.hpp"
#include "core/codec/convert.hpp"
#include "core/codec/members.hpp"

namespace holdfast::codec {
namespace {

/// What msgpack-cxx writes to.
struct Output {
    std::string& text;
    void write(const char* bytes, std::size_t size) { text.append(bytes, size); }
};

class Packer : public msgpack::packer<Output> {
public:
    explicit Packer(Output& output) : packer(output), output_(output) {}

    /// As the library doesn't: it makes an integer of 1.0, and of 2^64 undefined behaviour.
    void pack_real(double number) {
        output_.text += '\xcb';
        const auto bits = std::bit_cast<std::uint64_t>(number);
        for (int shift = 56; shift >= 0; shift -= 8) {
            output_.text += static_cast<char>(bits >> shift & 0xff);
        }
    }

private:
    Output& output_;
};

void pack_string(std::string_view text, Packer& out) {
    const auto size = static_cast<std::uint32_t>(text.size());
    out.pack_str(size);
    out.pack_str_body(text.data(), size);
}

/// Bound on the depth: depth_max, by the parser.
void pack_value(const Value& value, Packer& out) {
    std::string scratch;
    switch (value.kind()) {
        case Kind::boolean: value.boolean() ? out.pack_true() : out.pack_false(); return;
        case Kind::int64: out.pack_int64(value.int64()); return;
        case Kind::uint64: out.pack_uint64(value.uint64()); return;
        case Kind::real: out.pack_real(value.real()); return;
        case Kind::string: pack_string(value.string(scratch), out); return;
        case Kind::array:
            out.pack_array(static_cast<std::uint32_t>(value.size()));
            for (const Value element : value.children()) pack_value(element, out);
            return;
        case Kind::object: {
            const std::vector<Value> members = members_of(value);
            out.pack_map(static_cast<std::uint32_t>(members.size()));
            for (const Value& member : members) {
                pack_string(member.key(scratch), out);
                pack_value(member, out);
            }
            return;
        }
        default:
            HF_ASSERT(value.null());  // JSON has no other kinds.
            out.pack_nil();
    }
}

}  // namespace

void append_msgpack(const Value& value, std::string& out) {
    HF_ASSERT(!value.missing());
    if (value.format() == Format::msgpack) {
        const auto raw = value.raw();
        out.append(reinterpret_cast<const char*>(raw.data()), raw.size());
        return;
    }
    Output output{out};
    Packer packer(output);
    pack_value(value, packer);
}

}  // namespace holdfast::codec
