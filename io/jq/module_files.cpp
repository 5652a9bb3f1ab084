#include "io/jq/module_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace holdfast::jq {
namespace {

namespace fs = std::filesystem;
using Failure = machine::ModuleLoader::Failure;

std::string folder_of(const std::string& file) { return fs::path(file).parent_path().string(); }

std::string folder_of_executable() {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    return error ? std::string() : self.parent_path().string();
}

std::string joined(const std::string& folder, const std::string& path) {
    return (fs::path(folder) / path).lexically_normal().string();
}

/// Nothing may stand there; else it is a regular file, or a failure.
enum class Seen : std::uint8_t { file, nothing, failure };

Seen look_at(const std::string& path, std::string& why) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return Seen::nothing;
        why = std::strerror(errno);
        return Seen::failure;
    }
    if (S_ISREG(status.st_mode)) return Seen::file;
    why = "it is no regular file";
    return Seen::failure;
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int fd() const { return fd_; }

private:
    int fd_;
};

/// At most bytes_max and one byte, so that who asks sees that there is more.
std::expected<std::string, Failure> text_of(const std::string& name, std::size_t bytes_max) {
    const auto failed = [&](const char* why) {
        return std::unexpected(Failure{name + " cannot be read: " + why});
    };
    const Descriptor file(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.fd() < 0) return failed(std::strerror(errno));
    std::string text;
    while (text.size() <= bytes_max) {
        char buffer[16384];
        const ::ssize_t got = ::read(file.fd(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(std::strerror(errno));
        if (got == 0) break;
        text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
}

std::string list_of(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
    return out;
}

}  // namespace

ModuleFiles::ModuleFiles(std::string folder, std::vector<std::string> jq_path)
    : folder_(std::move(folder)), jq_path_(std::move(jq_path)) {}

std::vector<std::string> ModuleFiles::folders(const Asked& asked) const {
    std::vector<std::string> out;
    if (!asked.has_search) {
        out.push_back(folder_);
        out.insert(out.end(), jq_path_.begin(), jq_path_.end());
        return out;
    }
    const std::string base =
        asked.importer.empty() ? folder_ : folder_of(std::string(asked.importer));
    for (const std::string& folder : asked.search) {
        if (folder.empty() || folder.find('\0') != folder.npos) continue;
        const char* const home = std::getenv("HOME");
        if (folder == "~" || folder.starts_with("~/")) {
            if (home != nullptr) out.push_back(joined(home, "./" + folder.substr(1)));
        } else if (folder.starts_with("$ORIGIN/")) {
            out.push_back(joined(folder_of_executable(), folder.substr(8)));
        } else {
            out.push_back(joined(base, folder));
        }
    }
    return out;
}

std::expected<std::string, Failure> ModuleFiles::look(const Asked& asked) const {
    const std::string path(asked.path), last = path.substr(path.rfind('/') + 1);
    const std::string suffix = asked.is_data ? ".json" : ".jq";
    const std::string names[] = {path + suffix, path + "/jq/main" + suffix,
                                 path + "/" + last + suffix};
    const std::vector<std::string> searched = folders(asked);
    for (const std::string& folder : searched) {
        for (const std::string& name : names) {
            const std::string file = folder + "/" + name;
            std::string why;
            const Seen seen = look_at(file, why);
            if (seen == Seen::failure) {
                return std::unexpected(Failure{file + " cannot be imported: " + why});
            }
            if (seen == Seen::nothing) continue;
            std::error_code error;
            const fs::path real = fs::canonical(file, error);
            return error ? file : real.string();
        }
    }
    std::string said = "module not found: " + path;
    said += searched.empty() ? " (its `search` names no folder)"
                             : " (neither " + names[0] + " nor " + names[2] + " is in " +
                                   list_of(searched) + ")";
    return std::unexpected(Failure{said, true});
}

std::expected<std::string, Failure> ModuleFiles::find(const Asked& asked) {
    std::string key = asked.is_data ? "data" : "code";
    for (const std::string_view part : {asked.path, asked.importer}) {
        key += '\0';
        key += part;
    }
    key += asked.has_search ? '\1' : '\0';
    for (const std::string& folder : asked.search) key += folder + '\0';
    const std::lock_guard lock(mutex_);
    const auto known = found_.find(key);
    if (known != found_.end()) return known->second;
    return found_.emplace(std::move(key), look(asked)).first->second;
}

std::expected<std::string, Failure> ModuleFiles::read(const std::string& name,
                                                      std::size_t bytes_max) {
    const std::lock_guard lock(mutex_);
    const auto known = read_.find(name);
    if (known != read_.end()) return known->second;
    auto text = text_of(name, bytes_max);
    // What is too long is not kept: it is an error now, or elsewhere it is none.
    if (text && text->size() > bytes_max) return text;
    return read_.emplace(name, std::move(text)).first->second;
}

std::map<std::string, std::string> ModuleFiles::texts() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::string> out;
    for (const auto& [name, text] : read_) {
        if (text) out.emplace(name, *text);
    }
    return out;
}

std::size_t ModuleFiles::bytes() const {
    const std::lock_guard lock(mutex_);
    std::size_t all = 0;
    for (const auto& [name, text] : read_) {
        if (text) all += text->size();
    }
    return all;
}

}  // namespace holdfast::jq
