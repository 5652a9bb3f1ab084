// Where an evaluator is right now: for whoever says what hangs, or what died.
//
// Rule 1: written by its evaluator alone; read at any instant, from other threads and from signal
//         handlers. Each number is whole; together they may be of two neighbouring moments.
// Doesn't know: who reads it.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/model/ids.hpp"

namespace holdfast::flow {

inline constexpr std::uint32_t no_node = UINT32_MAX;

/// A record on its way through a node.
struct Spot {
    std::uint32_t source = 0;
    std::uint32_t node = no_node;  ///< no_node: nothing is evaluated.
    std::uint64_t partition = 0;   ///< As Input::partition.
    std::int64_t position = 0;     ///< Of the record's first byte in its partition.
    bool operator==(const Spot&) const = default;
};

class Place {
public:
    void enter_slice(SourceId source, std::uint64_t partition) {
        store(source_, std::uint32_t{source.index});
        store(partition_, partition);
    }
    void enter(std::uint32_t node, std::int64_t position) {
        store(position_, position);
        store(node_, node);
    }
    void leave() { store(node_, no_node); }

    Spot spot() const { return {load(source_), load(node_), load(partition_), load(position_)}; }

private:
    template <class T>
    static void store(T& to, T value) {
        __atomic_store_n(&to, value, __ATOMIC_RELAXED);
    }
    template <class T>
    static T load(const T& from) {
        return __atomic_load_n(&from, __ATOMIC_RELAXED);
    }

    std::uint32_t source_ = 0;
    std::uint32_t node_ = no_node;
    std::uint64_t partition_ = 0;
    std::int64_t position_ = 0;
};

/// A record on which the process died before, and what to say of it.
struct Deadly {
    Spot spot;
    std::string_view why;
};

/// A piece of a partition.
struct Stretch {
    std::uint32_t source = 0;
    std::uint64_t partition = 0;  ///< As Input::partition.
    std::int64_t from = 0;
    std::int64_t to = 0;  ///< Past its last byte.
    bool operator==(const Stretch&) const = default;

    bool overlaps(const Stretch& other) const {
        return source == other.source && partition == other.partition && from < other.to &&
               other.from < to;
    }
};

/// Told what is evaluated, so that a next life knows it, whatever ends this one.
class Witness {
public:
    virtual ~Witness() = default;
    /// A slice is begun, and is over. Returns a number for `ends`.
    virtual std::uint32_t begins(const Stretch& stretch) = 0;
    virtual void ends(std::uint32_t number) = 0;
    /// In a slice that is suspected: before each record that is given to a node, and at its end.
    virtual void enters(const Spot& spot) = 0;
    virtual void leaves() = 0;
};

}  // namespace holdfast::flow
