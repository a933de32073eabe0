#include "tools/leat/config_table.hpp"

#include "tools/leat/toml.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace leat::command;
using namespace std::chrono_literals;

namespace {

/// Reads `text` with `read`, and tells what was wrong.
template <class Read>
std::string faults_of(const std::string& text, Read read) {
    config_faults faults{"f.toml"};
    if (const auto root = parse_toml(text, faults)) {
        config_table table{*root, {}, faults};
        read(table);
        table.finish();
    }
    return faults.text();
}

}  // namespace

TEST_CASE("each kind of value comes with its own type") {
    bool flag = false;
    std::uint64_t number = 0, size = 0, size_in_words = 0, most = 0;
    double ratio = 0, whole = 0;
    std::chrono::microseconds duration{};
    std::string text;
    std::vector<std::string> texts;
    const auto* const all =
        "flag = true\nnumber = 1_000\nsize = 4096\nwords = '64KiB'\nmost = 'all'\nratio = 0.5\n"
        "whole = 2\nduration = '7d'\ntext = 'a b'\ntexts = ['x',\n'y']\none = 'z'\ninner.key = "
        "1\n[[row]]\nkey = 2\n[[row]]\n"
        "key = 3\n";
    std::uint64_t inner = 0;
    std::vector<std::uint64_t> rows;
    CHECK(faults_of(all, [&](config_table& from) {
              from.flag("flag", [&](bool is) { flag = is; });
              from.number("number", [&](auto is) { number = is; });
              from.size("size", [&](auto is) { size = is; });
              from.size("words", [&](auto is) { size_in_words = is; });
              from.number_or("most", "all", 77, [&](auto is) { most = is; });
              from.ratio("ratio", [&](auto is) { ratio = is; });
              from.ratio("whole", [&](auto is) { whole = is; });
              from.duration("duration", [&](auto is) { duration = is; });
              from.text("text", [&](const auto& is) { text = is; });
              const auto add = [&](const auto& is, auto line) { texts.push_back(is + std::to_string(line)); };
              from.texts("texts", add);
              from.texts("one", add);
              from.table("inner", [&](auto& in) { in.number("key", [&](auto is) { inner = is; }); });
              from.tables("row", [&](auto& in) { in.number("key", [&](auto is) { rows.push_back(is); }); });
          }) == "");
    CHECK(flag);
    CHECK(number == 1000);
    CHECK(size == 4096);
    CHECK(size_in_words == 65536);
    CHECK(most == 77);
    CHECK(ratio == 0.5);
    CHECK(whole == 2);
    CHECK(duration == 7 * 24h);
    CHECK(text == "a b");
    CHECK(texts == std::vector<std::string>{"x10", "y11", "z12"});
    CHECK(inner == 1);
    CHECK(rows == std::vector<std::uint64_t>{2, 3});
}

TEST_CASE("what is absent sets nothing and is no fault") {
    CHECK(faults_of("", [](config_table& from) {
              from.flag("a", [](bool) { FAIL("set"); });
              from.texts("b", [](const auto&, auto) { FAIL("set"); });
              from.table("c", [](auto&) { FAIL("read"); });
              from.tables("d", [](auto&) { FAIL("read"); });
              CHECK_FALSE(from.has("a"));
          }) == "");
}

TEST_CASE("all faults are told, in the order of their lines") {
    CHECK(faults_of("b = 1\nzebra = 2\na = 'x'\n",
                    [](config_table& from) {
                        from.number("a", [](auto) {});
                        from.flag("b", [](bool) {});
                    }) ==
          "f.toml:1: b is an integer; it takes true or false\n"
          "f.toml:2: unknown key 'zebra'; there are a, b\n"
          "f.toml:3: a is a string; it takes a whole number");
}

TEST_CASE("of very many faults the first ones are told, and how many more there are") {
    std::string text;
    for (int i = 0; i < 300; ++i) text += "k" + std::to_string(i) + " = 1\n";
    const auto told = faults_of(text, [](config_table&) {});
    CHECK(std::count(told.begin(), told.end(), '\n') == 20);
    CHECK(told.ends_with("\nf.toml: 280 more faults"));
}

TEST_CASE("what a file says is shown in one short line whatever it is") {
    const auto told = faults_of("\"\\u001b[2J\\n" + std::string(500, 'x') + "\" = 1\n", [](config_table&) {});
    CHECK(told.starts_with("f.toml:1: unknown key '?[2J?xxx"));
    CHECK(told.find("x...'") != std::string::npos);
    CHECK(told.size() < 200);
}

TEST_CASE("tables within each other a thousand deep are refused, not followed") {
    const auto told = faults_of("a = " + std::string(100'000, '[') + "\n", [](config_table&) {});
    CHECK(told.starts_with("f.toml:1: not TOML (value): exceeded maximum nested value depth of 256"));
}
