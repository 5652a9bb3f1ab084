#include "core/codec/fault.hpp"

namespace holdfast::codec {

std::string_view fault_name(Fault fault) {
    switch (fault) {
        case Fault::empty: return "no value";
        case Fault::truncated: return "unexpected end";
        case Fault::trailing_bytes: return "trailing bytes";
        case Fault::too_deep: return "nested too deep";
        case Fault::invalid_utf8: return "invalid UTF-8";
        case Fault::control_character: return "control character in a string";
        case Fault::invalid_escape: return "invalid escape";
        case Fault::invalid_number: return "invalid number";
        case Fault::invalid_literal: return "invalid literal";
        case Fault::unexpected: return "unexpected character";
        case Fault::invalid_type: return "invalid type byte";
        case Fault::invalid_key: return "key without a text";
        case Fault::too_large: return "record too large";
    }
    return "";
}

std::string error_text(const ParseError& error) {
    std::string out = "parse error: ";
    out += fault_name(error.fault);
    out += " at byte ";
    out += std::to_string(error.offset);
    return out;
}

}  // namespace holdfast::codec
