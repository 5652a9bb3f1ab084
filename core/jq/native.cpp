#include "core/jq/native.hpp"

#include <cstring>
#include <string>

namespace holdfast::jq {
namespace {

/// Whether any output is neither false nor null; the first one that is ends the run.
class Verdicts final : public Output {
public:
    explicit Verdicts(const Machine& machine) : machine_(machine) {}
    bool kept() const { return kept_; }

    Step take(NodeId value) override {
        kept_ = machine_.truthy(value);
        return kept_ ? Step::none : Step::value;
    }

private:
    const Machine& machine_;
    bool kept_ = false;
};

/// Writes the outputs, the first one only once it is known that the record isn't just kept.
class Records final : public Output {
public:
    Records(const Machine& machine, std::span<const std::byte> record, std::vector<std::byte>& out,
            bool is_line, std::size_t bytes_max)
        : machine_(machine),
          record_(record),
          out_(out),
          before_(out.size()),
          bytes_max_(bytes_max),
          checked_(is_line) {}
    std::uint32_t count() const { return count_; }
    bool too_large() const { return too_large_; }
    bool too_deep() const { return too_deep_; }
    bool too_many() const { return count_ > NativeProgram::outputs_max; }
    bool kept() const { return held_ && count_ == 1; }

    Step take(NodeId value) override {
        if (count_ == 0 && value == machine_.root()) {
            held_ = true;
            count_ = 1;
            return Step::value;
        }
        // An output is one line, and what is copied keeps its white space.
        if (!checked_ && std::memchr(record_.data(), '\n', record_.size())) return Step::leave;
        checked_ = true;
        if (held_) write(machine_.root());
        held_ = false;
        too_deep_ = machine_.too_deep(value);
        if (too_deep_) return Step::fail;
        write(value);
        ++count_;
        too_large_ = too_many() || out_.size() - before_ > bytes_max_;
        return too_large_ ? Step::fail : Step::value;
    }

private:
    void write(NodeId value) {
        machine_.write(value, out_);
        out_.push_back(std::byte{'\n'});
    }

    const Machine& machine_;
    std::span<const std::byte> record_;
    std::vector<std::byte>& out_;
    std::size_t before_;
    std::size_t bytes_max_;
    std::uint32_t count_ = 0;
    bool too_large_ = false;
    bool too_deep_ = false;
    bool held_ = false;
    bool checked_;
};

}  // namespace

std::string too_large(std::size_t bytes_max, bool too_many) {
    if (too_many)
        return "a record has more than " + std::to_string(NativeProgram::outputs_max) + " outputs";
    return "outputs of a record exceed " + std::to_string(bytes_max) + " bytes";
}

NativeProgram::NativeProgram(std::shared_ptr<const Plan> plan, Use use,
                             std::shared_ptr<const Program> twin)
    : plan_(std::move(plan)), use_(use), twin_made_of_(std::move(twin)), machine_(*plan_) {}

NativeProgram::~NativeProgram() = default;

std::unique_ptr<Program> NativeProgram::clone() const {
    return std::make_unique<NativeProgram>(plan_, use_, twin_made_of_);
}

void NativeProgram::bind(const RecordMeta& meta) {
    meta_ = meta;
    machine_.bind(meta);
}

ProgramResult NativeProgram::run(std::span<const std::byte> record, std::vector<std::byte>& out,
                                 std::string& error) {
    const ProgramResult result = run_over(record, out, error);
    machine_.trim();
    return result;
}

ProgramResult NativeProgram::run_over(std::span<const std::byte> record,
                                      std::vector<std::byte>& out, std::string& error) {
    if (machine_.read(record) != Step::value) {
        error = machine_.error();
        return {Verdict::fail, 0, true};
    }
    const std::size_t before = out.size();
    ProgramResult result;
    std::string too_large;
    bool too_deep = false;
    Step step = Step::value;
    if (use_ == Use::condition) {
        Verdicts verdicts(machine_);
        step = machine_.run(verdicts);
        result =
            verdicts.kept() ? ProgramResult{Verdict::keep, 1} : ProgramResult{Verdict::drop, 0};
    } else {
        Records records(machine_, record, out, lines_, outputs_bytes_max_);
        step = machine_.run(records);
        if (records.too_large()) too_large = jq::too_large(outputs_bytes_max_, records.too_many());
        too_deep = records.too_deep();
        result = records.kept()         ? ProgramResult{Verdict::keep, 1}
                 : records.count() == 0 ? ProgramResult{Verdict::drop, 0}
                                        : ProgramResult{Verdict::change, records.count()};
    }
    if (step == Step::value || step == Step::none) return result;
    out.resize(before);
    if (step == Step::leave) return leave(record, out, error);
    error = !too_large.empty() ? too_large
            : too_deep         ? "an output has more than 64 levels"
                               : machine_.error();
    return {Verdict::fail, 0};
}

ProgramResult NativeProgram::leave(std::span<const std::byte> record, std::vector<std::byte>& out,
                                   std::string& error) {
    ++left_;
    if (!twin_ && twin_made_of_) {
        twin_ = twin_made_of_->clone();
        if (hurry_ != nullptr) twin_->heed(*hurry_, may_);
    }
    if (twin_) {
        twin_->limit_outputs(outputs_bytes_max_);
        twin_->bind(meta_);
        return twin_->run(record, out, error);
    }
    error = "a twin is needed for this record";
    return {Verdict::fail, 0};
}

}  // namespace holdfast::jq
