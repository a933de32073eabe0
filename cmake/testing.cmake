find_package(doctest REQUIRED)

set(LEAT_TEST_TIMEOUT 120 CACHE STRING "Seconds until a test counts as hung; sanitizers need more")

# leat_test_settings(NAME... [LABELS LABEL...]): what every ctest of leat has. A sanitizer's findings end the test.
function(leat_test_settings)
    cmake_parse_arguments(arg "" "" "LABELS" ${ARGN})
    set_tests_properties(${arg_UNPARSED_ARGUMENTS} PROPERTIES TIMEOUT ${LEAT_TEST_TIMEOUT})
    if(arg_LABELS)
        set_tests_properties(${arg_UNPARSED_ARGUMENTS} PROPERTIES LABELS "${arg_LABELS}")
    endif()
    if(LEAT_SANITIZE STREQUAL "thread")
        set(suppressions ${PROJECT_SOURCE_DIR}/cmake/tsan.supp)
        set_tests_properties(${arg_UNPARSED_ARGUMENTS} PROPERTIES
                             ENVIRONMENT "TSAN_OPTIONS=suppressions=${suppressions}:second_deadlock_stack=1")
    elseif(LEAT_SANITIZE)
        set_tests_properties(${arg_UNPARSED_ARGUMENTS} PROPERTIES
                             ENVIRONMENT "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1;UBSAN_OPTIONS=print_stacktrace=1")
    endif()
endfunction()

# leat_tests(LAYER LIBRARIES...): each LAYER/NOUN_test.cpp becomes the program and ctest LAYER.NOUN.
function(leat_tests layer)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${layer}/*_test.cpp)
    foreach(source IN LISTS sources)
        get_filename_component(noun ${source} NAME_WE)
        string(REGEX REPLACE "_test$" "" noun ${noun})
        add_executable(${layer}_${noun}_test ${source})
        target_link_libraries(${layer}_${noun}_test PRIVATE leat_test_support ${ARGN})
        leat_warnings(${layer}_${noun}_test)
        add_test(NAME ${layer}.${noun} COMMAND ${layer}_${noun}_test)
        leat_test_settings(${layer}.${noun} LABELS ${layer})
    endforeach()
endfunction()
