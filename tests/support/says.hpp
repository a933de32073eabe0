#pragma once

#include "tools/leat/exit_code.hpp"

#include <doctest/doctest.h>

#include <string>

/// Checks that `expression` throws a leat::command::failure whose text contains `text`.
#define CHECK_SAYS(expression, text)                                                        \
    do {                                                                                    \
        std::string said = "nothing";                                                       \
        try {                                                                               \
            static_cast<void>(expression);                                                  \
        } catch (const leat::command::failure& thrown) {                                    \
            said = thrown.what();                                                           \
        }                                                                                   \
        CHECK_MESSAGE(said.find(text) != std::string::npos, #expression " says: " << said); \
    } while (false)
