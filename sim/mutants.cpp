#include "sim/mutants.hpp"

namespace holdfast::sim {
namespace {

constexpr Mutant all[] = {
    {1, "commits when a batch is pulled, not when it is delivered", "fluent-bit#2846", 50},
    {2, "commits the newest settled batch, not the low watermark", "vector#24543", 200},
    {3, "a refused record counts as delivered where there are no dead letters", "vector#14963",
     2000},
    {4, "a failed dead-letter write still settles", "", 500},
    {5, "a dead letter settles when it is handed over, not when it is durable", "", 500},
    {6, "a repeated answer settles twice", "", 5000},
    {7, "a late answer of an earlier attempt is taken for the current one", "", 2000},
    {8, "the lease of a batch with dead letters is never given back", "", 500},
    {9, "a lease is given back twice", "", 500},
    {10, "a batch with filtered records is never settled", "vector#24283", 500},
    {11, "a batch whose records were all filtered is never settled", "", 500},
    {12, "a write that was taken in part counts as delivered whole", "solace#75", 1000},
    {14, "an ambiguous answer counts as delivered", "vector#21031", 500},
    {15, "an ambiguous answer is dead-lettered at once, without the retries", "", 500},
    {16, "a lost partition is kept", "connect#4477", 2000},
    {17, "a revocation drops what is queued and commits past it", "connect#4009", 2000},
    {18, "an old revocation is applied to the next assignment", "pekko#617", 5000},
    {19, "a lost partition is treated as one revoked gracefully", "kotlin-kafka#220", 2000},
    {21, "a failed attempt clears the partition's order", "KAFKA-13927", 500},
    {22, "stop commits what was pulled, delivered or not", "kcbq#68", 2000},
    {23, "a failed dead-letter write is neither repeated nor fatal", "knative#597", 2000},
    {25, "commits the last position, not the one after it", "", 200},
    {26, "commits one past the watermark", "", 500},
    {27, "sources are told before the checkpoint is synced", "NATS 2.12.1", 1000},
    {28, "a checkpoint's sync is repeated after it failed, and believed", "fsyncgate", 2000},
    {38, "backoff is not capped", "", 2000},
    {39, "a failure that may pass resets the count of attempts", "", 2000},
    {40, "a refused write is repeated", "", 500},
    {42, "no deadline for the second attempt", "", 2000},
    {45, "a sink that may drop blocks the others", "vector#20764", 5000},
    {46, "what was dropped stays owed", "", 1000},
    {47, "pulls stay paused when pressure falls during a commit", "", 5000},
    {48, "a budget of zero bytes is pulled with", "", 500},
    {51, "a batch on which the transform failed is skipped", "vector#12217", 500},
    {52, "an output settles its whole batch", "", 1000},
    {55, "the engine goes on after Halt", "", 1000},
    {56, "generations have 8 bits", "", 20000},
    {57, "what a batch owes is counted in 8 bits", "", 20000},
    {64, "a drain has no deadline", "", 2000},
    {65, "sinks are not synced before the checkpoint", "", 1000},
    {66, "a failed sync of a sink is believed", "fsyncgate", 2000},
    {67, "the mark of a sink is taken ahead of its positions", "", 2000},
    {68, "a batch's own dead letters are not waited for", "", 500},
    {69, "a batch's outputs do not wait for its own dead letters", "", 5000},
    {70, "the barrier of one source holds back the others", "", 20000},
    {71, "nothing is committed while a dead letter is not stored", "", 20000},
    {72, "a slice that is settled commits a part of its batch", "", 1000},
    {73, "a batch is settled with its first slice", "", 500},
    {74, "the next slice is ordered while the last one is still in memory", "", 1000},
    {75, "a slice begins after the first record that was not taken", "", 500},
    {76, "the slice of a lost partition goes on", "", 2000},
    {77, "tokens without records are not committed", "", 5000},
};

}  // namespace

std::span<const Mutant> mutants() { return all; }

}  // namespace holdfast::sim
