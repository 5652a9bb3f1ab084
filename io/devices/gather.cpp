#include "io/devices/gather.hpp"

#include "io/devices/files.hpp"

namespace holdfast::io {
namespace {

constexpr std::byte newline{'\n'};

}  // namespace

void gather(const Payloads& payloads, std::span<const Part> parts, std::vector<iovec>& vectors) {
    vectors.clear();
    for (const Part& part : parts) {
        const Slice slice = payloads.slice(part);
        vectors.push_back(vector_of(slice.bytes));
        if (!slice.terminated) vectors.push_back(vector_of({&newline, 1}));
    }
}

void hold_all(Payloads& payloads, std::span<const Part> parts) {
    for (const Part& part : parts) payloads.hold(part.batch);
}

void drop_all(Payloads& payloads, std::span<const Part> parts) {
    for (const Part& part : parts) payloads.drop(part.batch);
}

}  // namespace holdfast::io
