// A memory cgroup for a program under test. Skipped, loudly, where none can be made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::real {

/// A memory cgroup of its own, of version 2 or 1, whichever the machine has.
class Cgroup {
public:
    explicit Cgroup(std::uint64_t bytes);
    ~Cgroup();
    Cgroup(const Cgroup&) = delete;

    bool made() const;
    /// The program with these arguments, inside.
    std::vector<std::string> inside(const std::vector<std::string>& arguments) const;
    /// Bytes that the kernel can't take back: neither page cache nor its own.
    std::uint64_t unreclaimable() const;

private:
    std::string folder_;
};

/// The number of a field in what `validate --json` said; fails the test if there is none.
std::uint64_t number_after(const std::string& text, const std::string& name);

}  // namespace holdfast::real
