# find_package(holdfast): the targets holdfast::embed (pipelines of your own sources and sinks),
# holdfast::jq (jq programs as their transformers), holdfast::codec (JSON and MsgPack),
# holdfast::engine (the engine alone, for an event loop of your own) and holdfast::sim (the
# conformance kit for sinks). simdjson is linked by all but the engine, libjq and
# Oniguruma by holdfast::jq.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(simdjson)
# libjq has neither a CMake package nor a pkg-config file. Without it all but holdfast::jq works.
find_library(HF_LIBJQ jq)
find_library(HF_ONIG onig)
add_library(holdfast::libjq INTERFACE IMPORTED)
if(HF_LIBJQ AND HF_ONIG)
    set_target_properties(holdfast::libjq PROPERTIES INTERFACE_LINK_LIBRARIES
                          "${HF_LIBJQ};${HF_ONIG}")
else()
    message(STATUS "holdfast: libjq or libonig was not found (Debian: libjq-dev, libonig-dev): "
                   "holdfast::jq will not link")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/holdfast-targets.cmake")
