#include <leat/message.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

using leat::message;

namespace {

void count(void*, void* hint) {
    ++*static_cast<int*>(hint);
}

}  // namespace

TEST_CASE("a new message is empty") {
    message m;
    CHECK(m.empty());
    CHECK(m.size() == 0);
    CHECK(m.text().empty());
    CHECK_FALSE(m.more());
}

TEST_CASE("a message copies the bytes that it is made of") {
    std::string text = "hello";
    const message m{text};
    text = "other";
    CHECK(m.text() == "hello");
    CHECK(m.view().size() == 5);
}

TEST_CASE("a message of no bytes equals an empty one") {
    CHECK(message{""} == message{});
    CHECK(message{std::span<const std::byte>{}} == message{});
    CHECK(message{std::size_t{0}} == message{});
}

TEST_CASE("messages are equal when their bytes are") {
    CHECK(message{"a"} == message{"a"});
    CHECK_FALSE(message{"a"} == message{"b"});
    CHECK_FALSE(message{"a"} == message{"aa"});
}

TEST_CASE("moving a message takes its bytes along") {
    message from{std::string(1000, 'x')};
    const auto* where = from.data();
    const message to{std::move(from)};
    CHECK(to.data() == where);
    CHECK(to.size() == 1000);
}

TEST_CASE("a share has the same bytes, which are not copied") {
    message first{std::string(1000, 'x')};
    const message second = first.share();
    CHECK(second == first);
    CHECK(second.data() == first.data());
}

TEST_CASE("a share outlives what it was made of") {
    message second;
    {
        message first{std::string(1000, 'x')};
        second = first.share();
    }
    CHECK(second.text() == std::string(1000, 'x'));
}

TEST_CASE("an adopted block is used where it is and freed once") {
    std::array<std::byte, 100> block{};
    int freed = 0;
    {
        const auto m = message::adopt(block.data(), block.size(), count, &freed);
        CHECK(m.data() == block.data());
        CHECK(freed == 0);
    }
    CHECK(freed == 1);
}

TEST_CASE("an adopted block is freed once the last message that shares it is gone") {
    std::array<std::byte, 100> block{};
    int freed = 0;
    {
        message second;
        {
            auto first = message::adopt(block.data(), block.size(), count, &freed);
            second = first.share();
        }
        CHECK(freed == 0);
    }
    CHECK(freed == 1);
}

TEST_CASE("an adopted block that was moved is freed once") {
    std::array<std::byte, 100> block{};
    int freed = 0;
    {
        auto first = message::adopt(block.data(), block.size(), count, &freed);
        message second{std::move(first)};
        first = std::move(second);
        CHECK(freed == 0);
    }
    CHECK(freed == 1);
}

TEST_CASE("messages that change places keep their bytes, each freed once") {
    std::array<std::byte, 100> block{};
    int freed = 0;
    {
        message small{"small"};
        auto large = message::adopt(block.data(), block.size(), count, &freed);
        swap(small, large);
        CHECK(small.data() == block.data());
        CHECK(large == message{"small"});
        swap(small, small);
        CHECK(small.size() == block.size());
        CHECK(freed == 0);
    }
    CHECK(freed == 1);
}

TEST_CASE("a message that is moved to frees what it held") {
    std::array<std::byte, 100> block{};
    int freed = 0;
    auto held = message::adopt(block.data(), block.size(), count, &freed);
    held = message{"new"};
    CHECK(freed == 1);
    CHECK(held == message{"new"});
}

TEST_CASE("an adopted block of no bytes is freed once") {
    std::array<std::byte, 1> block{};
    int freed = 0;
    { CHECK(message::adopt(block.data(), 0, count, &freed).empty()); }
    CHECK(freed == 1);
}

TEST_CASE("a block from malloc is adopted with free as its end") {
    auto* block = static_cast<std::byte*>(std::malloc(100));
    block[99] = std::byte{7};
    const auto m = message::adopt(block, 100);
    CHECK(m.view()[99] == std::byte{7});
}
