#include "core/jq/machine/program.hpp"

#include <cstring>
#include <utility>

#include "core/base/mutant.hpp"
#include "core/codec/envelope.hpp"
#include "core/jq/meta.hpp"

namespace holdfast::jq::machine {
namespace {

/// As one writes them in a config.
std::string size_text(std::size_t bytes) {
    if (bytes % (std::size_t{1} << 20) == 0) return std::to_string(bytes >> 20) + "MiB";
    if (bytes % 1024 == 0) return std::to_string(bytes >> 10) + "KiB";
    return std::to_string(bytes) + " bytes";
}

std::string time_text(Duration time) {
    if (time.ns % 1'000'000'000 == 0) return std::to_string(time.ns / 1'000'000'000) + "s";
    return std::to_string(time.ns / 1'000'000) + "ms";
}

}  // namespace

MachineProgram::MachineProgram(std::shared_ptr<const Code> code, Use use,
                               std::unique_ptr<Outside> outside, Limits limits)
    : code_(std::move(code)),
      use_(use),
      outside_(std::move(outside)),
      limits_(limits),
      vm_(*code_, *outside_, limits) {}

std::unique_ptr<Program> MachineProgram::clone() const {
    auto copy = std::make_unique<MachineProgram>(code_, use_, outside_->clone(), limits_);
    copy->lines_ = lines_;
    copy->outputs_bytes_max_ = outputs_bytes_max_;
    return copy;
}

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Value bytes_value(Heap& heap, std::span<const std::byte> bytes) {
    if (is_utf8(text_of(bytes))) return make_string(heap, text_of(bytes));
    std::string base64;
    codec::append_base64(bytes, base64);
    Object* object = fresh_object(heap, 1);
    put(heap, *object, Value::of(std::string_view("base64")), make_string(heap, base64));
    return value_of(object);
}

Value headers_value(Heap& heap, std::span<const std::byte> headers) {
    Object* object = fresh_object(heap, 4);
    packing::HeaderWalk walk(headers);
    for (packing::Header header; walk.next(header);)
        put(heap, *object, make_string(heap, header_name(text_of(header.name))),
            header.value ? bytes_value(heap, *header.value) : Value());
    return value_of(object);
}

}  // namespace

Value MachineProgram::meta_value() {
    Heap& heap = vm_.heap();
    Object* object = fresh_object(heap, meta_.extras == nullptr ? 4 : 7);
    const auto member = [&](std::string_view key, const Value& value) {
        put(heap, *object, Value::of(key), value);
    };
    member("source", make_string(heap, meta_.source));
    member("partition", make_string(heap, meta_.partition));
    Value position = make_string(heap, std::to_string(meta_.position));
    position.kind = Kind::number;
    position.form = Form::read;
    member("position", position);
    member("id", make_string(heap, record_id(meta_)));
    if (meta_.extras == nullptr) return value_of(object);
    const packing::Extras& extras = *meta_.extras;
    if (extras.key) member("key", bytes_value(heap, *extras.key));
    if (!extras.headers.empty()) member("headers", headers_value(heap, extras.headers));
    if (extras.timestamp) {
        Value timestamp = make_string(heap, std::to_string(*extras.timestamp));
        timestamp.kind = Kind::number;
        timestamp.form = Form::read;
        member("timestamp", timestamp);
    }
    return value_of(object);
}

Value environment_value(Heap& heap, Outside& outside) {
    Object* object = fresh_object(heap, 0);
    const std::vector<std::string> all = outside.environment();
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        if (!is_utf8(all[i]) || !is_utf8(all[i + 1])) continue;
        put(heap, *object, make_string(heap, all[i]), make_string(heap, all[i + 1]));
    }
    return value_of(object);
}

void MachineProgram::begin(std::span<const std::byte> record) {
    vm_.begin(record.size());
    origin_ = {{reinterpret_cast<const char*>(record.data()), record.size()}, tape_.depth()};
    verbatim_ = lines_ || std::memchr(record.data(), '\n', record.size()) == nullptr;
    if (code_->asks_meta) vm_.set_global(Global::meta, meta_value());
    if (code_->asks_environment)
        vm_.set_global(Global::environment, environment_value(vm_.heap(), *outside_));
}

