#include "core/codec/stream_cut.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/codec/utf16.hpp"

namespace holdfast::codec {
namespace {

// So that few extents are held however small the records are.
constexpr std::size_t window = 4096;
constexpr std::uint64_t no_limit = INT64_MAX;
constexpr std::size_t looked_at = 64;  // For what it may be that is no array.

}  // namespace

// ---- StreamPlace -----------------------------------------------------------------------------

StreamPlace::StreamPlace(Framing framing, std::uint64_t position)
    : framing_(framing),
      position_(position),
      clean_(position),
      begins_(position),
      array_(position == 0 ? ArrayFraming(no_limit)
                           : ArrayFraming::after_record(position, no_limit)),
      values_(framing, no_limit, position) {
    HF_ASSERT(framing == Framing::json_array || framing == Framing::msgpack ||
              framing == Framing::length);
}

FramingResult StreamPlace::feed(std::span<const std::byte> bytes, std::vector<StreamExtent>& out) {
    return framing_ != Framing::json_array ? values_.feed(bytes, out) : array_.feed(bytes, out);
}

FramingResult StreamPlace::finish() {
    return framing_ != Framing::json_array ? values_.finish() : array_.finish();
}

std::uint64_t StreamPlace::waiting_from() const {
    return framing_ != Framing::json_array ? values_.waiting_from() : array_.waiting_from();
}

void StreamPlace::limit(std::uint64_t record_max) {
    array_.limit(record_max);
    values_.limit(record_max);
}

/// Over bytes that are known to have no error and no end of a record.
void StreamPlace::step(std::span<const std::byte> bytes) {
    std::vector<StreamExtent> found;
    limit(no_limit);
    const FramingResult result = feed(bytes, found);
    HF_ASSERT(result.has_value() && found.empty());
    position_ += bytes.size();
}

void StreamPlace::breaks(const FramingError& error) {
    stage_ = Stage::broken;
    error_ = error;
}

bool StreamPlace::resume(std::span<const std::byte> bytes, std::uint64_t end) {
    HF_ASSERT(position_ + bytes.size() <= end);
    std::vector<StreamExtent> found;
    for (std::size_t at = 0; at < bytes.size(); at += window) {
        found.clear();
        const FramingResult result =
            feed(bytes.subspan(at, std::min(window, bytes.size() - at)), found);
        if (!found.empty()) clean_ = found.back().end;
        if (!result) {
            breaks(result.error());
            position_ = end;
            return false;
        }
    }
    position_ += bytes.size();
    if (position_ < end) return true;
    // Of an element the end is known only by what follows it; until then it may go on here.
    if (waiting_from() == position_)
        clean_ = begins_ = position_;
    else
        stage_ = Stage::inside;
    return false;
}

// ---- one cut ---------------------------------------------------------------------------------

class StreamCutter {
public:
    StreamCutter(std::span<const std::byte> bytes, const StreamPlace& place,
                 const StreamCutRule& rule)
        : bytes_(bytes), place_(place), rule_(rule) {}

    StreamCut cut() {
        if (place_.stage() == StreamPlace::Stage::broken) return broken(*place_.error());
        if (place_.stage() == StreamPlace::Stage::inside) return inside();
        return between();
    }

private:
    std::size_t piece_max() const { return std::min(rule_.record_max, rule_.bytes_max); }
    StreamCut nothing(std::size_t left_behind, const StreamPlace& next) const {
        return {.end = left_behind, .waiting = bytes_.size() - left_behind, .next = next};
    }

    StreamCut between();
    void look(StreamPlace& ahead);
    StreamCut records() const;
    StreamCut no_record(StreamPlace& ahead);
    StreamCut skip(std::size_t bytes) const;
    StreamCut oversized(std::size_t begin) const;
    StreamCut inside() const;
    StreamCut broken(FramingError error) const;

