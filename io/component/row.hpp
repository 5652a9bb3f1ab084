// A key of a kind, bound to the field that it fills: one row serves the config, its defaults, the
// effective config as JSON, and the docs.
//
//     const std::vector<Row> rows{
//         row({"path", KeyType::path, required, "The file."}, &FileSinkSettings::path),
//         row({"fsync", KeyType::choice, "batch", "When.", "batch|never"}, &FileSinkSettings::fsync)};
//
// Rule: the words of a choice stand in the order of its enumeration's values, which begin at 0.
#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/time.hpp"
#include "io/component/key.hpp"
#include "io/component/settings.hpp"
#include "io/component/values.hpp"
#include "io/json.hpp"
#include "io/units.hpp"

namespace holdfast::io {

struct Row {
    Key key;
    /// Takes what the config says; `folder` is the config file's.
    std::function<void(KindSettings&, const Value&, const std::filesystem::path& folder)> take;
    /// Puts the field under the key's name. Without it nothing is shown.
    std::function<void(const KindSettings&, Json&)> put;
};

/// `path` itself if it is absolute, else as it lies in `folder`; `.` and `..` are resolved.
std::string absolute_path(const std::filesystem::path& folder, const std::string& path);
/// The same of a pattern: only what the user wrote is one, not the folder that it is relative to.
std::string absolute_pattern(const std::filesystem::path& folder, const std::string& pattern);

namespace detail {

template <class Field>
void take_field(const Key& key, Field& field, const Value& value,
                const std::filesystem::path& folder) {
    if constexpr (std::is_enum_v<Field>) {
        const auto words = words_of(key.choices);
        for (std::size_t i = 0; i < words.size(); ++i)
            if (words[i] == value.text) field = static_cast<Field>(i);
    } else if constexpr (std::same_as<Field, Duration>) {
        field = Duration{value.number};
    } else if constexpr (std::same_as<Field, bool>) {
        field = value.number != 0;
    } else if constexpr (std::integral<Field>) {
        field = static_cast<Field>(value.number);
    } else if constexpr (std::same_as<Field, std::string>) {
        field = key.type == KeyType::path ? absolute_path(folder, value.text) : value.text;
    } else {
        field.clear();
        for (const Item& item : value.list)
            field.push_back(key.type == KeyType::globs ? absolute_pattern(folder, item.text)
                                                       : item.text);
    }
}

template <class Field>
void put_field(const Key& key, const Field& field, Json& json) {
    if constexpr (std::is_enum_v<Field>) {
        json.field(key.name, words_of(key.choices).at(static_cast<std::size_t>(field)));
    } else if constexpr (std::same_as<Field, Duration>) {
        json.field(key.name, format_duration(field));
    } else if constexpr (std::integral<Field> || std::same_as<Field, std::string>) {
        json.field(key.name, field);
    } else {
        json.begin_list(key.name);
        for (const std::string& one : field) json.value(one);
        json.end_list();
    }
}

}  // namespace detail

template <class S, class Field>
Row row(Key key, Field S::* field) {
    static_assert(std::is_base_of_v<KindSettings, S>);
    Row out{.key = key, .take = {}, .put = {}};
    out.take = [key, field](KindSettings& settings, const Value& value,
                            const std::filesystem::path& folder) {
        detail::take_field(key, static_cast<S&>(settings).*field, value, folder);
    };
    out.put = [key, field](const KindSettings& settings, Json& json) {
        detail::put_field(key, static_cast<const S&>(settings).*field, json);
    };
    return out;
}

/// Permissions of a file, as for chmod: a text such as "0640". What is wrong keeps the default;
/// check_permissions() says so.
template <class S>
Row permissions_row(Key key, std::uint32_t S::* field) {
    Row out{.key = key, .take = {}, .put = {}};
    out.take = [field](KindSettings& settings, const Value& value, const std::filesystem::path&) {
        auto& mode = static_cast<S&>(settings).*field;
        mode = parse_mode(value.text).value_or(mode);
    };
    out.put = [key, field](const KindSettings& settings, Json& json) {
        json.field(key.name, format_mode(static_cast<const S&>(settings).*field));
    };
    return out;
}

/// Whether the text is permissions; if not, says what is expected.
void check_permissions(const Value& mode, const Complain& complain);

/// The settings of a kind with what `values` say; null: all defaults.
template <class S>
std::shared_ptr<S> settings_from(std::span<const Row> rows, const Values* values,
                                 const std::filesystem::path& folder) {
    auto out = std::make_shared<S>();
    if (values == nullptr) return out;
    for (const Row& one : rows) one.take(*out, values->at(one.key.name), folder);
    return out;
}

}  // namespace holdfast::io