ProgramResult MachineProgram::run(std::span<const std::byte> record, std::vector<std::byte>& out,
                                  std::string& error) {
    nodes_.trim(0, Tape::kept_bytes / sizeof(Node));
    tape_.trim();
    if (!tape_.read(record, nodes_)) {
        error = tape_.error();
        error += " (at byte " + std::to_string(tape_.error_offset()) + ")";
        return {Verdict::fail, 0, true};
    }
    begin(record);
    const ProgramResult result = run_over(value_of(nodes_[0], 0), out, error);
    vm_.finish();
    return result;
}

ProgramResult MachineProgram::run_over(const Value& input, std::vector<std::byte>& out,
                                       std::string& error) {
    const std::size_t before = out.size();
    Outputs outputs;
    vm_.start(input);
    Value value;
    Vm::Next ended = vm_.next(value);
    while (ended == Vm::Next::output && outputs.wrong.empty()) {
        if (use_ == Use::program) {
            take(value, input, outputs, out, before);
        } else if (value.truthy()) {
            return {Verdict::keep, 1};
        } else if (++outputs.seen > outputs_max) {
            outputs.wrong = too_large(outputs_bytes_max_, true);
        }
        if (outputs.wrong.empty()) ended = vm_.next(value);
    }
    if (mutant(421) && ended == Vm::Next::fail && vm_.error().is(Kind::string)) {
        if (text_of(vm_.heap(), vm_.error()).empty()) return outputs.result;
    }
    if (outputs.wrong.empty() && ended == Vm::Next::end) return outputs.result;
    out.resize(before);
    error = outputs.wrong.empty() ? words(ended) : outputs.wrong;
    return {.verdict = Verdict::fail, .outputs = 0, .ended = vm_.bound() == "ended"};
}

void MachineProgram::take(const Value& value, const Value& input, Outputs& outputs,
                          std::vector<std::byte>& out, std::size_t before) {
    if (++outputs.seen > outputs_max) {
        outputs.wrong = too_large(outputs_bytes_max_, true);
        return;
    }
    if (outputs.seen == 1 && value.same(input)) {
        outputs.same = true;
        outputs.result = {Verdict::keep, 1};
        return;
    }
    if (std::exchange(outputs.same, false)) write(input, outputs, out, before);
    write(value, outputs, out, before);
    outputs.result = {Verdict::change, outputs.seen};
}

void MachineProgram::write(const Value& value, Outputs& outputs, std::vector<std::byte>& out,
                           std::size_t before) {
    if (!write_json(vm_.heap(), value, out, Tape::depth_max, before + outputs_bytes_max_, verbatim_,
                    origin_)) {
        outputs.wrong = "an output has more than 64 levels";
    }
    out.push_back(std::byte{'\n'});
    if (out.size() - before > outputs_bytes_max_) {
        outputs.wrong = too_large(outputs_bytes_max_, false);
    }
}

/// Why the run did not end well.
std::string MachineProgram::words(Vm::Next ended) {
    if (ended == Vm::Next::stop) {
        const std::string_view bound = vm_.bound();
        if (bound == "program_memory") {
            return "program_memory: the program needs more than " + size_text(limits_.memory) +
                   " for this record";
        }
        if (bound == "program_string") {
            return "program_string: the program makes a text of more than " +
                   size_text(limits_.text);
        }
        if (bound == "program_depth") {
            return "program_depth: a value nests more than " + std::to_string(limits_.depth) +
                   " levels";
        }
        if (bound == "ended") return "ended";
        HF_ASSERT(bound == "program_time");
        return "program_time: the program takes longer than " + time_text(limits_.time) +
               " for this record";
    }
    const Value& error = vm_.error();
    if (error.is(Kind::string)) {
        const std::string_view said = text_of(vm_.heap(), error);
        return std::string(said.empty() ? "(an error without words)" : said);
    }
    return "(not a string): " + std::string(to_json(vm_.heap(), error).bytes());
}

}  // namespace holdfast::jq::machine
