// Values of the jq machine, and the memory that they live in.
//
// Rule 1: a value never changes. What is "set" is a new value that shares what is equal; only the
//         room behind an array's or text's last byte is written to, by the one who comes first.
// Rule 2: what came with the record is not copied: a container is its node, a string and a number
//         its bytes, until somebody looks inside. So what is not touched is written as it was read.
// Rule 3: memory has a limit. What is beyond it is not there: who takes much asks first, and the
//         machine stops at the next instruction (Heap::exhausted).
// Bound: Limits; who reaches one of them is told its name (Heap::bound).
// Doesn't know: programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/assert.hpp"
#include "core/base/time.hpp"
#include "core/jq/tape.hpp"

namespace holdfast::jq::machine {

struct Array;
struct Object;
struct Member;

enum class Form : std::uint8_t {
    made,  ///< number: a double; string: its characters; container: built here.
    read,  ///< number: its digits; string: with escapes as read; container: its node.
};

struct Value {
    Kind kind = Kind::null;
    Form form = Form::made;
    /// Of strings and digits: bytes; of built arrays: elements; of nodes: their NodeId.
    std::uint32_t size = 0;
    union {
        double number;
        const char* text;
        const Array* array;
        const Object* object;
        const Node* node;
        std::uint64_t bits;
    };

    Value() : bits(0) {}
    static Value of(bool value) { return Value(value ? Kind::yes : Kind::no); }
    static Value of(double value) {
        Value out(Kind::number);
        out.number = value;
        return out;
    }
    /// Lives: the text as long as the value.
    static Value of(std::string_view text, Form form = Form::made) {
        Value out(Kind::string);
        out.form = form;
        out.size = static_cast<std::uint32_t>(text.size());
        out.text = text.data();
        return out;
    }
    explicit Value(Kind which) : kind(which), bits(0) {}

    bool is(Kind which) const { return kind == which; }
    bool truthy() const { return kind != Kind::null && kind != Kind::no; }
    bool is_bool() const { return kind == Kind::no || kind == Kind::yes; }
    std::string_view bytes() const { return {text, size}; }
    /// The very same value, not only an equal one.
    bool same(const Value& other) const {
        return kind == other.kind && form == other.form && size == other.size && bits == other.bits;
    }
};
static_assert(sizeof(Value) == 16);

struct Array {
    Value* items = nullptr;
    std::uint32_t used = 0;  ///< So many were written, by the longest of those who share it.
    std::uint32_t capacity = 0;
    std::uint16_t depth = 1;
    std::uint32_t owner = 0;  ///< Of whose making it is; see set_path_of(). 0: nobody's.
};

struct Member {
    Value key;  ///< A string, decoded.
    Value value;
};

/// In the order in which keys came.
struct Object {
    Member* members = nullptr;
    std::uint32_t* slots = nullptr;  ///< A hash index of large ones; 0: free, else the member + 1.
    std::uint32_t count = 0;
    std::uint32_t capacity = 0;
    std::uint32_t mask = 0;
    std::uint16_t depth = 1;
    std::uint32_t owner = 0;
};

class Outside;

/// What one run may take. What the record is comes on top: four times its size of memory, and once
/// of texts.
struct Limits {
    /// Values are walked by recursion, and threads have stacks of a usual size.
    static constexpr std::uint16_t depth_most = 1000;

    std::size_t memory = std::size_t{16} << 20;
    Duration time = seconds(5);  ///< By the outside's clock.
    std::uint64_t steps = 2'000'000'000;
    std::size_t text = std::size_t{8} << 20;  ///< Bytes of one text.
    std::uint16_t depth = depth_most;         ///< Levels of one value; what was read counts as 64.
};

class Heap {
public:
    explicit Heap(const Limits& limits) : limits_(limits) {}
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;

