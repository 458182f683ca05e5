# Program, both libraries (shared and static), headers, data, pkg-config files, CMake package.
include(CMakePackageConfigHelpers)

foreach(library overparam overparam-lab)
  foreach(suffix shared static)
    set_target_properties(${library}_${suffix} PROPERTIES EXPORT_NAME ${library}_${suffix})
    install(TARGETS ${library}_${suffix} EXPORT ${library}_targets
      LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endforeach()
  install(EXPORT ${library}_targets FILE ${library}Targets.cmake NAMESPACE overparam::
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/overparam)
endforeach()
if(TARGET overparam)
  install(TARGETS overparam RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(OVP_MANUAL)
  install(FILES ${OVP_MANUAL} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
install(FILES scripts/completion.bash RENAME overparam DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(DIRECTORY include/overparam DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE CHANGELOG.md README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(EXISTS ${CMAKE_SOURCE_DIR}/data/mnist)
  install(DIRECTORY data/mnist DESTINATION ${CMAKE_INSTALL_DATADIR}/overparam/data)
endif()

# CMake: find_package(overparam COMPONENTS core lab)
configure_package_config_file(cmake/overparamConfig.cmake.in ${CMAKE_BINARY_DIR}/overparamConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/overparam)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/overparamConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/overparamConfig.cmake ${CMAKE_BINARY_DIR}/overparamConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/overparam)

# pkg-config; prefix is relative to the file, so that the tree may be moved.
file(RELATIVE_PATH OVP_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH OVP_PC_LIBDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH OVP_PC_INCLUDEDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
get_filename_component(OVP_PC_BLAS ${OVP_BLAS} NAME_WE)
string(REGEX REPLACE "^lib" "" OVP_PC_BLAS ${OVP_PC_BLAS})
if(OVP_LAPACK)
  set(OVP_PC_BLAS "lapack -l${OVP_PC_BLAS}")
endif()
list(JOIN OVP_PC_LIBS " " OVP_PC_LIBS)
foreach(name overparam overparam-lab)
  configure_file(cmake/${name}.pc.in ${CMAKE_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
