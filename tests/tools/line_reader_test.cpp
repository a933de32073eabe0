#include "tools/leat/line_reader.hpp"

#include "support/pipe.hpp"
#include "support/says.hpp"

#include <csignal>
#include <future>
#include <memory>
#include <vector>

using leat::command::line_reader;
using outcome = leat::command::line_reader::outcome;

namespace {

const leat::stop_event no_stop{{}};

std::vector<std::string> all_lines(const std::string& text, char delimiter = '\n',
                                   std::size_t longest = 1 << 20) {
    std::signal(SIGPIPE, SIG_IGN);
    support::pipe from;
    auto writer = std::async(std::launch::async, [&] {
        from.write(text);
        from.close_writer();
    });
    // Ends the writer also when the reader has thrown.
    const std::unique_ptr<support::pipe, void (*)(support::pipe*)> close{&from,
                                                                         [](auto* p) { p->close_reader(); }};
    line_reader lines{from.reader(), "the pipe", delimiter, longest};
    std::vector<std::string> all;
    for (std::string_view line; lines.next(line, no_stop) == outcome::line;) all.emplace_back(line);
    CHECK(lines.number() == all.size());
    CHECK(lines.consumed() == text.size());
    CHECK(lines.unread() == 0);
    return all;
}

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("lines come without their ends, the last one also when it lacks its end") {
    CHECK(all_lines("") == strings{});
    CHECK(all_lines("\n") == strings{""});
    CHECK(all_lines("one\ntwo\n") == strings{"one", "two"});
    CHECK(all_lines("one\n\ntwo") == strings{"one", "", "two"});
}

TEST_CASE("bytes of any value are kept, and the delimiter may be any of them") {
    const std::string bytes("a\0b\r\xff\n\x80", 7);
    CHECK(all_lines(bytes) == strings{std::string("a\0b\r\xff", 5), "\x80"});
    CHECK(all_lines(bytes, '\0') == strings{"a", "b\r\xff\n\x80"});
}

TEST_CASE("a line may be longer than the reader's block, and as long as the limit") {
    const std::string line(1 << 20, 'x');
    CHECK(all_lines(line + "\n" + line + "\nend") == strings{line, line, "end"});
}

TEST_CASE("a line beyond the limit is refused with its number") {
    CHECK_SAYS(all_lines("12345\n123456\n", '\n', 5), "line 2 of the pipe is longer than 5 bytes");
    CHECK_SAYS(all_lines(std::string(1 << 20, 'x'), '\n', 5), "line 1 of the pipe is longer than 5 bytes");
}

TEST_CASE("a stop ends the wait for input, but what was read is given first") {
    support::pipe from;
    from.write("one\ntwo\nthr");
    std::stop_source source;
    const leat::stop_event stop{source.get_token()};
    line_reader lines{from.reader(), "the pipe", '\n', 100};
    std::string_view line;
    REQUIRE(lines.next(line, stop) == outcome::line);
    CHECK(lines.unread() == 2);
    source.request_stop();
    REQUIRE(lines.next(line, stop) == outcome::line);
    CHECK(line == "two");
    CHECK(lines.next(line, stop) == outcome::stopped);
    CHECK(lines.unread() == 1);
}

TEST_CASE("a stop from another thread ends a read that waits") {
    support::pipe from;
    std::stop_source source;
    const leat::stop_event stop{source.get_token()};
    line_reader lines{from.reader(), "the pipe", '\n', 100};
    auto waiting = std::async(std::launch::async, [&] {
        std::string_view line;
        return lines.next(line, stop);
    });
    source.request_stop();
    REQUIRE(waiting.wait_for(std::chrono::seconds{20}) == std::future_status::ready);
    CHECK(waiting.get() == outcome::stopped);
}

TEST_CASE("what cannot be read is said") {
    const int folder = ::open("/", O_RDONLY | O_CLOEXEC);
    line_reader lines{folder, "/", '\n', 100};
    std::string_view line;
    CHECK_SAYS(lines.next(line, no_stop), "cannot read /: Is a directory");
    ::close(folder);
}
