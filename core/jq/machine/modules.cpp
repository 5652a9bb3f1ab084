#include "core/jq/machine/modules.hpp"

#include <algorithm>

#include "core/base/mutant.hpp"
#include "core/jq/machine/constants.hpp"
#include "core/jq/tape.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq::machine {
namespace {

constexpr std::uint32_t program = UINT32_MAX;

/// Why jq refuses such a path; empty: it doesn't.
std::string wrong_path(const std::string& path) {
    if (path.find('\0') != path.npos) return "a module's path has a zero byte";
    if (path.find('\\') != path.npos) {
        return "modules must be named by relative paths using `/`, not `\\` (" + path + ")";
    }
    std::string_view rest = path, before;
    for (bool is_first = true;; is_first = false) {
        const std::size_t end = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, end);
        if (part == "..") {
            return "relative paths to modules may not traverse to parent directories (" + path +
                   "); folders stand in `search`";
        }
        if (!is_first && part == before) {
            return "module names must not have equal consecutive components: " + path;
        }
        if (end == rest.size()) return {};
        before = part;
        rest = rest.substr(end + 1);
    }
}

std::string place_text(std::string_view text, std::size_t offset) {
    const Place place = place_of(text, offset);
    return "line " + std::to_string(place.line) + ", column " + std::to_string(place.column);
}

}  // namespace

const Module* Modules::file_of(std::size_t offset) const {
    if (offset <= program_.size()) return nullptr;
    for (const Module& file : files_) {
        if (offset >= file.base && offset <= file.base + file.text.size()) return &file;
    }
    return nullptr;
}

Modules::Fault Modules::place(std::string reason, std::size_t offset) const {
    const Module* const file = file_of(offset);
    if (file == nullptr) return {std::move(reason), offset};
    reason += " (in " + file->name + ", " + place_text(file->text, offset - file->base) + ")";
    return {std::move(reason), file->from};
}

bool Modules::fail(std::string reason, std::size_t offset) {
    fault_ = place(std::move(reason), offset);
    return false;
}

/// `a.jq imports b.jq, which imports a.jq`
std::string Modules::circle(std::uint32_t to) const {
    const auto first = std::find(open_.begin(), open_.end(), to);
    std::string out = files_[to].name + " imports ";
    for (auto at = first + 1; at != open_.end(); ++at) {
        out += files_[*at].name + ", which imports ";
    }
    return out + files_[to].name;
}

std::expected<void, Modules::Fault> Modules::read(const Header& header) {
    if (header.metadata != none && !constant_json(syntax_, header.metadata)) {
        return std::unexpected(
            Fault{"module metadata must be constant", syntax_.exprs[header.metadata].offset});
    }
    if (!import_all(header, program, targets_)) return std::unexpected(fault_);
    return {};
}

bool Modules::import_all(const Header& header, std::uint32_t importer,
                         std::vector<std::uint32_t>& targets) {
    for (const Import& one : header.imports) {
        std::uint32_t target = none;
        if (!import(one, importer, target)) return false;
        targets.push_back(target);
    }
    return true;
}

std::uint32_t Modules::known(const std::string& name, bool is_data, bool is_raw) const {
    for (std::uint32_t i = 0; i < files_.size(); ++i) {
        const Module& file = files_[i];
        if (file.name == name && file.is_data == is_data && file.is_raw == is_raw) return i;
    }
    return none;
}

bool Modules::import(const Import& one, std::uint32_t importer, std::uint32_t& target) {
    if (one.metadata != none && !constant_json(syntax_, one.metadata)) {
        return fail("module metadata must be constant", syntax_.exprs[one.metadata].offset);
    }
    if (std::string wrong = wrong_path(one.path); !wrong.empty()) return fail(wrong, one.offset);
    if (loader_ == nullptr) return fail("this program has no folder to import from", one.offset);
    const auto member = [&](std::string_view key) {
        return constant_member(syntax_, one.metadata, key);
    };
    const ExprId search = member("search");
    std::vector<std::string> folders;
    if (search != none) folders = constant_texts(syntax_, search);
    const std::string asks = importer == program ? "" : files_[importer].name;
    const auto name = loader_->find({.path = one.path,
                                     .is_data = one.is_data,
                                     .has_search = search != none,
                                     .search = folders,
                                     .importer = asks});
    if (!name) {
        if (name.error().is_missing && is_true(syntax_, member("optional"))) return true;
        return fail(name.error().reason, one.offset);
    }
    const bool is_raw = one.is_data && is_true(syntax_, member("raw"));
    target = known(*name, one.is_data, is_raw);
    if (target == none) {
        if (files_.size() == files_max) {
            return fail("more than " + std::to_string(files_max) + " files are imported",
                        one.offset);
        }
        target = static_cast<std::uint32_t>(files_.size());
        files_.push_back({.name = *name, .is_data = one.is_data, .is_raw = is_raw});
        return load(one, importer, target, is_raw);
    }
    const bool is_open = std::find(open_.begin(), open_.end(), target) != open_.end();
    return !is_open || mutant(434) || fail("circular import: " + circle(target), one.offset);
}

