# find_package(holdfast): the targets holdfast::embed (pipelines of your own sources and sinks),
# holdfast::jq (jq programs as their transformers), holdfast::codec (JSON and MsgPack),
# holdfast::engine (the engine alone, for an event loop of your own) and holdfast::sim (the
# conformance kit for sinks). simdjson is linked by all but the engine, libjq by holdfast::jq.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(simdjson)
include("${CMAKE_CURRENT_LIST_DIR}/holdfast-targets.cmake")
