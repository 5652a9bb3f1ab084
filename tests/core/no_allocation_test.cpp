// step() never allocates: every operator new of this program is counted while the engine works.
// Under AddressSanitizer its own hook counts instead (malloc as well), since it has replaced them.
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "core/engine/owned.hpp"
#include "tests/core/random_events.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define HF_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HF_ASAN 1
#endif
#endif

namespace {

bool counting = false;
std::uint64_t allocations = 0;

void count() {
    if (counting) ++allocations;
}

}  // namespace

#if defined(HF_ASAN)

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, size_t),
                                                         void (*)(const volatile void*));
namespace {
void watch() {
    static const int installed = __sanitizer_install_malloc_and_free_hooks(
        [](const volatile void*, size_t) { count(); }, [](const volatile void*) {});
    REQUIRE(installed > 0);
}
}  // namespace

#else

namespace {
void watch() {}

void* take(std::size_t size, std::size_t alignment) {
    count();
    const std::size_t rounded = (size + alignment) / alignment * alignment;
    void* p = std::aligned_alloc(alignment, rounded);
    if (!p) std::abort();
    return p;
}
}  // namespace

void* operator new(std::size_t size) { return take(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return take(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t a) {
    return take(size, static_cast<std::size_t>(a));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return take(size, alignof(std::max_align_t));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }

#endif

using namespace holdfast;

TEST_CASE("engine allocates nothing in a step") {
    watch();
    std::uint64_t events_taken = 0;
    std::uint64_t effects_seen = 0;
    for (std::uint64_t seed = 5000; seed < 5200; ++seed) {
        const Config config = random_config(seed);
        OwnedEngine owned(config);
        RandomEvents events(seed, config, seed % 2 == 0);
        for (int i = 0; i < 1000 && !owned.engine().halted(); ++i) {
            const Event event = events.next(owned.engine().deadline());
            counting = true;
            const Effects& effects = owned.step(events.now(), event);
            counting = false;
            events.saw(effects);
            ++events_taken;
            effects_seen += effects.items().size();
        }
    }
    CHECK(events_taken > 20'000);
    CHECK(effects_seen > 10'000);
    CHECK(allocations == 0);
}

TEST_CASE("allocations are seen by the test that counts them") {
    watch();
    const std::uint64_t before = allocations;
    counting = true;
    int* volatile p = new int(1);
    counting = false;
    delete p;
    CHECK(allocations > before);
    allocations = 0;
}
