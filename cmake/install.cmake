# The installed package: libraries, public headers, find_package(leat CONFIG) and pkg-config's leat.pc.
include(CMakePackageConfigHelpers)

set(leat_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leat)

install(TARGETS leat_core leat_patterns leat EXPORT leatTargets)
install(EXPORT leatTargets NAMESPACE leat:: DESTINATION ${leat_package_dir})

install(DIRECTORY lib/leat patterns/leat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" PATTERN "detail" EXCLUDE)
file(STRINGS cmake/installed_details.txt patterns REGEX "^[^#]")
foreach(pattern IN LISTS patterns)
    file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lib/${pattern} ${PROJECT_SOURCE_DIR}/patterns/${pattern})
    get_filename_component(directory ${pattern} DIRECTORY)
    install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${directory})
endforeach()

configure_package_config_file(cmake/leatConfig.cmake.in package/leatConfig.cmake INSTALL_DESTINATION ${leat_package_dir})
write_basic_package_version_file(package/leatConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/leatConfig.cmake
              ${PROJECT_BINARY_DIR}/package/leatConfigVersion.cmake
              cmake/dependencies.cmake
        DESTINATION ${leat_package_dir})

# The .pc file finds its prefix from its own place, so that the tree can be moved.
file(RELATIVE_PATH LEAT_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" LEAT_PC_PREFIX ${LEAT_PC_PREFIX})
configure_file(cmake/leat.pc.in package/leat.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/leat.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(LEAT_BUILD_TOOLS)
    install(FILES examples/forwarder.toml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
endif()