bool Modules::load(const Import& one, std::uint32_t importer, std::uint32_t at, bool is_raw) {
    if (open_.size() == levels_max) {
        return fail(
            "modules import each other over more than " + std::to_string(levels_max) + " levels",
            one.offset);
    }
    std::size_t& used = one.is_data ? data_ : code_;
    const std::size_t most = one.is_data ? data_max : code_max;
    auto text = loader_->read(files_[at].name, most - used);
    if (!text) return fail(text.error().reason, one.offset);
    if (text->size() > most - used) {
        return fail(std::string(one.is_data ? "data files" : "modules") +
                        " of a program have at "
                        "most " +
                        std::to_string(most >> 20) + " MiB together, with " + files_[at].name +
                        " they have more",
                    one.offset);
    }
    used += text->size();
    Module& file = files_[at];
    file.text = std::move(*text);
    file.base = end_;
    file.from = importer == program ? one.offset : files_[importer].from;
    end_ += file.text.size() + 1;
    return one.is_data ? load_data(at, is_raw) : load_module(at);
}

bool Modules::load_data(std::uint32_t at, bool is_raw) {
    Module& file = files_[at];
    if (is_raw) {
        if (!is_utf8(file.text)) return fail("the file is not UTF-8", file.base);
        file.data = quoted(file.text);
    } else {
        auto values = array_of_values(file.text);
        if (!values) return fail(values.error().reason, file.base + values.error().offset);
        file.data = std::move(*values);
    }
    order_.push_back(at);
    return true;
}

bool Modules::load_module(std::uint32_t at) {
    if (!is_utf8(files_[at].text)) return fail("the module is not UTF-8", files_[at].base);
    auto parsed = parse_module(files_[at].text, files_[at].base, syntax_);
    if (!parsed) return fail(parsed.error().reason, parsed.error().offset);
    const ExprId metadata = parsed->header.metadata;
    if (metadata != none && !constant_json(syntax_, metadata)) {
        return fail("module metadata must be constant", syntax_.exprs[metadata].offset);
    }
    open_.push_back(at);
    std::vector<std::uint32_t> targets;
    if (!import_all(parsed->header, at, targets)) return false;
    open_.pop_back();
    files_[at].parsed = std::move(*parsed);
    files_[at].targets = std::move(targets);
    order_.push_back(at);
    return true;
}

namespace {

/// Members of an object of constants, but those of these names; each with a comma behind it.
std::string members_but(const Syntax& syntax, ExprId object,
                        std::initializer_list<std::string_view> names) {
    std::string out;
    if (object == none) return out;
    const Expr& e = syntax.exprs[object];
    for (std::uint32_t i = 0; i < e.count; i += 2) {
        const auto key = constant_text(syntax, syntax.lists[e.items + i]);
        const auto value = constant_json(syntax, syntax.lists[e.items + i + 1]);
        if (!key || !value || std::find(names.begin(), names.end(), *key) != names.end()) continue;
        out += quoted(*key) + ":" + *value + ",";
    }
    return out;
}

}  // namespace

std::expected<std::string, std::string> module_metadata(ModuleLoader& loader,
                                                        std::string_view path) {
    const std::string wrong = wrong_path(std::string(path));
    if (!wrong.empty()) return std::unexpected(wrong);
    const std::vector<std::string> folders;
    const auto name = loader.find({.path = path, .search = folders, .importer = ""});
    if (!name) return std::unexpected(name.error().reason);
    const auto text = loader.read(*name, Modules::code_max);
    if (!text) return std::unexpected(text.error().reason);
    if (!is_utf8(*text)) return std::unexpected(*name + " is not UTF-8");
    Syntax syntax;
    const auto parsed = parse_module(*text, 0, syntax);
    if (!parsed) {
        return std::unexpected(parsed.error().reason + " (in " + *name + ", " +
                               place_text(*text, parsed.error().offset) + ")");
    }
    std::string deps, defs;
    for (const Import& one : parsed->header.imports) {
        deps += (deps.empty() ? "{" : ",{") +
                members_but(syntax, one.metadata, {"as", "is_data", "relpath"});
        if (!one.as.empty()) deps += "\"as\":" + quoted(one.as) + ",";
        deps += std::string("\"is_data\":") + (one.is_data ? "true" : "false") +
                ",\"relpath\":" + quoted(one.path) + "}";
    }
    for (const std::uint32_t id : parsed->definitions) {
        const Definition& made = syntax.definitions[id];
        defs += (defs.empty() ? "" : ",") +
                quoted(syntax.text(made.name) + "/" + std::to_string(made.parameters.size()));
    }
    return "{" + members_but(syntax, parsed->header.metadata, {"deps", "defs"}) + "\"deps\":[" +
           deps + "],\"defs\":[" + defs + "]}";
}

}  // namespace holdfast::jq::machine
