// What a section of the config holds, key by key, after it was read and checked.
//
// Rule: every key of the section is there, with its default where the file says nothing, or where
//       what it says was wrong (which has been reported then).
// Doesn't know: TOML.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/assert.hpp"

namespace holdfast::io {

/// Where something stands in the config.
struct Place {
    std::string flag;  ///< "--set a=b", or empty: then line and column, 1-based (0: whole file).
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

struct Item {
    std::string text;
    Place place;
    std::string name = {};  ///< Of an entry of a table.
};

/// A rule of a raw filter, as it was written.
struct RuleItem {
    std::string when;  ///< missing, present or equals.
    std::string field;
    std::string json;  ///< Of `equals`: the value as JSON.
    std::string then;
    Place place;
};

class Values;

/// What one key holds after reading. `given` is false for defaults and for what was wrong.
struct Value {
    bool given = false;
    std::int64_t number = 0;
    std::string text;
    std::vector<Item> list;
    std::vector<RuleItem> rules;
    std::shared_ptr<Values> section;
    std::vector<std::shared_ptr<Values>> tables;
    Place place;
};

class Values {
public:
    /// Requires: the section has the key.
    const Value& at(std::string_view key) const {
        const auto found = values.find(key);
        HF_ASSERT(found != values.end());
        return found->second;
    }
    std::int64_t number(std::string_view key) const { return at(key).number; }
    const std::string& text(std::string_view key) const { return at(key).text; }
    const Values& section(std::string_view key) const { return *at(key).section; }

    std::map<std::string_view, Value> values;
    Place place;       ///< Of the section.
    std::string type;  ///< Of a source or sink; empty if it was wrong.
};

/// Reports what is wrong at a place: `what; expected ...`.
using Complain = std::function<void(const Place&, std::string)>;

}  // namespace holdfast::io
