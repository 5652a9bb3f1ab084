#include "core/jq/machine.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/jq/meta.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq {
namespace {

/// As JSON strings.
/// A text of so many bytes has no more digits than a double holds.
constexpr std::uint32_t digits_exact = 15;
constexpr std::array<std::string_view, 7> type_names{"\"null\"",   "\"boolean\"", "\"boolean\"",
                                                     "\"number\"", "\"string\"",  "\"array\"",
                                                     "\"object\""};

std::string name_of(Kind kind) {
    const std::string_view quoted_name = type_names[static_cast<std::size_t>(kind)];
    return std::string(quoted_name.substr(1, quoted_name.size() - 2));
}

Kind kind_of(std::string_view json) {
    switch (json[0]) {
        case 'n': return Kind::null;
        case 'f': return Kind::no;
        case 't': return Kind::yes;
        case '"': return Kind::string;
        case '[': return Kind::array;
        case '{': return Kind::object;
        default: return Kind::number;
    }
}

}  // namespace

Machine::Machine(const Plan& plan) : plan_(plan) {
    const auto keep = [this](std::string_view json) {
        Node node;
        node.text = json.data();
        node.size = static_cast<std::uint32_t>(json.size());
        node.kind = kind_of(json);
        node.escaped = node.kind == Kind::string && json.contains('\\');
        node.next = nodes_.count() + 1;
        return nodes_.add(node);
    };
    null_ = keep("null");
    no_ = keep("false");
    yes_ = keep("true");
    empty_object_ = keep("{}");
    empty_array_ = keep("[]");
    for (const std::string& json : plan.constants) constants_.push_back(keep(json));
    root_ = nodes_.count();
    for (const Text& text : plan.texts) {
        const std::size_t size = std::min(text.plain.size(), sizeof(std::uint64_t));
        Probe probe;
        std::memcpy(&probe.head, text.plain.data(), size);
        std::memset(&probe.mask, 0xFF, size);
        probes_.push_back(probe);
    }
}

Step Machine::read(std::span<const std::byte> record) {
    nodes_.set_count(root_);
    versions_.clear();
    edits_.clear();
    values_.clear();
    numbers_used_ = 0;
    meta_node_ = no_node;
    if (tape_.read(record, nodes_)) return Step::value;
    error_ = tape_.error();
    error_ += " (at byte " + std::to_string(tape_.error_offset()) + ")";
    return Step::fail;
}

void Machine::trim() {
    constexpr std::size_t kept = Tape::kept_bytes;
    const auto shrink = []<class T>(std::vector<T>& values) {
        if (values.capacity() * sizeof(T) > kept / 4) values = std::vector<T>();
    };
    tape_.trim();
    if (!mutant(195)) nodes_.trim(root_, kept / sizeof(Node));
    if (mutant(196)) return;
    shrink(versions_);
    shrink(edits_);
    shrink(values_);
    shrink(numbers_);
    numbers_used_ = 0;
}

/// `$meta` is read as records are, so that all that looks into records can look into it.
Step Machine::meta(NodeId& result) {
    if (meta_node_ == no_node) {
        meta_text_.clear();
        append_meta(meta_, meta_text_);
        const std::size_t size = meta_text_.size();
        meta_text_.append(Program::padding, ' ');
        meta_node_ = nodes_.count();
        const bool is_read = tape_.read(std::as_bytes(std::span(meta_text_)).first(size), nodes_);
        HF_ASSERT(is_read);
    }
    result = meta_node_;
    return Step::value;
}

Step Machine::run(Output& output) { return each(plan_.root, root_, nullptr, output); }

bool Machine::truthy(NodeId id) const {
    return nodes_[id].kind != Kind::null && nodes_[id].kind != Kind::no;
}

Step Machine::fail(std::string error) {
    error_ = std::move(error);
    return Step::fail;
}

Step Machine::fail_index(NodeId target, std::uint32_t key) {
    return fail("Cannot index " + name_of(nodes_[target].kind) + " with string \"" +
                plan_.texts[key].plain + "\"");
}

/// Without quotes and escapes; in `scratch` if it has escapes.
std::string_view Machine::string_of(NodeId id, std::string& scratch) const {
    const Node& node = nodes_[id];
    HF_ASSERT(node.kind == Kind::string);
    const std::string_view inside = node.bytes().substr(1, node.size - 2);
    if (!node.escaped) return inside;
    decode_string(inside, scratch);
    return scratch;
}

NodeId Machine::number_node(std::uint64_t number) {
    if (numbers_used_ == numbers_.size()) {
        numbers_.push_back(std::make_unique<std::array<char, 24>>());
    }
    auto& text = *numbers_[numbers_used_++];
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    HF_ASSERT(error == std::errc());
    Node node;
    node.text = text.data();
    node.size = static_cast<std::uint32_t>(end - text.data());
    node.kind = Kind::number;
    return nodes_.add(node);
}

