// Every key of the config file, as a table: validation, suggestions, `holdfast keys` and
// docs/configuration.md all come from here, so they cannot disagree.
//
// What a kind of source or sink has of its own stands with that kind (io/component/registry.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/component/key.hpp"

namespace holdfast::cli {

using io::applies;
using io::Key;
using io::KeyType;
using io::required;
using io::Section;
using io::words_of;

const Section& root_section();
const Section& engine_section();
const Section& source_section();
const Section& transform_section();
const Section& sink_section();
const Section& dead_letters_section();
/// `[[tests]]` and the lists in one (keys_tests.cpp).
const Section& tests_section();
const Section& tests_inputs_section();
const Section& tests_outputs_section();
const Section& tests_dead_letters_section();

/// All of them in the order of the documentation.
std::vector<const Section*> all_sections();

/// `a size such as "64MiB", between 1MiB and 1TiB`.
std::string expectation(const Key& key);
/// A value of this key as text, with its unit.
std::string format_value(const Key& key, std::int64_t number);
/// The reference in Markdown: one table a section.
std::string keys_as_markdown();
/// The same for `holdfast keys --json`.
std::string keys_as_json();

}  // namespace holdfast::cli
