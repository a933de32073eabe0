# Precompiled headers, for those who build leat often. Every source includes what it uses all the same: the presets
# release and tsan build without them, which proves it.
option(LEAT_PRECOMPILE "Precompile the headers that most sources include" OFF)

set(leat_standard_headers
    <algorithm> <array> <atomic> <chrono> <condition_variable> <deque> <functional> <map> <memory> <mutex> <optional>
    <set> <span> <sstream> <stop_token> <string> <string_view> <thread> <unordered_map> <utility> <vector>)

# leat_precompile(TARGET HEADER...): these are parsed once for all sources of TARGET. Each costs the sources that do
# without it a little, so only what about half of them include is worth it, and nothing that changes often.
function(leat_precompile target)
    if(LEAT_PRECOMPILE)
        target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
endfunction()

# leat_precompiled_by(OTHER TARGET...): what was parsed for OTHER serves these too. They are compiled with its options.
function(leat_precompiled_by other)
    if(LEAT_PRECOMPILE)
        foreach(target IN LISTS ARGN)
            target_precompile_headers(${target} REUSE_FROM ${other})
            if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
                # False for std::string, and said once GCC has forgotten that it came from a system's header.
                target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow)
            endif()
        endforeach()
    endif()
endfunction()
