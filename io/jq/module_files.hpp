// Modules of jq programs, from files: which folder has one, and what stands in it.
//
// Rule 1: what was looked for once is never looked for again, and each file is read once: whoever
//         compiles a program later gets the same one, whatever became of the files.
// Rule 2: where an import names folders (`search`), these are looked at and no others. `.` and
//         relative ones are relative to the file that imports; `~/` is the home folder,
//         `$ORIGIN/` that of the executable. Else the program's own folder is looked at, then those
//         of jq_path.
// Rule 3: `a/b` is the first of a/b.jq, a/b/jq/main.jq, a/b/b.jq in the first folder that has one
//         (data: .json). What is no regular file is an error, not waited for.
// Shared by threads.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/jq/machine/modules.hpp"

namespace holdfast::jq {

class ModuleFiles final : public machine::ModuleLoader {
public:
    /// Absolute folders: the program's own, and those that are looked at behind it.
    ModuleFiles(std::string folder, std::vector<std::string> jq_path);

    std::expected<std::string, Failure> find(const Asked& asked) override;
    std::expected<std::string, Failure> read(const std::string& name,
                                             std::size_t bytes_max) override;
    std::vector<std::string> search_list() const override { return jq_path_; }

    const std::string& folder() const { return folder_; }
    /// What was read so far: file by file its name and text, and how long they are together.
    std::map<std::string, std::string> texts() const;
    std::size_t bytes() const;

private:
    std::expected<std::string, Failure> look(const Asked& asked) const;
    std::vector<std::string> folders(const Asked& asked) const;

    std::string folder_;
    std::vector<std::string> jq_path_;
    mutable std::mutex mutex_;
    std::map<std::string, std::expected<std::string, Failure>> found_;
    std::map<std::string, std::expected<std::string, Failure>> read_;
};

}  // namespace holdfast::jq
