#include "tools/leat/format.hpp"

#include "support/says.hpp"

using leat::command::publication_format;

namespace {

std::string shown(std::string_view format) {
    std::string out;
    publication_format{"--format", format}.append(out, {"a.b", "body", 0x1f, 7, true});
    return out;
}

}  // namespace

TEST_CASE("a format is filled with what is known of a publication") {
    CHECK(shown("%t %p\\n") == "a.b body\n");
    CHECK(shown("%n/%i/%l") == "7/000000000000001f/last");
    CHECK(shown("100%%\\t\\\\\\0") == std::string{"100%\t\\\0", 7});
    CHECK(shown("").empty());
    std::string out;
    publication_format{"--format", "%i %l"}.append(out, {});
    CHECK(out == "- live");
}

TEST_CASE("what a format does not know is refused") {
    for (const auto* text : {"%", "%x", "\\", "\\q", "a%"})
        CHECK_SAYS((publication_format{"--format", text}), "is unknown; there are %t %p %n %i %l %%");
}
