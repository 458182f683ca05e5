# OVP_COMMIT: the commit this tree was configured at, "unknown" outside git. A new commit touches git's reflog, which
# makes the build configure again; only src/experiment is then recompiled, and only if the commit changed.
set(OVP_COMMIT unknown)
find_program(OVP_GIT git)
mark_as_advanced(OVP_GIT)
if(OVP_GIT AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  execute_process(COMMAND ${OVP_GIT} rev-parse --short=12 HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
  execute_process(COMMAND ${OVP_GIT} rev-parse --git-path logs/HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE reflog OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed)
    set(OVP_COMMIT ${commit})
    get_filename_component(reflog "${reflog}" ABSOLUTE BASE_DIR ${CMAKE_SOURCE_DIR})
    if(EXISTS ${reflog})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${reflog})
    endif()
  endif()
endif()
file(GLOB experiment_sources CONFIGURE_DEPENDS src/experiment/*.c)
if(experiment_sources)
  set_property(SOURCE ${experiment_sources} APPEND PROPERTY COMPILE_DEFINITIONS OVP_COMMIT="${OVP_COMMIT}")
endif()