    std::span<const std::byte> bytes_;
    const StreamPlace& place_;
    const StreamCutRule& rule_;
    FramingResult result_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint32_t records_ = 0;
    bool spans_lead_ = false;  ///< The next record begins at begin_ and ends behind bytes_max.
    bool all_ = false;         ///< There is no further record in the bytes.
};

/// Looks for as many records as may be given away.
void StreamCutter::look(StreamPlace& ahead) {
    ahead.limit(place_.framing() == Framing::json_array ? rule_.record_max - 1 : rule_.record_max);
    std::vector<StreamExtent> found;
    for (std::size_t fed = 0; fed < bytes_.size() && result_;) {
        const auto some = bytes_.subspan(fed, std::min(window, bytes_.size() - fed));
        found.clear();
        result_ = ahead.feed(some, found);
        fed += some.size();
        for (const StreamExtent& record : found) {
            if (records_ == rule_.records_max) return;
            spans_lead_ = record.end - place_.position() > rule_.bytes_max;
            if (records_ == 0) begin_ = record.begin - place_.position();
            if (spans_lead_) return;
            end_ = record.end - place_.position();
            ++records_;
        }
    }
    all_ = result_.has_value();
}

StreamCut StreamCutter::between() {
    StreamPlace ahead = place_;
    look(ahead);
    if (records_ > 0) return records();
    return no_record(ahead);
}

StreamCut StreamCutter::records() const {
    return {.begin = begin_,
            .end = end_,
            .records = records_,
            .waiting = all_ ? bytes_.size() - end_ : 0,
            .next = StreamPlace(place_.framing(), place_.position() + end_)};
}

StreamCut StreamCutter::no_record(StreamPlace& ahead) {
    if (spans_lead_) return oversized(begin_);
    if (!result_ && result_.error().fault == FramingFault::too_long)
        return oversized(result_.error().offset - place_.position());
    if (!result_) return broken(result_.error());
    if (rule_.closed) {
        const FramingResult end = ahead.finish();
        return end ? skip(bytes_.size()) : broken(end.error());
    }
    // Only where it makes room; and never all, so that whoever finds the end finds it here.
    const std::size_t spare = ahead.waiting_from() - place_.position();
    return skip(rule_.full ? std::min(spare, bytes_.size() - 1) : 0);
}

/// Leaves behind what stands before a record.
StreamCut StreamCutter::skip(std::size_t bytes) const {
    bytes = std::min(bytes, rule_.bytes_max);
    StreamPlace next = place_;
    next.step(bytes_.first(bytes));
    return nothing(bytes, next);
}

/// The first piece of an oversized record.
StreamCut StreamCutter::oversized(std::size_t begin) const {
    if (begin > 0) return skip(begin);
    if (bytes_.size() < piece_max() && !rule_.closed) return nothing(0, place_);
    const std::size_t piece = std::min(piece_max(), bytes_.size());
    StreamPlace next = place_;
    next.step(bytes_.first(piece));
    next.stage_ = StreamPlace::Stage::inside;
    return {.end = piece,
            .records = 1,
            .fate = rule_.stop_oversized ? Fate::stop : Fate::oversized,
            .next = next};
}

StreamCut StreamCutter::inside() const {
    const std::size_t most = std::min(piece_max(), bytes_.size());
    const Fate fate = rule_.stop_oversized ? Fate::stop : Fate::oversized;
    StreamPlace next = place_;
    next.limit(no_limit);
    std::vector<StreamExtent> found;
    FramingResult result;
    for (std::size_t fed = 0; fed < most && found.empty() && result; fed += window)
        result = next.feed(bytes_.subspan(fed, std::min(window, most - fed)), found);
    if (!found.empty()) {
        // White space behind it may have gone with the piece before.
        if (found.front().end <= place_.position())
            return cut_stream(bytes_, StreamPlace(place_.framing(), place_.position()), rule_);
        const std::size_t piece = found.front().end - place_.position();
        return {.end = piece,
                .records = 1,
                .fate = fate,
                .next = StreamPlace(place_.framing(), place_.position() + piece)};
    }
    std::size_t piece = most;
    if (!result) piece = result.error().offset - place_.position();
    if (piece == 0) return broken(result.error());
    if (result && most < piece_max() && !rule_.closed) return nothing(0, place_);
    StreamCut cut{.end = piece, .records = 1, .fate = fate, .next = place_};
    cut.next.step(bytes_.first(piece));
    if (result && rule_.closed && piece == bytes_.size()) {
        cut.next.breaks({FramingFault::unexpected_end, cut.next.position()});
        cut.breaks = true;
    }
    return cut;
}

StreamCut StreamCutter::broken(FramingError error) const {
    const bool is_other = error.fault == FramingFault::not_an_array && place_.position() == 0;
    if (is_other && looks_like_utf16(bytes_.first(std::min(bytes_.size(), looked_at))))
        error.fault = FramingFault::utf_16;
    const std::size_t piece = std::min(piece_max(), bytes_.size());
    StreamCut cut{.end = piece,
                  .records = 1,
                  .fate = rule_.stop_broken ? Fate::stop : Fate::unreadable,
                  .next = place_};
    cut.breaks = place_.stage() != StreamPlace::Stage::broken;
    cut.next.breaks(error);
    cut.next.position_ += piece;
    return cut;
}

StreamCut cut_stream(std::span<const std::byte> bytes, const StreamPlace& place,
                     const StreamCutRule& rule) {
    HF_ASSERT(rule.record_max > 1 && rule.records_max > 0 && rule.bytes_max > 0);
    HF_ASSERT(!bytes.empty());
    return StreamCutter(bytes, place, rule).cut();
}

}  // namespace holdfast::codec
