# Installs the library below `work`, builds examples/embed against it as a user would, and runs it.
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
run(${CMAKE_COMMAND} -S ${source}/examples/embed -B ${work}/build -G ${generator}
    -D CMAKE_PREFIX_PATH=${work}/prefix -D CMAKE_CXX_COMPILER=${compiler}
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
execute_process(COMMAND ${CMAKE_COMMAND} -E echo "one" COMMAND ${work}/build/own_loop
                OUTPUT_VARIABLE out RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR NOT out MATCHES "one")
    message(FATAL_ERROR "own_loop failed (${code}): ${out}")
endif()
run(${work}/build/check_sink)
