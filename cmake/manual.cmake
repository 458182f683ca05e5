# overparam.1, made by the program from its own declarations; left out where the program built cannot run here.
set(OVP_MANUAL "")
if(TARGET overparam AND NOT CMAKE_CROSSCOMPILING)
  set(OVP_MANUAL ${CMAKE_BINARY_DIR}/overparam.1)
  # Written beside it first: a program that fails leaves no half page. Leaks are looked for in the tests.
  add_custom_command(OUTPUT ${OVP_MANUAL}
    COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:overparam> info --all --man
      > ${OVP_MANUAL}.new
    COMMAND ${CMAKE_COMMAND} -E rename ${OVP_MANUAL}.new ${OVP_MANUAL}
    DEPENDS overparam VERBATIM)
  add_custom_target(manual ALL DEPENDS ${OVP_MANUAL})
endif()
