// Standard input: a file that every process goes on reading where the last one ended, as a pipe is.
#include "sim/models/models.hpp"

namespace holdfast::sim {

PlayedSource play_stdin(const io::SourceSettings& settings) {
    PlayedSource out{.settings = settings};
    out.paths = {"/standard/input"};
    out.fd = 0;
    // What is at its end is over: so all of it is there from the start.
    out.ends = true;
    out.grows = false;
    return out;
}

}  // namespace holdfast::sim
