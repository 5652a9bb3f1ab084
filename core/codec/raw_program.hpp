// Raw filters where programs stand: for transforms.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/codec/raw_filter.hpp"
#include "core/data/program.hpp"

namespace holdfast::codec {

/// keep, drop, or fail for a dead letter, with the rule's text as its reason. Never changes.
class RawProgram final : public Program {
public:
    /// `texts`: of each rule, such as `level is "bad"`. Requires: as RawFilter.
    RawProgram(std::vector<RawRule> rules, std::vector<std::string> texts);

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override;
    std::unique_ptr<Program> clone() const override;
    std::string engine() const override { return "native"; }

private:
    RawFilter filter_;
    std::vector<std::string> texts_;
};

}  // namespace holdfast::codec
