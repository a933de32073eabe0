#include "tools/leat/json.hpp"

#include "support/says.hpp"

#include <leat/codec.hpp>

#include <limits>

namespace {

std::string packed(std::string_view json) {
    leat::buffer out;
    leat::command::json_to_msgpack(json, out);
    return {reinterpret_cast<const char*>(out.view().data()), out.size()};
}

std::string json(std::string_view bytes) {
    const auto object = msgpack::unpack(bytes.data(), bytes.size());
    std::string text;
    leat::command::msgpack_to_json(object.get(), text);
    return text;
}

template <class Value>
std::string json_of(const Value& value) {
    msgpack::sbuffer out;
    msgpack::pack(out, value);
    return json({out.data(), out.size()});
}

}  // namespace

TEST_CASE("JSON passes through msgpack and back unchanged") {
    for (const auto* text : {"null",
                             "true",
                             "false",
                             "0",
                             "127",
                             "128",
                             "-1",
                             "-33",
                             "18446744073709551615",
                             "-9223372036854775808",
                             "1.5",
                             "-0.1",
                             "1.0",
                             "1e+300",
                             "5e-324",
                             "\"\"",
                             "\"text\"",
                             "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
                             "\"\\\"\\\\\\n\\t\\r\\u0000\\u001f\"",
                             "[]",
                             "{}",
                             "[1,[2,[3,{}]],\"x\"]",
                             "{\"b\":1,\"a\":{\"c\":[null,true]},\"\":\"\"}"})
        CHECK(json(packed(text)) == text);
}

TEST_CASE("msgpack is as short as it can be") {
    CHECK(packed("{\"a\":[1,300]}") == std::string("\x81\xa1\x61\x92\x01\xcd\x01\x2c", 8));
    std::string hundred = "[";
    for (int i = 0; i < 100; ++i) hundred += i == 0 ? "0" : ",0";
    CHECK(packed(hundred + "]") == std::string("\xdc\x00\x64", 3) + std::string(100, '\0'));
}

TEST_CASE("a number that has a point stays a float") {
    CHECK(packed("1") == "\x01");
    CHECK(packed("1.0").front() == '\xcb');
    CHECK(json(packed("1.0")) == "1.0");
}

TEST_CASE("what is not JSON is refused with the place and the reason") {
    CHECK_SAYS(packed(""), "not JSON at byte 1: unexpected end of input");
    CHECK_SAYS(packed("{\"a\":}"), "not JSON at byte 6: unexpected '}'");
    CHECK_SAYS(packed("hello"), "not JSON at byte 1");
    CHECK_SAYS(packed("1 2"), "not JSON at byte 3: unexpected number literal; expected end of input");
    CHECK_SAYS(packed("\"\xff\""), "not JSON at byte 2");
    CHECK_SAYS(packed("1e999"), "the number is out of range");
    CHECK_SAYS(packed("18446744073709551616"), "the number 18446744073709551616 does not fit 64 bits");
}

TEST_CASE("depth is bounded, and what was there before stays after a refusal") {
    const std::string deepest = std::string(32, '[') + std::string(32, ']');
    CHECK(json(packed(deepest)) == deepest);
    CHECK_SAYS(packed("[" + deepest + "]"), "nested deeper than 32");
    CHECK_SAYS(packed(std::string(1 << 20, '[')), "nested deeper than 32");
    leat::buffer out;
    out.write("before", 6);
    CHECK_SAYS(leat::command::json_to_msgpack("[1,", out), "not JSON");
    CHECK(out.size() == 6);
}

TEST_CASE("msgpack that JSON has no word for is written in others") {
    CHECK(json(std::string("\xc4\x04\x00\x01\x02\xff", 6)) == "{\"base64\":\"AAEC/w==\"}");
    CHECK(json(std::string("\xc4\x03\x00\x01\x02", 5)) == "{\"base64\":\"AAEC\"}");
    CHECK(json(std::string("\xc4\x00", 2)) == "{\"base64\":\"\"}");
    CHECK(json(std::string("\xd4\xff\x07", 3)) == "{\"ext\":-1,\"base64\":\"Bw==\"}");
    CHECK(json(std::string("\x82\x01\x02\x92\x03\xc0\x04", 7)) == "{\"1\":2,\"[3,null]\":4}");
    CHECK(json_of(std::numeric_limits<double>::quiet_NaN()) == "null");
    CHECK(json_of(-std::numeric_limits<double>::infinity()) == "null");
    CHECK(json_of(0.1f) == "0.1");
}

TEST_CASE("bytes that are not UTF-8 become the replacement character") {
    CHECK(json_of(std::string{"a\xff"
                              "b"}) ==
          "\"a\xEF\xBF\xBD"
          "b\"");
    CHECK(json_of(std::string{"\xC0\x80"}) == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    CHECK(json_of(std::string{"\xED\xA0\x80"}) == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    CHECK(json_of(std::string{"\xE2\x82"}) == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    CHECK(json_of(std::string{"\x7f"}) == "\"\\u007f\"");
}
