# cmake --install: the program, the tiers, their headers and a package config for find_package(rdpwhy).
include(CMakePackageConfigHelpers)
install(TARGETS rdpwhy_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${RDPWHY_TIERS} EXPORT rdpwhyTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/rdpwhy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT rdpwhyTargets NAMESPACE rdpwhy:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/rdpwhy)
configure_package_config_file(tools/cmake/rdpwhyConfig.cmake.in rdpwhyConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/rdpwhy)
write_basic_package_version_file(rdpwhyConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rdpwhyConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/rdpwhyConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/rdpwhy)
install(FILES src/report/handshake.schema.json src/report/tls.schema.json src/report/compare.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/rdpwhy)
