// Programs for tests of the graph: what a condition or jq program would do, without jq.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/data/flow/evaluate.hpp"

namespace flow_test {

using namespace holdfast;

inline std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// Any function of a record: what it answers is appended, one record each line.
class StubProgram final : public Program {
public:
    using Function = std::function<ProgramResult(std::string_view, std::string&, std::string&)>;
    explicit StubProgram(Function function) : function_(std::move(function)) {}
    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        // The padding must be readable: a sanitizer says if it isn't.
        volatile std::byte last = record.data()[record.size() + padding - 1];
        (void)last;
        std::string text;
        const ProgramResult result = function_(text_of(record), text, error);
        const auto bytes = bytes_of(text);
        out.insert(out.end(), bytes.begin(), bytes.end());
        return result;
    }
    std::unique_ptr<Program> clone() const override {
        return std::make_unique<StubProgram>(function_);
    }
    std::string engine() const override { return "stub"; }

private:
    Function function_;
};

/// Keeps what contains the word; fails on what contains "bad".
inline std::unique_ptr<Program> contains(std::string word) {
    return std::make_unique<StubProgram>(
        [word](std::string_view record, std::string&, std::string& error) -> ProgramResult {
            if (record.find("bad") != std::string_view::npos) {
                error = "bad record";
                return {Verdict::fail, 0, true};
            }
            const bool holds = record.find(word) != std::string_view::npos;
            return {holds ? Verdict::keep : Verdict::drop, holds ? 1u : 0u};
        });
}

/// Each record comes out `times` times, with a prefix; fails on what contains "bad".
inline std::unique_ptr<Program> multiply(std::uint32_t times, std::string prefix) {
    return std::make_unique<StubProgram>([times, prefix](std::string_view record, std::string& out,
                                                         std::string& error) -> ProgramResult {
        if (record.find("bad") != std::string_view::npos) {
            error = "bad record";
            return {Verdict::fail, 0};
        }
        if (times == 0) return {Verdict::drop, 0};
        for (std::uint32_t i = 0; i < times; ++i) (out += prefix) += std::string(record) + "\n";
        return {Verdict::change, times};
    });
}

inline flow::From source(std::uint32_t index) { return {true, index, 0}; }
inline flow::From output(std::uint32_t node, std::uint32_t port = 0) { return {false, node, port}; }

inline flow::NodeSpec node(std::string name, flow::NodeType type, std::vector<flow::From> inputs) {
    flow::NodeSpec spec;
    spec.name = std::move(name);
    spec.type = type;
    spec.inputs = std::move(inputs);
    return spec;
}

}  // namespace flow_test
