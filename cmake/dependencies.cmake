# What the library targets need. The installed package includes this file too, so that users look for the same things.
#
# msgpack's own CMake package asks for Boost, which leat does not use: its headers are found by themselves, and
# MSGPACK_NO_BOOST goes with them.

find_package(Threads)
find_package(PkgConfig)
if(PkgConfig_FOUND)
    pkg_check_modules(leat_zmq IMPORTED_TARGET GLOBAL libzmq>=4.3.2)
    pkg_check_modules(leat_lmdb IMPORTED_TARGET GLOBAL lmdb>=0.9.24)
endif()
find_path(LEAT_CPPZMQ_INCLUDE_DIR zmq.hpp HINTS ${leat_zmq_INCLUDE_DIRS})
find_path(LEAT_MSGPACK_INCLUDE_DIR msgpack.hpp)
mark_as_advanced(LEAT_CPPZMQ_INCLUDE_DIR LEAT_MSGPACK_INCLUDE_DIR)

macro(leat_needs variable what)
    if(NOT ${variable})
        list(APPEND leat_missing "${what}")
    endif()
endmacro()

set(leat_missing "")
leat_needs(Threads_FOUND "threads")
leat_needs(PkgConfig_FOUND "pkg-config")
leat_needs(leat_zmq_FOUND "libzmq 4.3.2 or newer (Debian: libzmq3-dev)")
leat_needs(leat_lmdb_FOUND "LMDB 0.9.24 or newer (Debian: liblmdb-dev)")
leat_needs(LEAT_CPPZMQ_INCLUDE_DIR "zmq.hpp (Debian: cppzmq-dev)")
leat_needs(LEAT_MSGPACK_INCLUDE_DIR "msgpack.hpp (Debian: libmsgpack-cxx-dev)")
list(JOIN leat_missing ", " leat_missing)

if(NOT leat_missing AND NOT TARGET leat::messages)
    add_library(leat::messages INTERFACE IMPORTED GLOBAL)
    target_include_directories(leat::messages INTERFACE ${LEAT_CPPZMQ_INCLUDE_DIR} ${LEAT_MSGPACK_INCLUDE_DIR})
    target_compile_definitions(leat::messages INTERFACE MSGPACK_NO_BOOST)
    target_link_libraries(leat::messages INTERFACE PkgConfig::leat_zmq Threads::Threads)
endif()
