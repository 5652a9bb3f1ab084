// JSON values one after another, as they stand in files: what lies between two values is not looked at,
// what is wrong within one is found by who reads it.
//
// Rule 1: a line that is one value is the common case: whoever reads it tries the line first, and
//         takes it back where that is none.
// Rule 2: what is given lies in one piece, with Program::padding bytes behind it that may be read.
// Bound: one block, or the longest value and a block.
// Doesn't know: what stands in a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::cli {

/// Where the value ends that begins with the first byte that is no white space.
class ValueScan {
public:
    /// The next bytes of it. True: it ends before `used` of them; what comes then is not its own.
    bool feed(std::string_view bytes, std::size_t& used);
    /// Whether nothing but white space came so far.
    bool is_blank() const { return state_ == State::before; }
    /// At the end of the text: whether it ends there (a number, a word).
    bool ends_here() const { return state_ == State::word; }

private:
    enum class State : std::uint8_t { before, word, text, container };
    bool step(char c);

    State state_ = State::before;
    std::uint64_t depth_ = 0;
    bool quoted_ = false;
    bool escaped_ = false;
};

class JsonInputs {
public:
    /// No files: standard input.
    explicit JsonInputs(std::vector<std::string> files);
    ~JsonInputs();
    JsonInputs(const JsonInputs&) = delete;

    /// Called before what may wait.
    void before_reading(std::function<void()> call) { before_reading_ = std::move(call); }

    enum class Got : std::uint8_t { text, end, unfinished };
    /// The next line, without its end. unfinished: it is too long to be tried; nothing was taken.
    /// Lives: until the next call.
    Got line(std::string_view& text);
    /// Takes the line back: the next value begins where it began.
    void back();
    /// The next value. unfinished: the file ends in it.
    Got value(std::string_view& text);
    /// Whether what comes next is still of a line that was taken back, or too long.
    bool is_inside_line() const { return at_ < line_end_; }
    /// All that is left of all files.
    std::string rest();

    /// Lines in one piece of memory.
    struct Block {
        std::vector<char> buffer;  ///< With Program::padding bytes behind the lines.
        std::size_t begin = 0;
        std::size_t end = 0;
        std::uint64_t lines_before = 0;  ///< Ends of lines before it in its file.
        std::string_view text() const { return {buffer.data() + begin, end - begin}; }
    };
    /// The whole lines that are at hand, read once if there are none. end: of this file; the next
    /// one comes with next_file(). unfinished: the line is too long, and was not taken.
    Got lines(Block& block);
    bool next_file() { return open_next(); }
    /// What comes before all that was not given yet; so many lines are before it.
    void take_back(std::string_view text, std::uint64_t lines_before);

    /// From now on a separator of RFC 7464 (RS) is white space.
    void take_separators() { separators_ = true; }

    /// Where what was given last ends, in words: "app.log:12".
    std::string place() const;
    const std::string& file() const { return name_; }
    std::uint64_t given_line() const { return given_line_; }
    /// Ends of lines that were read to give what was given last, its own line with it.
    std::uint64_t lines_read() const;
    /// Files that could not be read, each with why; since the last call.
    std::vector<std::string> take_troubles() { return std::exchange(troubles_, {}); }

private:
    bool more();
    void give_block(Block& block, std::size_t size);
    bool open_next();
    void close();
    std::string_view left() const { return {buffer_.data() + at_, end_ - at_}; }

    std::vector<std::string> files_;
    bool is_stdin_;
    std::size_t next_file_ = 0;
    std::string name_ = "<unknown>";
    int fd_ = -1;
    bool separators_ = false;
    bool at_head_ = false;  ///< Nothing of the file was read yet.
    bool ended_ = true;     ///< Nothing more comes of the file.
    std::vector<char> buffer_;
    std::size_t at_ = 0;  ///< What is given next begins here.
    std::size_t end_ = 0;
    std::size_t before_ = 0;        ///< Where the last line began.
    std::size_t line_end_ = 0;      ///< Of the line that was taken back.
    std::uint64_t lines_ = 0;       ///< Ends of lines before what is given next.
    std::uint64_t given_line_ = 0;  ///< In which what was given last ends, from 1.
    std::vector<std::string> troubles_;
    std::function<void()> before_reading_;
};

}  // namespace holdfast::cli
