# find_package(nacre) for others: `cmake --install build` puts library, headers and config in place.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS nacre nacre_flags nacre_dependencies EXPORT nacre_targets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/nacre DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
install(EXPORT nacre_targets NAMESPACE nacre:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nacre)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/nacre-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/nacre-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nacre)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/nacre-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/nacre-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/nacre-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nacre)
