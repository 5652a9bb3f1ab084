// Runs a plan over one record: values are nodes, and a changed value is a new node that stands for
// an old one and its edits. Nothing is ever changed in place, as in jq.
//
// Rule 1: what jq 1.6 does is done here, or the record is left (Step::leave) to the machine in
//         core/jq/machine: keys that occur twice or have escapes where they matter, containers that
//         are compared, numbers that are no double, errors whose words hold a value.
// Rule 2: writing a value splices: all bytes of the original that no edit touches are copied.
// Bound: the record's nodes plus a few per edit; kept for the next record: see trim().
// Doesn't know: verdicts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/program.hpp"
#include "core/jq/plan.hpp"
#include "core/jq/tape.hpp"

namespace holdfast::jq {

enum class Step : std::uint8_t {
    value,  ///< One value.
    none,   ///< No value (empty, select).
    fail,   ///< A runtime error.
    leave,  ///< The machine in core/jq/machine shall do it.
};

/// What is different in an edited object or array.
struct Edit {
    enum class Does : std::uint8_t { replace, remove, rename, append };
    Does does = Does::append;
    NodeId member = no_node;  ///< The member of the original; not of append.
    NodeId value = no_node;   ///< Of replace and append; of rename: no_node, or replaced too.
    std::uint32_t key = 0;    ///< The plan's text; of rename and append.
};

/// Takes the program's outputs.
class Output {
public:
    virtual ~Output() = default;
    /// Step::value: go on. Anything else ends the run with it.
    virtual Step take(NodeId value) = 0;
};

class Machine {
public:
    /// Lives: the plan as long as this.
    explicit Machine(const Plan& plan);

    /// Where the records that follow came from.
    void bind(const RecordMeta& meta) { meta_ = meta; }
    /// Step::fail: the record is no JSON, see error().
    Step read(std::span<const std::byte> record);
    /// The program over the record that was read: value if it ended well.
    Step run(Output& output);

    NodeId root() const { return root_; }
    bool truthy(NodeId id) const;
    void write(NodeId id, std::vector<std::byte>& out) const;
    /// Whether more than so many arrays and objects are inside one another.
    bool deeper_than(NodeId id, std::size_t levels) const;
    /// Whether nobody could read the value again. Bound: O(1) for small records, else O(its nodes).
    bool too_deep(NodeId id) const {
        return nodes_.count() > Tape::depth_max && deeper_than(id, Tape::depth_max);
    }
    const std::string& error() const { return error_; }
    /// Forgets the record; gives memory back if it was a large one.
    void trim();

private:
    /// What still follows in the pipe.
    struct Rest {
        ExprId expr;
        const Rest* rest;
    };
    /// An edited node: what it was made from (never itself edited), and its edits.
    struct Version {
        NodeId original;
        std::uint32_t first;
        std::uint32_t count;
    };
    /// A text as a key: compared by its first eight bytes, which are readable behind any key.
    struct Probe {
        std::uint64_t head = 0;
        std::uint64_t mask = 0;
    };
    struct Splice;

    Step each(ExprId id, NodeId input, const Rest* rest, Output& output);
    Step each_element(const Expr& expr, NodeId input, const Rest* rest, Output& output);
    Step go_on(NodeId value, const Rest* rest, Output& output);

    Step eval(ExprId id, NodeId input, NodeId& result);
    Step operand(ExprId id, NodeId input, NodeId& result);
    Step meta(NodeId& result);
    Step eval_more(const Expr& expr, NodeId input, NodeId& result);
    Step eval_text(const Expr& expr, NodeId input, NodeId& result);
    Step compare(const Expr& expr, NodeId input, NodeId& result);
    Step order(NodeId a, NodeId b, int& result);
    Step logic(const Expr& expr, NodeId input, NodeId& result);
    Step field(const Expr& expr, NodeId target, NodeId& result);
    Step element(const Expr& expr, NodeId target, NodeId& result);
    Step has(const Expr& expr, NodeId input, NodeId& result);
    Step length(NodeId input, NodeId& result);
    Step build(const Expr& expr, NodeId input, NodeId& result);
    Step assign(const Expr& expr, NodeId input, NodeId& result);
    Step remove(const Expr& expr, NodeId input, NodeId& result);
    Step rename(const Expr& expr, NodeId input, NodeId& result);

    Step find(NodeId object, std::uint32_t key, NodeId& found);
    Step find_member(NodeId original, std::uint32_t key, NodeId& member);
    Step child(NodeId target, std::uint32_t key, NodeId& result);
    Step walk(NodeId input, const Path& path);
    Step set_path(NodeId input, const Path& path, std::size_t depth, NodeId value, NodeId& result);
    Step remove_path(NodeId input, const Path& path, std::size_t depth, NodeId& result);
    Step set(NodeId object, std::uint32_t key, NodeId value, NodeId& result);
    Step remove_key(NodeId object, std::uint32_t key, NodeId& result);
    Step rename_key(NodeId object, std::uint32_t from, std::uint32_t to, NodeId& result);
    NodeId derive(NodeId of);
    NodeId derive(NodeId of, const Edit& edit);
    void add_edit(const Edit& edit);
    NodeId original_of(NodeId id) const;
    std::span<Edit> edits_of(NodeId id);
    std::span<const Edit> edits_of(NodeId id) const;
    Edit* edit_of_member(NodeId id, NodeId member);
    Edit* edit_of_key(NodeId id, std::uint32_t key);
    NodeId child_count(NodeId container) const;
    void write_object(NodeId id, std::vector<std::byte>& out) const;
    void write_grown(const Node& object, std::span<const Edit> edits,
                     std::vector<std::byte>& out) const;

    Step fail_index(NodeId target, std::uint32_t key);
    Step fail(std::string error);
    NodeId number_node(std::uint64_t number);
    NodeId bool_node(bool value) const { return value ? yes_ : no_; }
    std::string_view string_of(NodeId id, std::string& scratch) const;

    const Plan& plan_;
    Tape tape_;
    Nodes nodes_;
    std::vector<Version> versions_;
    std::vector<Edit> edits_;
    std::vector<NodeId> constants_;
    std::vector<Probe> probes_;                                   ///< Of the plan's texts.
    std::vector<NodeId> values_;                                  ///< A stack of what is built.
    std::vector<std::unique_ptr<std::array<char, 24>>> numbers_;  ///< Texts of computed numbers.
    std::size_t numbers_used_ = 0;
    NodeId null_ = 0;
    NodeId no_ = 0;
    NodeId yes_ = 0;
    NodeId empty_object_ = 0;
    NodeId empty_array_ = 0;
    NodeId root_ = 0;
    RecordMeta meta_;
    NodeId meta_node_ = no_node;  ///< Made when it is first asked for.
    std::string meta_text_;
    std::string scratch_a_;
    std::string scratch_b_;
    std::string error_;
};

}  // namespace holdfast::jq
