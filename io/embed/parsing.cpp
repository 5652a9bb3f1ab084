// See parsing.hpp.
#include "io/embed/parsing.hpp"

#include <utility>

#include "core/base/assert.hpp"

namespace holdfast::embed {

void Parsing::parse_all(const std::vector<Record>& records) {
    batch_.clear();
    for (const Record& r : records)
        batch_.add(std::as_bytes(std::span(r.payload)),
                   r.format == Format::msgpack ? codec::Format::msgpack : codec::Format::json);
}

std::expected<std::vector<DeadLetter>, Failure> Parsing::parse(Input& input,
                                                               std::uint64_t& errors) {
    std::vector<DeadLetter> bad;
    parse_all(input.records);
    errors += batch_.errors();
    if (batch_.errors() > 0) {
        std::vector<Record> good;
        for (std::size_t n = 0; n < input.records.size(); ++n) {
            const auto value = batch_.at(n);
            if (value) {
                good.push_back(std::move(input.records[n]));
                continue;
            }
            const std::string why = codec::error_text(value.error());
            if (policy_ == codec::OnParseError::stop)
                return std::unexpected(Failure{why + " in the record at position " +
                                                   std::to_string(input.records[n].id.position),
                                               true});
            if (policy_ == codec::OnParseError::drop) continue;
            bad.push_back({std::move(input.records[n]), why, "", Reason::parse_error, 0});
        }
        input.records = std::move(good);
        parse_all(input.records);  // They lie elsewhere now.
        HF_ASSERT(batch_.errors() == 0);
    }
    HF_ASSERT(batch_.size() == input.records.size());
    input.values.clear();
    for (std::size_t n = 0; n < batch_.size(); ++n) input.values.push_back(*batch_.at(n));
    input.parsed = &batch_;
    return bad;
}

}  // namespace holdfast::embed