// ---- values one after the other ----------------------------------------------------------------

Step Machine::go_on(NodeId value, const Rest* rest, Output& output) {
    return rest == nullptr ? output.take(value) : each(rest->expr, value, rest->rest, output);
}

Step Machine::each(ExprId id, NodeId input, const Rest* rest, Output& output) {
    const Expr& expr = plan_.exprs[id];
    NodeId value = no_node;
    if (!expr.flow) {
        const Step step = eval(id, input, value);
        if (step == Step::none) return Step::value;
        return step == Step::value ? go_on(value, rest, output) : step;
    }
    if (expr.op == Op::pipe) {
        const Rest then{expr.b, rest};
        return each(expr.a, input, &then, output);
    }
    if (expr.op == Op::comma) {
        const Step step = each(expr.a, input, rest, output);
        return step == Step::value ? each(expr.b, input, rest, output) : step;
    }
    if (expr.op == Op::iterate) return each_element(expr, input, rest, output);
    HF_ASSERT(expr.op == Op::choice);
    const Step step = eval(expr.a, input, value);
    if (step == Step::none) return Step::value;
    if (step != Step::value) return step;
    return each(truthy(value) ? expr.b : expr.c, input, rest, output);
}

Step Machine::each_element(const Expr& expr, NodeId input, const Rest* rest, Output& output) {
    NodeId array = no_node;
    Step step = eval(expr.a, input, array);
    if (step == Step::none) return Step::value;
    if (step != Step::value) return step;
    const Node node = nodes_[array];
    if (node.kind == Kind::object) return Step::leave;
    if (node.kind != Kind::array) return expr.optional ? Step::value : Step::leave;
    if (node.edited) {
        const Version version = versions_[node.next];
        for (std::uint32_t i = 0; i < version.count && step == Step::value; ++i) {
            step = go_on(edits_[version.first + i].value, rest, output);
        }
        return step;
    }
    for (NodeId child = array + 1; child < node.next && step == Step::value;) {
        const NodeId after = nodes_[child].next;
        step = go_on(child, rest, output);
        child = after;
    }
    return step;
}

// ---- one value or none -------------------------------------------------------------------------

/// As eval, without a call for what stands at the ends of most expressions.
inline Step Machine::operand(ExprId id, NodeId input, NodeId& result) {
    const Expr& expr = plan_.exprs[id];
    if (expr.op == Op::identity) {
        result = input;
        return Step::value;
    }
    if (expr.op == Op::constant) {
        result = constants_[expr.text];
        return Step::value;
    }
    if (expr.op == Op::field && plan_.exprs[expr.a].op == Op::identity)
        return field(expr, input, result);
    return eval(id, input, result);
}

Step Machine::eval(ExprId id, NodeId input, NodeId& result) {
    const Expr& expr = plan_.exprs[id];
    switch (expr.op) {
        case Op::identity: result = input; return Step::value;
        case Op::constant: result = constants_[expr.text]; return Step::value;
        case Op::empty: return Step::none;
        case Op::pipe:
        case Op::field:
        case Op::index: {
            NodeId target = no_node;
            const Step step = operand(expr.a, input, target);
            if (step != Step::value) return step;
            if (expr.op == Op::pipe) return eval(expr.b, target, result);
            return expr.op == Op::field ? field(expr, target, result)
                                        : element(expr, target, result);
        }
        case Op::select:
        case Op::choice: {
            NodeId condition = no_node;
            const Step step = eval(expr.a, input, condition);
            if (step != Step::value) return step;
            const bool holds = truthy(condition);
            if (expr.op == Op::choice) return eval(holds ? expr.b : expr.c, input, result);
            result = input;
            return holds ? Step::value : Step::none;
        }
        case Op::equal:
        case Op::not_equal:
        case Op::less:
        case Op::less_equal:
        case Op::greater:
        case Op::greater_equal: return compare(expr, input, result);
        case Op::both:
        case Op::either:
        case Op::alternative: return logic(expr, input, result);
        default: return eval_more(expr, input, result);
    }
}

Step Machine::eval_more(const Expr& expr, NodeId input, NodeId& result) {
    switch (expr.op) {
        case Op::meta: return meta(result);
        case Op::negation: result = bool_node(!truthy(input)); return Step::value;
        case Op::has: return has(expr, input, result);
        case Op::starts_with:
        case Op::ends_with:
        case Op::contains:
        case Op::matches: return eval_text(expr, input, result);
        case Op::length: return length(input, result);
        case Op::type: {
            const std::string_view name = type_names[static_cast<std::size_t>(nodes_[input].kind)];
            Node node;
            node.text = name.data();
            node.size = static_cast<std::uint32_t>(name.size());
            node.kind = Kind::string;
            result = nodes_.add(node);
            return Step::value;
        }
        case Op::assign: return assign(expr, input, result);
        case Op::remove: return remove(expr, input, result);
        case Op::rename: return rename(expr, input, result);
        case Op::object:
        case Op::array: return build(expr, input, result);
        default: HF_ASSERT(false && "several values where the plan says one"); return Step::leave;
    }
}

