#include "sim/habitats.hpp"

#include "sim/device_worlds.hpp"
#include "sim/joint_world.hpp"

namespace holdfast::sim {

const std::vector<Habitat>& habitats() {
    static const std::vector<Habitat> all{
        Habitat::tailer,      Habitat::streams,   Habitat::reads,        Habitat::text,
        Habitat::checkpoints, Habitat::file_sink, Habitat::dead_letters, Habitat::tokens,
        Habitat::graphs,      Habitat::keys,      Habitat::memory,       Habitat::programs,
        Habitat::sockets,     Habitat::exec,      Habitat::records,      Habitat::lines,
        Habitat::joint,       Habitat::trial};
    return all;
}

const char* name_of(Habitat habitat) {
    switch (habitat) {
        case Habitat::world: return "engine";
        case Habitat::world_twice: return "engine_twice";
        case Habitat::tailer: return "tailer";
        case Habitat::streams: return "streams";
        case Habitat::reads: return "reads";
        case Habitat::text: return "text";
        case Habitat::checkpoints: return "checkpoints";
        case Habitat::file_sink: return "file_sink";
        case Habitat::dead_letters: return "dead_letters";
        case Habitat::tokens: return "tokens";
        case Habitat::graphs: return "graphs";
        case Habitat::keys: return "keys";
        case Habitat::memory: return "memory";
        case Habitat::programs: return "programs";
        case Habitat::sockets: return "sockets";
        case Habitat::exec: return "exec";
        case Habitat::records: return "records";
        case Habitat::lines: return "lines";
        case Habitat::joint: return "joint";
        case Habitat::trial: return "trial";
    }
    return "";
}

std::optional<Habitat> habitat_of(std::string_view name) {
    for (const Habitat habitat : habitats())
        if (name == name_of(habitat)) return habitat;
    return std::nullopt;
}

std::optional<Breach> run_in(Habitat habitat, std::uint64_t seed) {
    using Delivery = io::FileSinkConfig::Delivery;
    switch (habitat) {
        case Habitat::world:
        case Habitat::world_twice: break;
        case Habitat::tailer: return run_tailer(seed);
        // Both framings in the narrow and in the wide world (odd seeds).
        case Habitat::streams:
            return run_tailer(seed, seed % 4 < 2 ? io::Framing::json_array : io::Framing::msgpack);
        case Habitat::reads: return run_reads(seed);
        case Habitat::text: return run_text(seed);
        case Habitat::checkpoints: return run_checkpoints(seed);
        case Habitat::file_sink:
            return run_file_sink(seed,
                                 seed % 2 == 0 ? Delivery::exactly_once : Delivery::at_least_once);
        case Habitat::dead_letters:
            return run_dead_letters(seed, seed % 2 == 0 ? Death::power_loss : Death::kill);
        case Habitat::tokens: return run_tokens(seed);
        case Habitat::graphs: return run_graphs(seed);
        case Habitat::keys: return run_keys(seed);
        case Habitat::memory: return run_memory(seed);
        case Habitat::programs: return run_programs(seed);
        case Habitat::sockets:
            if (seed % 4 == 3) return run_datagrams(seed);
            return seed % 2 == 0 ? run_socket_source(seed) : run_socket_sink(seed);
        case Habitat::exec: return run_exec(seed);
        case Habitat::records: return run_records(seed);
        case Habitat::lines: return run_lines(seed);
        case Habitat::joint: return run_joint(seed);
        case Habitat::trial: return run_trial(seed);
    }
    return std::nullopt;
}

}  // namespace holdfast::sim
