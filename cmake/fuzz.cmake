# Every tests/fuzz/fuzz_<x>.c is a fuzz target. With OVP_FUZZ (preset fuzz, clang) it becomes a libFuzzer program; in
# every other build a test that replays tests/fuzz/corpus/<x>/ and the past findings of tests/fuzz/findings/<x>/.

set(fuzz_commands ${OVP_CLI}) # the commands without main; signals.c would take the fuzzer's handlers away
list(FILTER fuzz_commands EXCLUDE REGEX "/(main|signals)\\.c$")
add_library(fuzz_commands STATIC EXCLUDE_FROM_ALL ${fuzz_commands})
target_include_directories(fuzz_commands PRIVATE src include ${OVP_LAB_INCLUDES})

function(ovp_fuzz_program target)
  add_executable(${target} ${ARGN})
  target_include_directories(${target} PRIVATE src tests ${OVP_LAB_INCLUDES} ${OVP_CORE_INCLUDES})
  target_link_libraries(${target} PRIVATE fuzz_commands overparam-lab_static overparam_static ${OVP_LAB_LIBS}
    ${OVP_CORE_LIBS} m Threads::Threads)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  if(OVP_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()

if(OVP_FUZZ)
  add_custom_target(fuzz)
  ovp_fuzz_program(fuzz_planted tests/must_fail/fuzz_planted.c)
  add_dependencies(fuzz fuzz_planted)
else()
  ovp_fuzz_program(fuzz_planted tests/must_fail/fuzz_planted.c tests/fuzz/replay.c)
  add_test(NAME must-fail/fuzz COMMAND sh ${CMAKE_SOURCE_DIR}/tests/must_fail/expect-finding $<TARGET_FILE:fuzz_planted>)
  set_tests_properties(must-fail/fuzz PROPERTIES LABELS must-fail)
endif()

file(GLOB OVP_FUZZ_C CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
file(GLOB OVP_FUZZ_FINDINGS CONFIGURE_DEPENDS tests/fuzz/findings/*) # a first finding of a target adds its folder
foreach(file IN LISTS OVP_FUZZ_C)
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" short ${name})
  if(OVP_FUZZ)
    ovp_fuzz_program(${name} ${file})
    add_dependencies(fuzz ${name})
  else()
    ovp_fuzz_program(${name} ${file} tests/fuzz/replay.c)
    set(inputs ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${short})
    set(findings ${CMAKE_SOURCE_DIR}/tests/fuzz/findings/${short})
    if(findings IN_LIST OVP_FUZZ_FINDINGS)
      list(APPEND inputs ${findings})
    endif()
    add_test(NAME fuzz/${short} COMMAND ${name} ${inputs})
    set_tests_properties(fuzz/${short} PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
endforeach()