    /// nullptr: that much is not there (then exhausted()). Never for less than small_bytes.
    void* take(std::size_t bytes);
    template <class T>
    T* take_many(std::size_t count) {
        return static_cast<T*>(take(count * sizeof(T)));
    }
    /// Room directly behind what was taken last, if `end` is where that ends; else nullptr. So a
    /// text that grows by its end is not copied each time.
    char* room_behind(const char* end, std::size_t bytes);
    void text_was_taken(const char* end) { text_end_ = end; }
    /// Of the text that was taken last only what is before `end` was needed.
    void give_back(char* end);
    /// Memory elsewhere that counts, too.
    void charge(std::size_t bytes) {
        charged_ += bytes;
        if (used_ + charged_ > limits_.memory) exhaust();
    }
    bool fits(std::size_t bytes) const {
        return bytes <= limits_.memory && used_ + charged_ <= limits_.memory - bytes;
    }
    /// A bound was reached, whichever: builtins return soon, and the run ends.
    bool exhausted() const { return bound_ != nullptr; }
    /// Its name, or null. The first one counts.
    const char* bound() const { return bound_; }
    void spend(const char* bound) {
        if (bound_ == nullptr) bound_ = bound;
    }
    void exhaust() { spend("program_memory"); }
    /// Work of builtins that look at many values: it counts like instructions, and the outside is
    /// asked as often. (Values that share parts may be compared for ever.)
    void work(std::size_t steps) {
        worked_ += steps;
        if (worked_ >= look_at_) [[unlikely]]
            look();
    }
    std::uint64_t worked() const { return worked_; }
    /// So many bytes may be gone over next, by who does not say how many of them are: the outside
    /// is asked now and then.
    void go_over(std::size_t bytes) {
        if (bytes < ahead_) return void(ahead_ -= bytes);
        ahead_ = bytes_ahead;
        look();
    }
    /// Of a container that is being made.
    void check_depth(std::size_t levels) {
        if (levels > limits_.depth) spend("program_depth");
    }
    /// Whether a text of so many bytes may be made; else the run ends.
    bool may_be_text(std::size_t bytes) {
        if (bytes > limits_.text) spend("program_string");
        return bytes <= limits_.text;
    }
    const Limits& limits() const { return limits_; }
    /// Forgets everything; keeps one block for the next record, and goes by other limits.
    void reset(const Limits& limits);
    /// Memory for text on its way out; its size is write_room.
    char* room_to_write() {
        if (to_write_ == nullptr) to_write_ = std::make_unique_for_overwrite<char[]>(write_room);
        return to_write_.get();
    }
    static constexpr std::size_t write_room = 16 << 10;
    /// Who is asked whether the run shall end. Lives: as long as this.
    void ask(Outside& outside) { outside_ = &outside; }

    static constexpr std::size_t small_bytes = 4096;
    static constexpr std::uint64_t look_every = 1 << 14;  ///< Steps between questions.

private:
    static constexpr std::size_t bytes_ahead = std::size_t{1} << 20;
    static constexpr std::size_t block_bytes = 64 << 10;
    void* take_block(std::size_t bytes);
    void look();

