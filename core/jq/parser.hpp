// From a program's text to a plan, or to the first thing in it that isn't compiled.
//
// Rule 1: precedence and what may stand where are jq 1.6's. What would be a syntax error there is
//         never accepted here.
// Rule 2: the first refusal stands; what is parsed after it means nothing.
// Doesn't know: records.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/jq/lexer.hpp"
#include "core/jq/plan.hpp"

namespace holdfast::jq {

/// One use. Lives: the program.
class Parser {
public:
    explicit Parser(std::string_view program) : lexer_(program) {}

    std::expected<Plan, NotNative> parse();

private:
    static constexpr int levels_max = 200;
    static constexpr std::size_t exprs_max = 1000;

    struct Binary;
    static const Binary* binary(const Token& token);

    ExprId expression(int lowest);
    ExprId operand();
    ExprId term();
    ExprId primary();
    ExprId named();
    ExprId choice();
    ExprId call(const std::string& name);
    ExprId call_on_text(Op op, const std::string& name);
    ExprId matches(const Token& token);
    ExprId matches_text(std::string_view pattern, std::size_t offset);
    ExprId remove();
    ExprId with_entries();
    ExprId access(ExprId target);
    ExprId bracket(ExprId target);
    ExprId object();
    ExprId object_value(const Token& key);
    ExprId array();
    ExprId negative();
    ExprId meta();

    ExprId join(const Binary& how, ExprId a, ExprId b, std::size_t offset);
    ExprId assign(ExprId target, ExprId value, std::size_t offset);
    bool add_paths(ExprId target, std::size_t offset);
    std::optional<Path> path_of(ExprId target) const;
    ExprId on(ExprId target, Expr expr);
    ExprId pipe(ExprId a, ExprId b);
    ExprId add(const Expr& expr);
    ExprId constant(std::string json);
    std::uint32_t text(const std::string& plain);

    bool single(ExprId id, std::size_t offset);
    bool take(std::string_view mark);
    ExprId refuse(std::string reason, std::size_t offset);
    ExprId refuse_token();

    const Expr& expr(ExprId id) const { return plan_.exprs[id]; }

    Lexer lexer_;
    Plan plan_;
    std::optional<NotNative> refusal_;
    int level_ = 0;
};

}  // namespace holdfast::jq
