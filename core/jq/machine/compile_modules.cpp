// What imports bring into scope.
#include "core/base/mutant.hpp"
#include "core/jq/machine/compile_state.hpp"

namespace holdfast::jq::machine {

/// `$x` and `$x::x`.
const Binding* CompileState::import_data(const Import& one, const Module& file,
                                         const Binding* scope) {
    const std::uint32_t at = global(file.data);
    for (const std::string& name : {one.as + "::" + one.as, one.as}) {
        scope = add_binding({.name = name, .before = scope, .global = at});
    }
    return scope;
}

const Binding* CompileState::import_names(const Import& one, std::uint32_t file,
                                          const Binding* scope) {
    const bool is_bare = one.as.empty() || mutant(432);
    const std::string prefix = is_bare ? "" : one.as + "::";
    for (const Binding* function : exports_[file]) {
        if (++imported_ > imported_max) {
            fail("modules bring more than " + std::to_string(imported_max) + " names", one.offset);
            return scope;
        }
        scope = add_binding({.kind = Binding::Kind::function,
                             .name = prefix + function->name,
                             .arity = function->arity,
                             .before = scope,
                             .real = function});
    }
    return scope;
}

/// Later ones come before those of the same name.
const Binding* CompileState::import_all(const Header& header,
                                        const std::vector<std::uint32_t>& targets) {
    const Binding* scope = nullptr;
    for (std::size_t i = 0; i < header.imports.size(); ++i) {
        const std::size_t at = mutant(430) ? header.imports.size() - 1 - i : i;
        const Import& one = header.imports[at];
        const std::uint32_t target = targets[at];
        if (target == none) continue;
        const Module& file = modules_.files()[target];
        scope = file.is_data ? import_data(one, file, scope) : import_names(one, target, scope);
    }
    return scope;
}

/// A module sees what it imports itself, and of its own what stands before.
void CompileState::declare_modules() {
    exports_.resize(modules_.files().size());
    for (const std::uint32_t at : modules_.order()) {
        const Module& file = modules_.files()[at];
        const Binding* scope = import_all(file.parsed.header, file.targets);
        const Binding* passed_on = mutant(431) ? scope : nullptr;
        for (; passed_on != nullptr; passed_on = passed_on->before) {
            if (passed_on->real != nullptr) exports_[at].push_back(passed_on->real);
        }
        for (const std::uint32_t id : file.parsed.definitions) {
            const Definition& made = syntax_.definitions[id];
            scope = add_binding({.kind = Binding::Kind::function,
                                 .name = syntax_.text(made.name),
                                 .arity = static_cast<std::uint32_t>(made.parameters.size()),
                                 .before = scope,
                                 .owner = layouts_.front().get(),
                                 .definition = id});
            exports_[at].push_back(scope);
        }
    }
}

}  // namespace holdfast::jq::machine
