// A program over a record, and what becomes of what it made: evaluate.hpp.
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/data/flow/evaluate.hpp"

namespace holdfast::flow {
namespace {

// Of a node's outputs: memory that stays for the next record.
constexpr std::size_t kept_bytes = std::size_t{1} << 20;

}  // namespace

ProgramResult Evaluator::run(Program& program, const Record& record, std::vector<std::byte>& out) {
    if (program.asks_meta())
        program.bind(
            {input_->source_name, partition_, input_->position_at(record.origin), record.extras});
    return program.run(record.text, out, error_);
}

/// Where only one stream takes what a port gives, a program may write there at once.
Stream* Evaluator::only_stream(std::uint32_t port) {
    const auto& targets = plan_.targets(port);
    if (targets.size() != 1 || !targets.front().stream) return nullptr;
    Stream& stream = result_->streams[targets.front().index];
    const bool takes = !stream.whole() && stream.framing() != codec::Framing::packed;
    return takes ? &stream : nullptr;
}

void Evaluator::program(std::uint32_t node, const Record& record) {
    const std::uint32_t port = plan_.nodes()[node].first_port;
    Program& program = *programs_[node].programs.front();
    Stream* direct = only_stream(port);
    std::vector<std::byte>& out = direct ? direct->open() : scratch_[node];
    if (!direct) out.clear();
    const std::size_t before = out.size();
    const ProgramResult result = run(program, record, out);
    NodeCounts& counts = result_->counts[node];
    switch (result.verdict) {
        case Verdict::fail:
            HF_ASSERT(out.size() == before);
            fails(node, record, result);
            return;
        case Verdict::drop: ++counts.dropped; return;
        case Verdict::keep: return keep(node, record);
        case Verdict::change: break;
    }
    const packing::Extras* extras = extras_of(node, record);
    const std::size_t size = out.size() - before;
    // Each output takes them along.
    const std::size_t beside = extras == nullptr ? 0 : packing::packed_size(*extras, 0);
    const Room room = room_for(node, size + result.outputs * beside);
    if (room != Room::enough) {
        out.resize(before);
        return too_much(node, record, room);
    }
    counts.out += result.outputs;
    if (direct) return direct->appended(result.outputs, record.origin, extras);
    spread(node, {record.text, record.origin, 0, mutant(532) ? nullptr : extras}, size);
    if (scratch_[node].capacity() > kept_bytes) scratch_[node] = std::vector<std::byte>();
}

/// What its program says that the record has from here on; with its position.
const packing::Extras* Evaluator::extras_of(std::uint32_t node, const Record& record) {
    if (!gives_extras_[node]) return record.extras;
    const packing::Extras* said = programs_[node].programs.front()->extras();
    extras_[node] = *said;
    extras_[node].position = input_->position_at(record.origin);
    return &extras_[node];
}

void Evaluator::keep(std::uint32_t node, const Record& record) {
    Record same = record;
    // What decode and encode keep is a line from here on, which the batch's bytes may not be.
    const NodeType type = plan_.nodes()[node].spec.type;
    if (input_->framing != codec::Framing::lines &&
        (type == NodeType::decode || type == NodeType::encode))
        same.length = 0;
    if (gives_extras_[node]) {
        same.length = 0;
        same.extras = extras_of(node, record);
        const Room room = room_for(node, same.size());
        if (room != Room::enough) return too_much(node, record, room);
    }
    pass(node, plan_.nodes()[node].first_port, same);
}

/// What a program wrote into its scratch goes on, record by record.
void Evaluator::spread(std::uint32_t node, const Record& record, std::size_t size) {
    auto& scratch = scratch_[node];
    scratch.resize(size + Program::padding);
    std::span<const std::byte> rest = std::span<const std::byte>(scratch).first(size);
    if (plan_.nodes()[node].spec.makes_one)
        return emit(plan_.nodes()[node].first_port, {rest, record.origin, 0, record.extras});
    while (!rest.empty()) {
        const void* newline = std::memchr(rest.data(), '\n', rest.size());
        HF_ASSERT(newline != nullptr);
        const auto length =
            static_cast<std::size_t>(static_cast<const std::byte*>(newline) - rest.data());
        emit(plan_.nodes()[node].first_port, {rest.first(length), record.origin, 0, record.extras});
        rest = rest.subspan(length + 1);
    }
}

}  // namespace holdfast::flow
