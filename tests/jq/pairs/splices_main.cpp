// The machine beside itself: random programs that are compiled to splices, over random records, run
// by the splices and by the machine alone.
//
// usage: jq_splices [SEED [COUNT [FIRST]]]
//
// Rule 1: a program and its records follow from the seed and the program's number alone.
// Rule 2: both fail, or both give as many outputs, which are equal once they are written anew; as
//         a condition both keep, drop or fail.
// Ends with 1 if they disagree somewhere; the first disagreements are printed.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/program.hpp"
#include "core/jq/native.hpp"
#include "io/jq/outside.hpp"
#include "tests/jq/random_jq.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::jq;

constexpr std::uint64_t records_each = 20;
constexpr std::size_t bytes_each = 512;
constexpr int shown_max = 20;

struct Made {
    Verdict verdict = Verdict::keep;
    std::uint32_t outputs = 0;
    std::string text;  ///< Outputs, each on its line; of fail the error.
};

Made run(Program& program, const std::string& record) {
    std::vector<std::byte> out;
    std::string error;
    const std::string padded = record + std::string(Program::padding, '1');
    const auto* bytes = reinterpret_cast<const std::byte*>(padded.data());
    if (program.asks_meta()) program.bind({"in", "5f0c1b2a99d04e17", 1200});
    const ProgramResult is = program.run({bytes, record.size()}, out, error);
    Made made{is.verdict, is.outputs, std::move(error)};
    if (is.verdict == Verdict::keep) made.text = record + "\n";
    made.text.append(reinterpret_cast<const char*>(out.data()), out.size());
    return made;
}

std::unique_ptr<Program> on_machine(const std::string& text, Use use) {
    auto code = machine::compile(text);
    if (!code) return nullptr;
    return std::make_unique<machine::MachineProgram>(
        std::make_shared<const machine::Code>(std::move(*code)), use, make_outside(),
        machine::Limits{});
}

std::unique_ptr<NativeProgram> spliced(const std::string& text, Use use) {
    auto plan = make_plan(text);
    if (!plan) return nullptr;
    return std::make_unique<NativeProgram>(std::make_shared<const Plan>(std::move(*plan)), use,
                                           nullptr);
}

/// The outputs as one text of JSON each, without their own white space, escapes, equal keys and
/// order of keys.
std::string written_anew(const Made& made, bool is_line) {
    static const auto anew = on_machine(
        "def sorted: if type == \"object\" then with_entries(.value |= sorted)"
        " | to_entries | sort_by(.key) | from_entries"
        " elif type == \"array\" then map(sorted) else . end; sorted | tojson",
        Use::program);
    if (is_line) return run(*anew, made.text).text;
    std::string all;
    for (std::size_t at = 0; at < made.text.size();) {
        const std::size_t end = made.text.find('\n', at);
        all += run(*anew, made.text.substr(at, end - at)).text;
        at = end + 1;
    }
    return all;
}

bool alike(const Made& a, const Made& b) {
    if ((a.verdict == Verdict::fail) != (b.verdict == Verdict::fail)) return false;
    if (a.verdict == Verdict::fail) return true;
    if (a.outputs != b.outputs) return false;
    if (a.text == b.text) return true;
    return written_anew(a, a.verdict == Verdict::keep) ==
           written_anew(b, b.verdict == Verdict::keep);
}

std::vector<std::uint8_t> bytes_of(std::uint64_t seed, std::uint64_t number) {
    std::vector<std::uint8_t> bytes;
    for (std::uint64_t i = 1; bytes.size() < bytes_each; ++i) {
        std::uint64_t z = seed * 0x9e3779b97f4a7c15 + number * 0xbf58476d1ce4e5b9 + i;
        for (const int shift : {30, 27, 31}) z = (z ^ (z >> shift)) * 0x94d049bb133111eb;
        for (int b = 0; b < 8; ++b) bytes.push_back(static_cast<std::uint8_t>(z >> (8 * b)));
    }
    return bytes;
}

struct Told {
    std::uint64_t compared = 0, left = 0, failed = 0, wrong = 0;
};

void compare(const std::string& program, Use use, const std::vector<std::string>& records,
             Told& told) {
    const auto splices = spliced(program, use);
    const auto machine = on_machine(program, use);
    if (splices == nullptr || machine == nullptr) return;
    for (const std::string& record : records) {
        const std::uint64_t left = splices->left();
        const Made mine = run(*splices, record);
        if (splices->left() > left) {
            ++told.left;
            continue;
        }
        const Made other = run(*machine, record);
        ++told.compared;
        told.failed += other.verdict == Verdict::fail;
        const bool is_condition = use == Use::condition;
        const bool good = is_condition ? mine.verdict == other.verdict : alike(mine, other);
        if (good || ++told.wrong > shown_max) continue;
        std::printf("%s%s  OVER  %s\n    splices: %s\n    machine: %s\n",
                    is_condition ? "condition " : "", program.c_str(), record.c_str(),
                    mine.text.c_str(), other.text.c_str());
    }
}

}  // namespace

int main(int count, char** words) {
    const auto number = [&](int at, std::uint64_t otherwise) {
        return count > at ? std::strtoull(words[at], nullptr, 10) : otherwise;
    };
    const std::uint64_t seed = number(1, 1), pairs = number(2, 1'000'000), first = number(3, 0);
    Told told;
    for (std::uint64_t at = first; at < first + (pairs + records_each - 1) / records_each; ++at) {
        const std::vector<std::uint8_t> bytes = bytes_of(seed, at);
        fuzz::Bytes of_program(bytes);
        const std::string program = test::random_program(of_program);
        std::vector<std::string> records;
        for (std::uint64_t i = 1; i <= records_each; ++i) {
            const std::vector<std::uint8_t> more = bytes_of(seed + i, at);
            fuzz::Bytes of_record(more);
            records.push_back(test::random_record(of_record));
            // Most programs want an object.
            if (i % 2 == 0) records.back() = R"({"a":)" + records.back() + "}";
        }
        compare(program, at % 8 == 0 ? Use::condition : Use::program, records, told);
    }
    std::printf("%llu compared, %llu of them fail, %llu left to the machine, %llu disagree\n",
                static_cast<unsigned long long>(told.compared),
                static_cast<unsigned long long>(told.failed),
                static_cast<unsigned long long>(told.left),
                static_cast<unsigned long long>(told.wrong));
    return told.wrong == 0 ? 0 : 1;
}
