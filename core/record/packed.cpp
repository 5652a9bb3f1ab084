#include "core/record/packed.hpp"

#include <bit>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace holdfast::packing {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint32_t has_key = 1;
constexpr std::uint32_t has_timestamp = 2;
constexpr std::uint32_t no_value = UINT32_MAX;

template <class T>
T load(Bytes bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

template <class T>
void store(std::span<std::byte> bytes, std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

std::size_t put(std::span<std::byte> to, std::size_t at, Bytes bytes) {
    if (!bytes.empty()) std::memcpy(to.data() + at, bytes.data(), bytes.size());
    return at + bytes.size();
}

}  // namespace

bool HeaderWalk::next(Header& header) {
    if (rest_.size() < header_head_size) return false;
    const auto name = load<std::uint32_t>(rest_, 0);
    const auto value = load<std::uint32_t>(rest_, 4);
    const std::size_t value_size = value == no_value ? 0 : value;
    const Bytes rest = rest_.subspan(header_head_size);
    if (name > rest.size() || value_size > rest.size() - name) return false;
    header.name = rest.first(name);
    header.value.reset();
    if (value != no_value || mutant(537)) header.value = rest.subspan(name, value_size);
    rest_ = rest.subspan(name + value_size);
    return true;
}

void append_header(const Header& header, std::vector<std::byte>& headers) {
    const std::size_t value = header.value ? header.value->size() : 0;
    HF_ASSERT(header.name.size() < no_value && value < no_value);
    std::size_t at = headers.size();
    headers.resize(at + header_head_size + header.name.size() + value);
    store(headers, at, static_cast<std::uint32_t>(header.name.size()));
    store(headers, at + 4, header.value ? static_cast<std::uint32_t>(value) : no_value);
    at = put(headers, at + header_head_size, header.name);
    if (header.value) put(headers, at, *header.value);
}

std::optional<View> view_of(Bytes bytes) {
    if (bytes.size() < head_size) return std::nullopt;
    const auto size = load<std::uint32_t>(bytes, 0);
    const auto flags = load<std::uint32_t>(bytes, 4);
    const auto key = load<std::uint32_t>(bytes, 8);
    const auto headers = load<std::uint32_t>(bytes, 12);
    if (size < head_size || size > bytes.size()) return std::nullopt;
    const std::size_t rest = size - head_size;
    if (key > rest || headers > rest - key) return std::nullopt;
    if ((flags & ~(has_key | has_timestamp)) != 0) return std::nullopt;
    if ((flags & has_key) == 0 && key != 0) return std::nullopt;
    View view;
    view.size = size;
    if ((flags & has_key) != 0) view.extras.key = bytes.subspan(head_size, key);
    view.extras.headers = bytes.subspan(head_size + key, headers);
    view.extras.position = load<std::int64_t>(bytes, 16);
    if ((flags & has_timestamp) != 0) view.extras.timestamp = load<std::int64_t>(bytes, 24);
    const std::size_t before = head_size + key + headers;
    view.payload = bytes.first(size).subspan(before);
    return view;
}

std::int64_t position_at(Bytes bytes) {
    HF_ASSERT(bytes.size() >= head_size);
    return load<std::int64_t>(bytes, 16);
}

std::size_t packed_size(const Extras& extras, std::size_t payload) {
    return head_size + (extras.key ? extras.key->size() : 0) + extras.headers.size() + payload;
}

std::size_t pack(const Extras& extras, Bytes payload, std::span<std::byte> to) {
    const std::size_t size = packed_size(extras, payload.size());
    HF_ASSERT(size <= to.size());
    HF_ASSERT(size <= UINT32_MAX);
    const bool keyed = extras.key && !(mutant(522) && extras.key->empty());
    store(to, 0, static_cast<std::uint32_t>(size));
    store(to, 4, (keyed ? has_key : 0) | (extras.timestamp ? has_timestamp : 0));
    store(to, 8, keyed ? static_cast<std::uint32_t>(extras.key->size()) : 0);
    store(to, 12, static_cast<std::uint32_t>(extras.headers.size()));
    store(to, 16, extras.position);
    store(to, 24, extras.timestamp.value_or(0));
    std::size_t at = head_size;
    if (keyed) at = put(to, at, *extras.key);
    at = put(to, at, extras.headers);
    at = put(to, at, payload);
    return at;
}

void append_packed(const Extras& extras, Bytes payload, std::vector<std::byte>& out) {
    const std::size_t before = out.size();
    out.resize(before + packed_size(extras, payload.size()));
    pack(extras, payload, std::span(out).subspan(before));
}

}  // namespace holdfast::packing