    struct Block {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0;
    };
    std::vector<Block> blocks_;
    std::unique_ptr<char[]> to_write_;
    std::byte* at_ = nullptr;
    std::byte* end_ = nullptr;
    const char* text_end_ = nullptr;  ///< Where the last text ends.
    std::size_t used_ = 0;
    std::size_t charged_ = 0;
    Limits limits_;
    Outside* outside_ = nullptr;
    std::uint64_t worked_ = 0;
    std::uint64_t look_at_ = look_every;
    std::size_t ahead_ = bytes_ahead;
    const char* bound_ = nullptr;
};

// ---- numbers and strings ----
/// Requires a number.
double number_of(const Value& value);
/// Cut towards zero.
inline double whole_of(double number) {
    const bool fits = number > -9e15 && number < 9e15;
    return fits ? static_cast<double>(static_cast<std::int64_t>(number)) : number;
}
/// The characters of a string. Those that were read with escapes are decoded into the heap.
std::string_view text_of(Heap& heap, const Value& string);
/// A copy in the heap.
Value make_string(Heap& heap, std::string_view text);
/// a + b; b goes into the room behind a, where a was the last to be built.
Value concat(Heap& heap, const Value& a, const Value& b);
/// Null where there is no such memory, or no text may be so long. `room`: so much more would be
/// welcome behind it.
char* take_text(Heap& heap, std::size_t bytes, std::size_t room = 0);

// ---- containers ----
/// An array or object that was read, one level of it built; what was built stays as it is.
Value opened(Heap& heap, const Value& container);
std::uint32_t size_of(Heap& heap, const Value& container);
Value make_array(Heap& heap, const Value* items, std::size_t count);
Value append(Heap& heap, const Value& array, const Value& item);
Value make_object(Heap& heap, std::size_t capacity);
/// nullptr: there is no such key. Requires a built object.
const Value* find(const Object& object, std::string_view key);
/// What stands at the key, also of an object that was read; null where nothing does.
Value get_member(Heap& heap, const Value& object, std::string_view key, bool& found);
Value get_item(Heap& heap, const Value& array, double index);
/// In place where the object is the owner's own (not 0).
Value set_member(Heap& heap, const Value& object, const Value& key, const Value& value,
                 std::uint32_t owner = 0);
/// Of a container that was built: whose own it is.
std::uint32_t owner_of(const Value& value);
Value remove_member(Heap& heap, const Value& object, std::string_view key);
/// Writes into an object that nobody else has yet.
void put(Heap& heap, Object& fresh, const Value& key, const Value& value);
Object* fresh_object(Heap& heap, std::size_t capacity);
Value value_of(const Object* object);
/// Requires keys that differ, and few members.
Value made_of(Heap& heap, const Member* members, std::uint32_t count);
std::uint16_t depth_of(const Value& value);

/// Arrays that grow while they are made.
class ArrayBuilder {
public:
    explicit ArrayBuilder(Heap& heap) : heap_(heap) {}
    void add(const Value& value);
    /// Before the first: so many will come.
    void expect(std::size_t count);
    std::size_t count() const { return count_; }
    Value value() const;

private:
    Heap& heap_;
    Value* items_ = nullptr;
    std::size_t count_ = 0;
    std::size_t capacity_ = 0;
    std::uint16_t depth_ = 0;
};

/// Texts that grow while they are made.
class TextBuilder {
public:
    explicit TextBuilder(Heap& heap) : heap_(heap) {}
    void add(std::string_view text);
    void add(char c) { add(std::string_view(&c, 1)); }
    void add_point(std::uint32_t point);
    std::size_t size() const { return size_; }
    std::string_view text() const { return {at_, size_}; }
    Value value() const { return Value::of(text()); }

private:
    Heap& heap_;
    char* at_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

// ---- order ----
/// jq's order of all values: below, equal or above zero. nan is below every number, itself too.
int compare(Heap& heap, const Value& a, const Value& b);
bool equal(Heap& heap, const Value& a, const Value& b);
/// Stable. Each of the `count` values is compared by the value beside it in `keys`.
void sort_by(Heap& heap, Value* values, Value* keys, std::size_t count);
/// The keys of an object, sorted by code points.
Value sorted_keys(Heap& heap, const Value& object);
bool contains(Heap& heap, const Value& a, const Value& b);

// ---- text ----
/// The record that values were read from: members that stand there side by side are copied as one.
struct Origin {
    std::string_view text;  ///< With a few bytes behind it that may be read; empty: not known.
    std::size_t depth = 0;  ///< Containers within each other.
};
/// As one line of JSON. False: it has more than `levels_max` levels, or `out` came to more than
/// `bytes_max`; then some of it was written. lines: what was read may be copied as it is.
bool write_json(Heap& heap, const Value& value, std::vector<std::byte>& out, std::size_t levels_max,
                std::size_t bytes_max, bool lines, const Origin& origin = {});
/// As JSON in the heap: what tojson gives.
Value to_json(Heap& heap, const Value& value);
/// What jq prints for a double: 17 digits, the shortest that give it again.
void append_double(double number, std::string& out);
std::string_view type_name(const Value& value);
/// As JSON, cut as in jq's errors.
std::string shown(Heap& heap, const Value& value);
/// `string ("abc")`.
std::string described(Heap& heap, const Value& value);
/// The value of a node that Tape::read() made. Lives: the nodes and the record as long as it.
Value value_of(const Node& node, NodeId id);

}  // namespace holdfast::jq::machine
