#pragma once

#include <leat/error.hpp>

#include <doctest/doctest.h>

#include <string>

/// Checks that `expression` throws a leat::error of `kind_` whose text contains `text`.
#define CHECK_THROWS_LEAT(expression, kind_, text)                                     \
    do {                                                                               \
        bool thrown = false;                                                           \
        try {                                                                          \
            static_cast<void>(expression);                                             \
        } catch (const leat::error& failure) {                                         \
            thrown = true;                                                             \
            CHECK((failure.kind() == (kind_)));                                        \
            CHECK_MESSAGE(std::string{failure.what()}.find(text) != std::string::npos, \
                          "the error says: " << std::string{failure.what()});          \
        }                                                                              \
        CHECK_MESSAGE(thrown, #expression " did not throw");                           \
    } while (false)
