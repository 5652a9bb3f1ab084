// Tokens of an embedded source that hands over more than a pull may have, through a filter. What is
// demanded (I80): whatever the filter takes out and wherever a batch is cut, a token is committed
// with the piece in which the last record that it stands for is, not before and not later; each
// token once, in order; each record that isn't dropped once, in order.
#include <algorithm>
#include <string>
#include <vector>

#include "core/base/mix.hpp"
#include "io/embed/inbound.hpp"
#include "io/embed/slices.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"

namespace holdfast::sim {
namespace {

using embed::Batch;

enum class Kind : std::uint8_t { kept, dropped, rejected };

std::string payload_of(Kind kind) {
    switch (kind) {
        case Kind::kept: return R"({"id":1})";
        case Kind::dropped: return R"({"id":1,"noise":1})";
        case Kind::rejected: return R"({})";
    }
    return {};
}

std::vector<codec::RawRule> rules() {
    using Rule = codec::RawRule;
    std::vector<Rule> out(2);
    out[0].when = Rule::When::present;
    out[0].path = codec::parse_path(".noise").value();
    out[0].then = codec::RawVerdict::drop;
    out[1].when = Rule::When::missing;
    out[1].path = codec::parse_path(".id").value();
    out[1].then = codec::RawVerdict::dead_letter;
    return out;
}

/// A batch as its source hands it over, and what is true of it.
struct Truth {
    Batch batch;
    std::vector<Kind> kinds;          ///< By record.
    std::vector<std::uint32_t> ends;  ///< By token: how many records it stands for.
};

class Tokens {
public:
    explicit Tokens(std::uint64_t seed) : seed_(seed) {}

    void run() {
        Truth truth = draw();
        demand(embed::wrong_ends(truth.batch).empty(), "I80", "right ends are called wrong");
        Batch batch = truth.batch;
        if (below(4) > 0) {
            embed::Inbound filter(rules());
            filter.judge(batch);
        } else {
            std::fill(truth.kinds.begin(), truth.kinds.end(), Kind::kept);
        }
        judge(truth, pieces_of(std::move(batch)));
    }

private:
    std::uint64_t below(std::uint64_t n) { return scale(mix(seed_, 0x746f6b, 0, ++asked_), n); }

    Truth draw() {
        Truth out;
        const std::uint64_t records = below(10);
        for (std::uint64_t i = 0; i < records; ++i) {
            out.kinds.push_back(static_cast<Kind>(below(3)));
            embed::Record record;
            record.payload = payload_of(out.kinds.back());
            record.id.position = static_cast<std::int64_t>(i);
            out.batch.records.push_back(std::move(record));
        }
        const std::uint64_t tokens = below(2) == 0 ? below(records + 3) : records;
        for (std::uint64_t i = 0; i < tokens; ++i) {
            out.batch.tokens.push_back(100 + i);
            out.ends.push_back(static_cast<std::uint32_t>(below(records + 1)));
        }
        std::sort(out.ends.begin(), out.ends.end());
        if (below(2) == 0)
            out.batch.token_ends = out.ends;
        else
            out.ends.assign(tokens, static_cast<std::uint32_t>(records));
        return out;
    }

    std::vector<Batch> pieces_of(Batch batch) {
        std::vector<Batch> out;
        for (embed::Pieces pieces(std::move(batch)); pieces.any();) {
            const auto records_max = static_cast<std::uint32_t>(1 + below(4));
            const auto bytes_max = static_cast<std::uint32_t>(1 + below(1000));
            const std::size_t before = pieces.records();
            out.push_back(pieces.next(records_max, bytes_max));
            demand(embed::wrong_ends(out.back()).empty(), "I80", "a piece has ends that are wrong");
            demand(before == embed::size_of(out.back()) + pieces.records(), "I80",
                   "what is still to come is counted wrongly");
        }
        return out;
    }

    static void judge(const Truth& truth, const std::vector<Batch>& pieces) {
        // By record: its piece. What is dropped needs none; what is rejected is in the first.
        std::vector<std::size_t> piece_of(truth.kinds.size(), 0);
        std::size_t next = 0;
        const auto skip = [&] {
            while (next < truth.kinds.size() && truth.kinds[next] != Kind::kept) ++next;
        };
        for (std::size_t p = 0; p < pieces.size(); ++p)
            for (const embed::Record& record : pieces[p].records) {
                skip();
                demand(next < truth.kinds.size() &&
                           record.id.position == static_cast<std::int64_t>(next),
                       "I80", "a record is missing, or out of order");
                piece_of[next++] = p;
            }
        skip();
        demand(next == truth.kinds.size(), "I80", "records are missing at the end");
        std::size_t token = 0;
        for (std::size_t p = 0; p < pieces.size(); ++p)
            for (const embed::Token got : pieces[p].tokens) {
                demand(token < truth.ends.size() && got == 100 + token, "I80",
                       "a token is missing, or out of order");
                std::size_t due = truth.batch.token_ends.empty() ? pieces.size() - 1 : 0;
                for (std::size_t r = 0; r < truth.ends[token]; ++r)
                    due = std::max(due, piece_of[r]);
                demand(p == due, "I80",
                       "token " + std::to_string(token) + " is in piece " + std::to_string(p) +
                           ", its records end in piece " + std::to_string(due));
                ++token;
            }
        demand(token == truth.ends.size(), "I80", "tokens are missing at the end");
    }

    std::uint64_t seed_;
    std::uint64_t asked_ = 0;
};

}  // namespace

std::optional<Breach> run_tokens(std::uint64_t seed) {
    try {
        Tokens(seed).run();
    } catch (const Breach& breach) {
        return breach;
    }
    return std::nullopt;
}

}  // namespace holdfast::sim
