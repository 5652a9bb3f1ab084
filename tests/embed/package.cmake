# Installs the library below `work`, builds examples/embed against it as a user would, and runs it.
# Then takes the project in (add_subdirectory), and links a shared library with it.
function(run)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE code)
    if(NOT code EQUAL 0)
        list(JOIN ARGV " " command)
        message(FATAL_ERROR "failed (${code}): ${command}")
    endif()
endfunction()

file(REMOVE_RECURSE ${work})
run(${CMAKE_COMMAND} --install ${build} --prefix ${work}/prefix --component library)
set(flags "")
set(link "")
if(compiler MATCHES "clang")
    set(link "-fuse-ld=lld")  # The release archives hold what link-time optimisation needs.
endif()
if(sanitize)
    set(flags "-fsanitize=address,undefined -fno-sanitize=vptr")
endif()
string(REPLACE "clang++" "clang" c_compiler ${compiler})
string(REPLACE "g++" "gcc" c_compiler ${c_compiler})
run(${CMAKE_COMMAND} -S ${source}/examples/embed -B ${work}/build -G ${generator}
    -D CMAKE_PREFIX_PATH=${work}/prefix -D CMAKE_CXX_COMPILER=${compiler}
    -D CMAKE_C_COMPILER=${c_compiler} -D "CMAKE_C_FLAGS=${flags} -Wall -Wextra -Werror"
    -D "CMAKE_CXX_FLAGS=${flags}" -D "CMAKE_EXE_LINKER_FLAGS=${link}"
    -D CMAKE_CXX_COMPILER_LAUNCHER=${launcher})
run(${CMAKE_COMMAND} --build ${work}/build)

file(MAKE_DIRECTORY ${work}/run)
run(${work}/build/orders ${work}/run)
run(${work}/build/orders ${work}/run)  # Goes on where the first one ended.
file(STRINGS ${work}/run/orders.jsonl orders)
list(LENGTH orders count)
if(NOT count EQUAL 1800)
    message(FATAL_ERROR "orders.jsonl has ${count} lines, not 1800")
endif()
# Killed (SIGKILL) after some milliseconds, ten times; then once to its end: nothing may be missing.
file(MAKE_DIRECTORY ${work}/killed)
foreach(after RANGE 5 50 5)
    math(EXPR milliseconds "1000 + ${after}")
    string(SUBSTRING ${milliseconds} 1 3 milliseconds)
    execute_process(COMMAND ${work}/build/orders ${work}/killed TIMEOUT 0.${milliseconds}
                    OUTPUT_QUIET ERROR_QUIET)
endforeach()
run(${work}/build/orders ${work}/killed)
file(READ ${work}/killed/committed committed)
math(EXPR good "${committed} - (${committed} + 6) / 10")  # Each tenth is a broken one, from 3 on.
file(STRINGS ${work}/killed/orders.jsonl orders)
list(REMOVE_DUPLICATES orders)
list(LENGTH orders count)
if(NOT count EQUAL good)
    message(FATAL_ERROR "${committed} orders are committed, ${count} of ${good} good ones are there")
endif()

# A jq program, natively and with $meta; what is no JSON is set aside.
file(WRITE ${work}/run/in.jsonl "{\"level\":\"info\",\"n\":1.0}\n{\"level\":\"debug\"}\nnonsense\n{\"n\":2}\n")
execute_process(COMMAND ${work}/build/shape "select(.level != \"debug\") | .id = $meta.id"
                INPUT_FILE ${work}/run/in.jsonl OUTPUT_VARIABLE out ERROR_VARIABLE err
                RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR NOT out STREQUAL
   "{\"level\":\"info\",\"n\":1.0,\"id\":\"in:0:0\"}\n{\"n\":2,\"id\":\"in:0:3\"}\n" OR
   NOT err MATCHES "parse error.*nonsense\n1 with a level")
    message(FATAL_ERROR "shape failed (${code}): ${out}${err}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E echo "one" COMMAND ${work}/build/own_loop
                OUTPUT_VARIABLE out RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR NOT out MATCHES "one")
    message(FATAL_ERROR "own_loop failed (${code}): ${out}")
endif()
run(${work}/build/check_sink)
execute_process(COMMAND ${work}/build/push ${work}/run/pushed 1000 OUTPUT_VARIABLE out RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR NOT out STREQUAL "finished: 1000 of 1000 settled, 900 in the file, 100 dead letters\n")
    message(FATAL_ERROR "push failed (${code}): ${out}")
endif()
file(STRINGS ${work}/run/pushed pushed)
list(LENGTH pushed count)
if(NOT count EQUAL 900)
    message(FATAL_ERROR "pushed has ${count} lines, not 900")
endif()

# Taken in by another project: the same targets, none of what only the program needs. Once is enough.
if(sanitize)
    return()
endif()
file(WRITE ${work}/taken/CMakeLists.txt
"cmake_minimum_required(VERSION 3.25)
project(takes_holdfast LANGUAGES CXX)
add_subdirectory(${source} holdfast)
foreach(target holdfast hf_runner hf_cli hf_sim)
    if(TARGET \${target})
        message(FATAL_ERROR \"\${target} is no part of the library\")
    endif()
endforeach()
add_library(plugin SHARED plugin.cpp)
target_link_libraries(plugin PRIVATE holdfast::engine holdfast::embed)
add_executable(orders ${source}/examples/embed/orders.cpp)
target_link_libraries(orders PRIVATE holdfast::embed)
")
file(WRITE ${work}/taken/plugin.cpp
"#include <holdfast/io/embed/pipeline.hpp>
extern \"C\" bool runs() { return !holdfast::embed::Pipeline{}.run(); }
")
run(${CMAKE_COMMAND} -S ${work}/taken -B ${work}/taken/build -G ${generator}
    -D CMAKE_CXX_COMPILER=${compiler} -D "CMAKE_CXX_FLAGS=-O0 ${flags}"
    -D CMAKE_DISABLE_FIND_PACKAGE_CLI11=ON -D CMAKE_DISABLE_FIND_PACKAGE_tomlplusplus=ON
    -D CMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON -D CMAKE_DISABLE_FIND_PACKAGE_fmt=ON
    -D CMAKE_CXX_COMPILER_LAUNCHER=${launcher})
run(${CMAKE_COMMAND} --build ${work}/taken/build --target plugin orders hf_shared)
file(MAKE_DIRECTORY ${work}/taken/run)
run(${work}/taken/build/orders ${work}/taken/run)

# The shared library has the names of holdfast.h and no others, and Python takes it as it is.
set(library ${work}/taken/build/holdfast/libholdfast.so)
execute_process(COMMAND nm -D --defined-only ${library} OUTPUT_VARIABLE names RESULT_VARIABLE code)
if(code EQUAL 0)
    string(REGEX MATCHALL " T [^\n]+" names "${names}")
    foreach(name IN LISTS names)
        if(NOT name MATCHES "^ T holdfast_")
            message(FATAL_ERROR "libholdfast.so shows${name}")
        endif()
    endforeach()
    list(LENGTH names count)
    if(count LESS 30)
        message(FATAL_ERROR "libholdfast.so shows ${count} functions")
    endif()
endif()
find_program(python python3)
if(python)
    run(${python} ${source}/examples/embed/push.py ${library} 2000)
else()
    message(STATUS "python3 was not found: the C library is not tried from Python")
endif()