Step Machine::eval_text(const Expr& expr, NodeId input, NodeId& result) {
    const bool text = nodes_[input].kind == Kind::string;
    const bool starts = expr.op == Op::starts_with;
    if (!text && (starts || expr.op == Op::ends_with)) {
        return fail(std::string(starts ? "startswith" : "endswith") + "() requires string inputs");
    }
    // The words of jq's other errors hold the value.
    if (!text) return Step::leave;
    const std::string_view all = string_of(input, scratch_a_);
    const std::string_view part = plan_.texts[expr.text].plain;
    bool holds = false;
    if (expr.op == Op::contains) {
        // jq 1.6 looks no further than a zero byte.
        if (all.contains('\0')) return Step::leave;
        holds = all.contains(part);
    } else if (expr.op == Op::matches) {
        // `$` is also before a newline that ends the text.
        const bool newline = all.ends_with('\n') && expr.at_end;
        const std::string_view line = newline ? all.substr(0, all.size() - 1) : all;
        const auto fits = [&](std::string_view s) {
            if (expr.at_begin && expr.at_end) return s == part;
            if (expr.at_begin) return s.starts_with(part);
            return expr.at_end ? s.ends_with(part) : s.contains(part);
        };
        holds = fits(all) || (newline && fits(line));
    } else {
        holds = starts ? all.starts_with(part) : all.ends_with(part);
    }
    result = bool_node(holds);
    return Step::value;
}

Step Machine::compare(const Expr& expr, NodeId input, NodeId& result) {
    // jq computes the right side first.
    NodeId a = no_node;
    NodeId b = no_node;
    Step step = operand(expr.b, input, b);
    if (step == Step::value) step = operand(expr.a, input, a);
    if (step != Step::value) return step;
    const Node& left = nodes_[a];
    const Node& right = nodes_[b];
    const bool plain =
        left.kind == Kind::string && right.kind == Kind::string && !left.escaped && !right.escaped;
    if (plain && (expr.op == Op::equal || expr.op == Op::not_equal)) {
        result = bool_node((left.bytes() == right.bytes()) == (expr.op == Op::equal));
        return Step::value;
    }
    int sign = 0;
    step = order(a, b, sign);
    if (step != Step::value) return step;
    const bool holds = expr.op == Op::equal        ? sign == 0
                       : expr.op == Op::not_equal  ? sign != 0
                       : expr.op == Op::less       ? sign < 0
                       : expr.op == Op::less_equal ? sign <= 0
                       : expr.op == Op::greater    ? sign > 0
                                                   : sign >= 0;
    result = bool_node(holds);
    return Step::value;
}

Step Machine::order(NodeId a, NodeId b, int& result) {
    const Node& left = nodes_[a];
    const Node& right = nodes_[b];
    if (left.kind != right.kind) {
        result = left.kind < right.kind ? -1 : 1;
        return Step::value;
    }
    switch (left.kind) {
        case Kind::null:
        case Kind::no:
        case Kind::yes: result = 0; return Step::value;
        case Kind::number: {
            if (left.bytes() == right.bytes()) {
                result = 0;
                return Step::value;
            }
            const std::optional<double> x = number_value(left.bytes());
            const std::optional<double> y = number_value(right.bytes());
            if (!x || !y) return Step::leave;
            // Where doubles are equal, all digits count.
            if (*x == *y && std::max(left.size, right.size) > digits_exact) return Step::leave;
            result = *x < *y ? -1 : *x > *y;
            return Step::value;
        }
        case Kind::string:
            result = string_of(a, scratch_a_).compare(string_of(b, scratch_b_));
            return Step::value;
        default: return Step::leave;
    }
}

Step Machine::logic(const Expr& expr, NodeId input, NodeId& result) {
    NodeId a = no_node;
    const Step step = eval(expr.a, input, a);
    if (expr.op == Op::alternative) {
        if (step == Step::fail || step == Step::leave) return step;
        if (step == Step::none || !truthy(a)) return eval(expr.b, input, result);
        result = a;
        return step;
    }
    if (step != Step::value) return step;
    if (truthy(a) == (expr.op == Op::either)) {
        result = bool_node(expr.op == Op::either);
        return Step::value;
    }
    NodeId b = no_node;
    const Step second = eval(expr.b, input, b);
    if (second == Step::value) result = bool_node(truthy(b));
    return second;
}

}  // namespace holdfast::jq
