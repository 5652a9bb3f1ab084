# find_package(holdfast): the targets holdfast::embed (pipelines of your own sources and sinks),
# holdfast::engine (the engine alone, for an event loop of your own) and holdfast::sim (the
# conformance kit for sinks).
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/holdfast-targets.cmake")
