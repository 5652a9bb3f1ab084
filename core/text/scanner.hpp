// What finds the members in a text: one for each format but JSON.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/time.hpp"
#include "core/data/hurry.hpp"
#include "core/jq/machine/outside.hpp"
#include "core/text/members.hpp"
#include "core/text/settings.hpp"

namespace holdfast::text {

/// What is wrong with a text, and where.
struct Wrong {
    static constexpr std::size_t nowhere = SIZE_MAX;

    std::string_view what;  ///< "a quote is not closed"
    std::size_t at = 0;     ///< nowhere: in all of it.
};

class Scanner {
public:
    enum class Found : std::uint8_t {
        members,
        nothing,  ///< The text stands for no record.
        wrong,    ///< `wrong` says why; some members may have been added.
        ended,    ///< Somebody is in a hurry.
    };

    Scanner() = default;
    Scanner(const Scanner&) = delete;
    Scanner& operator=(const Scanner&) = delete;
    virtual ~Scanner() = default;

    /// Adds the members of a text. Requires: valid UTF-8, not empty. Lives: the members as long as the
    /// text, until the next call or trim().
    virtual Found scan(std::string_view text, Members& out, Wrong& wrong) = 0;
    /// How many bytes the members may come to, as it was told the program.
    virtual void limit_outputs(std::size_t) {}
    /// Gives back what a large text took.
    virtual void trim() {}
    /// As Program has it.
    virtual void heed(const Hurry&, Duration may) { (void)may; }
    virtual std::unique_ptr<Scanner> clone() const = 0;
};

/// What the escapes of a text stand for.
class Unescaped {
public:
    /// For a text of so many bytes. What was given before is gone.
    void begin(std::size_t size);
    /// Of the characters between two quotes, with JSON's escapes; any other backslash stands for
    /// itself. Lives: until begin().
    std::string_view of(std::string_view contents);
    /// The same where only these characters may follow a backslash, which stand for themselves.
    std::string_view of_escaped(std::string_view contents, std::string_view characters);
    /// The same where a quote is written twice.
    std::string_view of_doubled(std::string_view contents);
    void trim() { text::trim(text_); }

private:
    /// Where the next one begins.
    std::size_t open();

    std::size_t size_ = 0;
    std::string text_;  ///< Never longer than what it was made of, so that it doesn't move.
};

/// The place of the quote that ends what begins at `at`; npos: there is none.
std::size_t closing_quote(std::string_view text, std::size_t at);

/// Adds a text, or the number that it is where the settings want numbers.
void add_value(std::string_view key, std::string_view value, const ParseSettings& settings,
               Members& out);

std::unique_ptr<Scanner> make_pairs(const ParseSettings& settings);
std::unique_ptr<Scanner> make_csv(const ParseSettings& settings);
std::unique_ptr<Scanner> make_syslog(const ParseSettings& settings);
/// nullptr: `error` says why the pattern is none.
std::unique_ptr<Scanner> make_regex(const ParseSettings& settings,
                                    std::unique_ptr<jq::machine::Outside> outside,
                                    std::string& error);

}  // namespace holdfast::text
