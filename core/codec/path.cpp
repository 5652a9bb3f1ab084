#include "core/codec/path.hpp"

#include <charconv>

#include "core/codec/json_text.hpp"
#include "core/codec/utf8.hpp"

namespace holdfast::codec {
namespace {

bool is_name(char c, bool first) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return letter || (!first && c >= '0' && c <= '9');
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    std::expected<Path, PathError> read() {
        if (text_.empty()) return fail("expected a path, such as .user.name");
        if (text_ == ".") return path_;
        if (text_[0] != '.' && text_[0] != '[' && !key()) return std::unexpected(error_);
        while (at_ < text_.size()) {
            if (!step()) return std::unexpected(error_);
        }
        return path_;
    }

private:
    std::unexpected<PathError> fail(std::string what) {
        return std::unexpected(PathError{std::move(what), at_});
    }
    bool refuse(std::string what) {
        error_ = {std::move(what), at_};
        return false;
    }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    bool step() {
        if (peek() == '[') return bracket();
        if (peek() != '.') return refuse("expected . or [");
        ++at_;
        return peek() == '[' ? bracket() : key();
    }
    bool key() {
        if (peek() == '"') return quoted();
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_name(text_[at_], at_ == begin)) ++at_;
        if (at_ == begin) return refuse("expected a key: letters, digits and _, or a JSON string");
        path_.steps.push_back({.key = std::string(text_.substr(begin, at_ - begin))});
        return true;
    }
    bool quoted() {
        const std::size_t begin = ++at_;
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        if (at_ >= text_.size()) {
            at_ = text_.size();
            return refuse("expected a closing quote");
        }
        const std::string_view contents = text_.substr(begin, at_ - begin);
        if (wrong_escape(contents) || !valid_utf8(contents)) return refuse("not a JSON string");
        PathStep step;
        append_unescaped(contents, step.key);
        path_.steps.push_back(std::move(step));
        ++at_;
        return true;
    }
    bool bracket() {
        ++at_;
        if (peek() == '"') {
            if (!quoted()) return false;
        } else {
            PathStep step{.by_index = true};
            const char* end = text_.data() + text_.size();
            const auto result = std::from_chars(text_.data() + at_, end, step.index);
            if (result.ec != std::errc()) return refuse("expected an index or a JSON string");
            at_ = static_cast<std::size_t>(result.ptr - text_.data());
            path_.steps.push_back(std::move(step));
        }
        if (peek() != ']') return refuse("expected ]");
        ++at_;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    Path path_;
    PathError error_;
};

}  // namespace

std::expected<Path, PathError> parse_path(std::string_view text) { return Reader(text).read(); }

}  // namespace holdfast::codec
