#include <leat/buffer.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using leat::buffer;

namespace {

std::string_view text_of(const buffer& block) {
    return {reinterpret_cast<const char*>(block.view().data()), block.size()};
}

static_assert(!std::is_copy_constructible_v<buffer> && !std::is_copy_assignable_v<buffer>);
static_assert(std::is_nothrow_move_constructible_v<buffer> && std::is_nothrow_move_assignable_v<buffer>);

}  // namespace

TEST_CASE("a new buffer is empty and owns no block") {
    buffer block;
    CHECK(block.size() == 0);
    CHECK(block.empty());
    CHECK(block.capacity() == 0);
    CHECK(block.view().empty());
    CHECK(block.release() == nullptr);
}

TEST_CASE("what is written is appended") {
    buffer block;
    block.write("push", 4);
    block.write("", 0);
    block.write(nullptr, 0);
    block.write(" pull", 5);
    CHECK(text_of(block) == "push pull");
}

TEST_CASE("a buffer keeps its content while it grows") {
    buffer block;
    std::string expected;
    for (int i = 0; i < 5'000; ++i) {
        const auto piece = std::to_string(i);
        block.write(piece.data(), piece.size());
        expected += piece;
    }
    CHECK(text_of(block) == expected);
    CHECK(block.capacity() >= block.size());
}

TEST_CASE("one large write grows a buffer to what it needs") {
    buffer block;
    const std::string large(100'000, 'x');
    block.write(large.data(), large.size());
    CHECK(text_of(block) == large);
}

TEST_CASE("a reserved buffer does not move while it has room") {
    buffer block{1'000};
    CHECK(block.capacity() == 1'000);
    block.write("a", 1);
    const auto* const before = block.view().data();
    const std::string rest(999, 'b');
    block.write(rest.data(), rest.size());
    CHECK(block.view().data() == before);
    CHECK(block.capacity() == 1'000);
}

TEST_CASE("reserving less than there is changes nothing") {
    buffer block{1'000};
    block.reserve(10);
    CHECK(block.capacity() == 1'000);
}

TEST_CASE("a cleared buffer keeps its room") {
    buffer block{64};
    block.write("abc", 3);
    block.clear();
    CHECK(block.empty());
    CHECK(block.capacity() == 64);
}

TEST_CASE("truncating drops the end and never adds to it") {
    buffer block;
    block.write("abcdef", 6);
    block.truncate(3);
    CHECK(text_of(block) == "abc");
    block.truncate(5);
    CHECK(text_of(block) == "abc");
}

TEST_CASE("a released block belongs to the caller and the buffer starts again") {
    buffer block;
    block.write("abc", 3);
    const auto* const data = block.view().data();
    auto* const given = block.release();
    CHECK(given == data);
    CHECK(std::string_view{reinterpret_cast<const char*>(given), 3} == "abc");
    CHECK(block.empty());
    CHECK(block.capacity() == 0);
    std::free(given);
    block.write("d", 1);
    CHECK(text_of(block) == "d");
}

TEST_CASE("a moved buffer takes the block along") {
    buffer from;
    from.write("abc", 3);
    buffer to{std::move(from)};
    CHECK(text_of(to) == "abc");
    CHECK(from.empty());  // NOLINT(bugprone-use-after-move): a moved-from buffer is empty and usable
    from.write("d", 1);
    to = std::move(from);
    CHECK(text_of(to) == "d");
    auto& same = to;
    to = std::move(same);
    CHECK(text_of(to) == "d");
}

TEST_CASE("a size that cannot be is bad_alloc and leaves the buffer as it was") {
    buffer block;
    block.write("abc", 3);
    CHECK_THROWS_AS(block.reserve(static_cast<std::size_t>(-1)), std::bad_alloc);
    CHECK(text_of(block) == "abc");
}
