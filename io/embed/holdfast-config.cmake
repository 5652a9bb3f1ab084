# find_package(holdfast): the targets holdfast::embed (pipelines of your own sources and sinks),
# holdfast::jq (jq programs as their transformers), holdfast::codec (JSON and MsgPack),
# holdfast::engine (the engine alone, for an event loop of your own) and holdfast::sim (the
# conformance kit for sinks). simdjson is linked by all but the engine, Oniguruma by
# holdfast::jq.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(simdjson)
# Oniguruma has neither a CMake package nor a pkg-config file. Without it all but holdfast::jq works.
find_library(HF_ONIG onig)
add_library(holdfast::onig INTERFACE IMPORTED)
if(HF_ONIG)
    set_target_properties(holdfast::onig PROPERTIES INTERFACE_LINK_LIBRARIES "${HF_ONIG}")
else()
    message(STATUS "holdfast: libonig was not found (Debian: libonig-dev): holdfast::jq will not link")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/holdfast-targets.cmake")
