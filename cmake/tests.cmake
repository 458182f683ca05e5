# Every tests/<room>/test_*.c is a cmocka program linked to the static libraries, so internals are reachable.

function(ovp_test_program target)
  add_executable(${target} ${ARGN})
  target_include_directories(${target} PRIVATE src tests ${OVP_LAB_INCLUDES} ${OVP_CORE_INCLUDES})
  target_compile_definitions(${target} PRIVATE OVP_TEST_DIR="${CMAKE_SOURCE_DIR}/tests"
    OVP_SOURCE_DIR="${CMAKE_SOURCE_DIR}" OVP_BUILD_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${target} PRIVATE overparam-lab_static overparam_static ${OVP_LAB_LIBS} ${OVP_CORE_LIBS}
    ${OVP_CMOCKA} m Threads::Threads)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

set(broken_verdict_programs "")
file(GLOB OVP_TESTS_C CONFIGURE_DEPENDS tests/*/test_*.c)
foreach(file IN LISTS OVP_TESTS_C)
  get_filename_component(name ${file} NAME_WE)
  get_filename_component(room ${file} DIRECTORY)
  get_filename_component(room ${room} NAME)
  ovp_test_program(${room}_${name} ${file})
  if(room STREQUAL "cli" AND TARGET overparam)
    add_dependencies(${room}_${name} overparam)
  endif()
  add_test(NAME ${room}/${name} COMMAND ${room}_${name})
  set_tests_properties(${room}/${name} PROPERTIES TIMEOUT 600 LABELS ${room})

  # The same test with every verdict forced to "holds" must notice. Two experiments, quick ones, are enough.
  if("${room}/${name}" MATCHES "^experiment/test_(scaled_landscape|bias_complexity)$" AND NOT OVP_SANITIZE)
    ovp_test_program(broken_verdict_${name} ${file} tests/must_fail/broken_verdict.c)
    target_link_options(broken_verdict_${name} PRIVATE -Wl,--wrap=ovp_run_verdict)
    list(APPEND broken_verdict_programs $<TARGET_FILE:broken_verdict_${name}>)
  endif()
endforeach()

# --- must fail: the suite is worth something only if it can fail --------------------------------------------
ovp_test_program(must_fail_assertion tests/must_fail/assertion.c)
add_test(NAME must-fail/assertion COMMAND must_fail_assertion)
set_tests_properties(must-fail/assertion PROPERTIES WILL_FAIL TRUE LABELS must-fail)
if(broken_verdict_programs)
  add_test(NAME must-fail/broken-verdict
    COMMAND sh ${CMAKE_SOURCE_DIR}/tests/must_fail/expect-failure ${broken_verdict_programs})
  set_tests_properties(must-fail/broken-verdict PROPERTIES LABELS must-fail TIMEOUT 600)
endif()

# --- what starts threads, in sizes fit for the thread sanitizer: ctest -L threads ---------------------------------
# (kernel/test_ntk is not among them: it hands OpenBLAS's buffers from thread to thread, by locks that are not instrumented.)
set(threaded base/test_threads kernel/test_solver net/test_engines net/test_operations experiment/test_framework experiment/test_threads)
add_custom_target(thread_tests)
foreach(test IN LISTS threaded)
  string(REPLACE "/" "_" program ${test})
  add_dependencies(thread_tests ${program})
  set_property(TEST ${test} APPEND PROPERTY LABELS threads)
endforeach()
if(OVP_SANITIZE MATCHES "thread")
  ovp_test_program(must_fail_race tests/must_fail/race.c)
  add_dependencies(thread_tests must_fail_race)
  add_test(NAME must-fail/race COMMAND must_fail_race)
  set_tests_properties(must-fail/race PROPERTIES WILL_FAIL TRUE LABELS "must-fail;threads")
endif()

# --- every public header alone, as C11 and as C++17 ---------------------------------------------------------
find_program(OVP_CXX NAMES ${CMAKE_CXX_COMPILER} c++ g++ clang++)
if(NOT OVP_CXX)
  message(STATUS "no C++ compiler: the C++17 header tests are left out")
endif()
set(header_flags -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I${CMAKE_SOURCE_DIR}/include)
file(GLOB OVP_HEADERS CONFIGURE_DEPENDS include/overparam/*.h)
foreach(header IN LISTS OVP_HEADERS)
  get_filename_component(name ${header} NAME_WE)
  set(source ${CMAKE_BINARY_DIR}/tests/header_${name})
  # A declaration of its own: ISO C wants one, and it shows that the header's braces are closed.
  file(CONFIGURE OUTPUT ${source}.c CONTENT "#include <overparam/${name}.h>\nextern int header_is_alone;\n")
  add_test(NAME headers/c11-${name} COMMAND ${CMAKE_C_COMPILER} -std=c11 ${header_flags} ${source}.c)
  set_tests_properties(headers/c11-${name} PROPERTIES LABELS headers)
  if(OVP_CXX)
    add_test(NAME headers/c++17-${name} COMMAND ${OVP_CXX} -x c++ -std=c++17 ${header_flags} ${source}.c)
    set_tests_properties(headers/c++17-${name} PROPERTIES LABELS headers)
  endif()
endforeach()

# --- manual page and completion ------------------------------------------------------------------------------
find_program(OVP_GROFF groff)
find_program(OVP_BASH bash)
mark_as_advanced(OVP_GROFF OVP_BASH)
if(OVP_MANUAL AND OVP_GROFF)
  # Every warning fails: groff itself exits 0 with them.
  add_test(NAME cli/manual COMMAND sh -c "test -s \"$1\" && ! \"$0\" -man -ww -z -Tutf8 \"$1\" 2>&1 | grep ."
    ${OVP_GROFF} ${OVP_MANUAL})
  set_tests_properties(cli/manual PROPERTIES LABELS cli)
elseif(OVP_MANUAL)
  message(STATUS "no groff: the test of the manual page is left out (Debian: groff-base)")
endif()
if(TARGET overparam AND OVP_BASH)
  add_test(NAME cli/completion
    COMMAND ${OVP_BASH} ${CMAKE_SOURCE_DIR}/tests/cli/completion ${CMAKE_SOURCE_DIR}/scripts/completion.bash
      $<TARGET_FILE:overparam>)
  set_tests_properties(cli/completion PROPERTIES LABELS cli)
endif()

# --- the installed tree: program, pkg-config, CMake package -------------------------------------------------
if(NOT OVP_SANITIZE AND NOT OVP_COVERAGE)
  add_test(NAME install/consumer
    COMMAND sh ${CMAKE_SOURCE_DIR}/tests/install/check ${CMAKE_COMMAND} ${CMAKE_BINARY_DIR} ${CMAKE_C_COMPILER}
      ${CMAKE_GENERATOR} ${CMAKE_MAKE_PROGRAM} ${OVP_CXX})
  set_tests_properties(install/consumer PROPERTIES LABELS install TIMEOUT 300)
endif()
