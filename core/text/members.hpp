// The members of an object that is being made, and its text as JSON.
//
// Rule 1: of equal keys the last value counts, where the first one stood.
// Rule 2: what is written has no white space between its tokens, and no newline.
// Lives: keys and values are borrowed until write().
// Bound: n log n, whatever the keys are; of its memory so much stays that a next record is quick.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::text {

enum class Shape : std::uint8_t {
    text,  ///< Characters: valid UTF-8.
    json,  ///< JSON as it is to be written.
    raw,   ///< JSON with white space, perhaps.
};

/// Memory that stays for the next record, of each text and list.
inline constexpr std::size_t kept_bytes = std::size_t{128} << 10;

class Members {
public:
    void clear();
    void reserve(std::size_t members) { members_.reserve(members); }
    void add(std::string_view key, std::string_view value, Shape shape);
    /// All of another list, in its order.
    void add_all(const Members& other);
    std::size_t size() const { return members_.size(); }

    /// Appends the object, once. False: it would exceed so many bytes, and is not whole.
    bool write(std::string& out, std::size_t bytes_max);
    void trim();

private:
    struct Member {
        std::string_view key;
        std::string_view value;
        Shape shape = Shape::text;
        bool is_over = false;  ///< A later one took its place.
    };
    void join_equal_keys();
    void join(std::size_t first, std::size_t later);

    std::vector<Member> members_;
    std::vector<std::uint32_t> sorted_;
    std::uint64_t seen_ = 0;  ///< A bit for some keys each.
    bool may_repeat_ = false;
};

/// Appends characters as a JSON string. Requires: valid UTF-8.
void append_string(std::string_view text, std::string& out);
/// How many bytes that is.
std::size_t string_size(std::string_view text);

/// Appends valid JSON without the white space between its tokens. Returns how many levels of arrays
/// and objects it has.
std::size_t append_compact(std::string_view json, std::string& out);

/// Empties a text, and gives back what a large record took.
void trim(std::string& text);

}  // namespace holdfast::text
