// Text to JSON where programs stand: `type = "parse"` of transforms.
//
// Rule 1: what it gives is one compact JSON value in one line: the text's object (or the value of
//         JSON), put at the record's place, under a key, or among the record's members, where its own
//         are the last of equal keys. A line of compact JSON that is parsed as a whole keeps its bytes.
// Rule 2: what cannot be read is an outcome: text that is no UTF-8, a quote that is not closed, more
//         than so many keys. Nothing is replaced.
// Rule 3: a line end behind the text is no part of it.
// Doesn't know: policies.
#pragma once

#include <memory>
#include <string>

#include "core/data/program.hpp"
#include "core/jq/machine/outside.hpp"
#include "core/text/settings.hpp"

namespace holdfast::text {

/// Requires: the settings keep what settings.hpp says of them; another format than regex.
std::unique_ptr<Program> make_parse_program(const ParseSettings& settings);

/// Of the format regex. nullptr: `error` says why the pattern is none.
std::unique_ptr<Program> make_regex_program(const ParseSettings& settings,
                                            std::unique_ptr<jq::machine::Outside> outside,
                                            std::string& error);

}  // namespace holdfast::text
