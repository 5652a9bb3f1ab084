// Where reading begins in a file that no checkpoint knows.
//
// Law (`read_from = "end"`): what stood in a file at the first look is not read; all that comes after
//     it is, whatever happens. So the place is durable before the file is said to be found and before
//     anything of it is read: a process that is killed meanwhile looks anew, and has promised nothing.
// Law: what the first look of all finds is read, though it is rotated and the process killed before
//     the first commit: it is durable, with the look, before it is said to be found.
// Law: a file that was made since the last run of a source that knew files is read from its
//     beginning.
#include "core/base/mutant.hpp"
#include "io/sources/file/file_source.hpp"

namespace holdfast::io {
namespace {

constexpr Duration keep_retry = seconds(1);

}  // namespace

bool FileSource::begins_at_end(const TailedFile& file, First first) const {
    if (first != First::at_start || config_.read_from != ReadFrom::end) return false;
    if (loaded_paths_.contains(file.key.path)) return false;
    // Where nobody knows when a file was made, one that was written since may be new: it is read.
    const std::int64_t born = file.key.identity.born_ns;
    const std::int64_t came = born > 0 ? born : file.modified_ns;
    return loaded_.empty() || came < last_look_ns();
}

void FileSource::say_found(const TailedFile& file, const std::string& path) {
    log(found_, Level::info,
        LogLine("file found")
            .with("source", config_.name)
            .with("path", path)
            .with("position", file.position)
            .with("size", file.size));
}

/// Is it lost to a restart unless its record is durable? What stood there before the first look of all
/// is old for one that knows neither it nor that look.
bool FileSource::must_be_kept(const TailedFile& file) const {
    if (config_.read_from == ReadFrom::end) return file.assigned.has_value();
    const bool is_first = scanning_first_ && config_.looked_ns == INT64_MAX;
    return is_first && !plain_.is_packed(file.fd);
}

void FileSource::found(TailedFile& file, const std::string& path) {
    if (must_be_kept(file)) {
        begun(file, path);
    } else {
        say_found(file, path);
    }
}

/// It is found, and not known. Nobody reads it before keep_beginnings.
void FileSource::begun(TailedFile& file, const std::string& path) {
    file.busy = true;
    begun_.push_back({&file, path});
}

Task<> FileSource::keep_beginnings() {
    if (begun_.empty() || ring_.now() < keep_at_) co_return;
    StoreOutcome kept = StoreOutcome::ok;
    if (!mutant(138)) kept = co_await checkpoints_.save();
    if (kept != StoreOutcome::ok) {
        keep_at_ = ring_.now() + keep_retry;
        co_return;
    }
    std::vector<Begun> ready;
    ready.swap(begun_);
    for (const auto& [file, path] : ready) {
        file->busy = false;
        say_found(*file, path);
        make_ready(*file);
    }
}

}  // namespace holdfast::io
