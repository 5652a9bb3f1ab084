// Where the modules of a program come from. The machine has no files: it asks a loader.
//
// Rule 1: a file is read once while a program is compiled, however often it is imported (a data
//         file once as values and once as a text).
// Rule 2: files that import each other in a circle are an error.
// Bound: Modules' limits; the loader is asked for no more bytes than are left of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/jq/machine/parser.hpp"

namespace holdfast::jq::machine {

class ModuleLoader {
public:
    struct Asked {
        std::string_view path;  ///< As it stands in the import: relative, without `..`.
        bool is_data = false;
        bool has_search = false;                 ///< It names folders of its own:
        const std::vector<std::string>& search;  ///< these, in order.
        std::string_view importer;               ///< Who asks: a file's name; empty: the program.
    };
    struct Failure {
        std::string reason;
        bool is_missing = false;  ///< No folder has it.
    };

    virtual ~ModuleLoader() = default;
    /// The file's name, one for each file.
    virtual std::expected<std::string, Failure> find(const Asked& asked) = 0;
    /// The text of what find() has named. More than bytes_max is a failure.
    virtual std::expected<std::string, Failure> read(const std::string& name,
                                                     std::size_t bytes_max) = 0;
    /// Where is looked for imports that name no folders.
    virtual std::vector<std::string> search_list() const = 0;
};

/// A file, as it was read.
struct Module {
    std::string name;
    std::string text;
    std::size_t base = 0;  ///< Where its places begin; of the program they begin at 0.
    std::size_t from = 0;  ///< The import in the program that led to it.
    bool is_data = false;
    bool is_raw = false;  ///< Of a data file: it is one text.
    std::string data;     ///< Of a data file, as JSON: its values as one array, or its text.
    ParsedModule parsed;
    std::vector<std::uint32_t> targets;  ///< Of its imports: their modules, or none.
};

/// All files that a program imports.
class Modules {
public:
    static constexpr std::size_t files_max = 256;
    static constexpr std::size_t levels_max = 32;  ///< Of files, each importing the next.
    static constexpr std::size_t code_max = std::size_t{1} << 20;  ///< Bytes of all modules.
    static constexpr std::size_t data_max = std::size_t{8} << 20;  ///< Of all data files.

    struct Fault {
        std::string reason;
        std::size_t offset = 0;  ///< In the program.
    };

    Modules(std::string_view program, Syntax& syntax, ModuleLoader* loader)
        : program_(program), syntax_(syntax), loader_(loader), end_(program.size() + 1) {}

    std::expected<void, Fault> read(const Header& header);

    const std::vector<Module>& files() const { return files_; }
    /// Each behind those that it imports.
    const std::vector<std::uint32_t>& order() const { return order_; }
    /// Of the program's imports.
    const std::vector<std::uint32_t>& targets() const { return targets_; }
    /// The file that a place is in; nullptr: the program.
    const Module* file_of(std::size_t offset) const;
    /// As a message has it, with the place in the program that it is about.
    Fault place(std::string reason, std::size_t offset) const;
    ModuleLoader* loader() const { return loader_; }

private:
    bool import_all(const Header& header, std::uint32_t importer,
                    std::vector<std::uint32_t>& targets);
    bool import(const Import& one, std::uint32_t importer, std::uint32_t& target);
    bool load(const Import& one, std::uint32_t importer, std::uint32_t at, bool is_raw);
    bool load_module(std::uint32_t at);
    bool load_data(std::uint32_t at, bool is_raw);
    std::uint32_t known(const std::string& name, bool is_data, bool is_raw) const;
    bool fail(std::string reason, std::size_t offset);
    std::string circle(std::uint32_t to) const;

    std::string_view program_;
    Syntax& syntax_;
    ModuleLoader* loader_;
    std::size_t end_;  ///< Where the next file's places begin.
    std::size_t code_ = 0;
    std::size_t data_ = 0;
    std::vector<Module> files_;
    std::vector<std::uint32_t> order_;
    std::vector<std::uint32_t> targets_;
    std::vector<std::uint32_t> open_;  ///< The chain that is being read.
    Fault fault_;
};

/// What `modulemeta` gives, as JSON.
std::expected<std::string, std::string> module_metadata(ModuleLoader& loader,
                                                        std::string_view path);

}  // namespace holdfast::jq::machine
