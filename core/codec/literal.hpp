// A scalar that a config names, to compare fields with.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/codec/fault.hpp"
#include "core/codec/value.hpp"

namespace holdfast::codec {

class Literal {
public:
    /// `json` is null, true, false, a number or a string, as JSON writes them.
    static std::expected<Literal, ParseError> parse(std::string_view json);

    /// Lives: as long as this stays where it is.
    Value value() const {
        return Value(&node_, reinterpret_cast<const std::byte*>(text_.data()), Format::json);
    }

private:
    std::string text_;
    Node node_;
};

}  // namespace holdfast::codec
