option(LEAT_WERROR "Treat warnings as errors" OFF)

# leat_warnings(TARGET): the warnings that leat's own code is free of. Never passed on to users.
function(leat_warnings target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                           -Wnon-virtual-dtor)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        target_compile_options(${target} PRIVATE -Wno-restrict)  # false at -O3 for std::string: GCC bug 105329
    endif()
    if(LEAT_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()
