// What names say of rotation: app.log.1, app.log-20260131, app.1.log and app-20260131.log are
// rotated ones of app.log.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::io {

std::string directory_of(const std::string& path);
std::string name_of(const std::string& path);
std::string join(const std::string& directory, const std::string& name);

/// Does the name end as a compressed file's does?
bool compressed(std::string_view name);

/// app.log: app
std::string_view stem_of(std::string_view base);

/// Is `name` what a rotation makes of `base`, of which it is known that it was rotated? Then
/// anything behind the whole name is taken for a suffix.
bool rotated_from(std::string_view name, std::string_view base);

/// The names of which `name` may be a rotated one though nobody has seen them: what was added is a
/// number, a date, or one of the words that people use ("old").
std::vector<std::string> bases_of(std::string_view name);

}  // namespace holdfast::io
