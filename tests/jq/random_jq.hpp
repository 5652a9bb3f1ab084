// Programs of the compiled part of jq, and records that fit them, from a fuzzer's bytes.
#pragma once

#include <string>

#include "fuzz/bytes.hpp"

namespace holdfast::test {

/// A program that make_plan() accepts, mostly.
std::string random_program(fuzz::Bytes& bytes);

/// Words of jq in any order: now and then a program.
std::string random_words(fuzz::Bytes& bytes);

/// A JSON text with the keys that the programs speak of; now and then with white space, escapes,
/// equal keys, odd numbers, or broken.
std::string random_record(fuzz::Bytes& bytes);

}  // namespace holdfast::test
