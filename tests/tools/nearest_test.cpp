#include "tools/leat/nearest.hpp"

#include <doctest/doctest.h>

using leat::command::nearest;

TEST_CASE("the nearest name is found by missing, extra, changed and swapped letters") {
    const std::vector<std::string> names{"push", "pull", "forward", "version"};
    CHECK(nearest("psuh", names) == "push");
    CHECK(nearest("pul", names) == "pull");
    CHECK(nearest("forwrad", names) == "forward");
    CHECK(nearest("versoin", names) == "version");
    CHECK(nearest("forw", names) == "forward");
}

TEST_CASE("what is near nothing gets no suggestion") {
    const std::vector<std::string> names{"push", "--connect"};
    CHECK(nearest("", names).empty());
    CHECK(nearest("subscribe", names).empty());
    CHECK(nearest(std::string(100000, 'x'), names).empty());
    CHECK(nearest("push", {}).empty());
}
