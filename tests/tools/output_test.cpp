#include "tools/leat/output.hpp"

#include "support/pipe.hpp"
#include "support/says.hpp"

#include <csignal>
#include <future>

using leat::command::output;

TEST_CASE("what is written arrives whole and in order, also when the reader is slow") {
    support::pipe to;
    std::string text;
    for (int i = 0; i < 200'000; ++i) text += std::to_string(i) + "\n";
    auto reader = std::async(std::launch::async, [&] { return to.read_all(); });
    output out{to.writer(), {}};
    for (std::size_t i = 0; i < text.size(); i += 1000) out.write(std::string_view{text}.substr(i, 1000));
    out.flush();
    to.close_writer();
    CHECK(reader.get() == text);
}

TEST_CASE("a reader that has closed is an error with a name") {
    std::signal(SIGPIPE, SIG_IGN);
    support::pipe to;
    to.close_reader();
    output out{to.writer(), {}};
    out.write("text");
    CHECK_SAYS(out.flush(), "standard output was closed by its reader");
}

TEST_CASE("a full disk is an error with its reason") {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    output out{full, {}};
    out.write("text");
    CHECK_SAYS(out.flush(), "cannot write standard output: No space left on device");
    ::close(full);
}

TEST_CASE("a reader that does not read is given up when asked to") {
    support::pipe to;
    std::stop_source give_up;
    output out{to.writer(), give_up.get_token()};
    auto writing = std::async(std::launch::async, [&] {
        CHECK_SAYS(out.write(std::string(1 << 20, 'x')), "standard output takes nothing more");
    });
    give_up.request_stop();
    CHECK(writing.wait_for(std::chrono::seconds{20}) == std::future_status::ready);
}
