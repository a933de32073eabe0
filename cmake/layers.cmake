# leat_layer(NAME SOURCES...): one directory, one layer, one target `leat::NAME`.
# A layer sees its own directory and what it links, so reaching upward does not compile.
function(leat_layer name)
    add_library(leat_${name} ${ARGN})
    add_library(leat::${name} ALIAS leat_${name})
    set_target_properties(leat_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
    target_compile_features(leat_${name} PUBLIC cxx_std_20)
    target_include_directories(leat_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    leat_warnings(leat_${name})
endfunction()
