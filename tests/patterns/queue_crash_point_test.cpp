// SIGKILL at each write and each sync of a scripted run that rewrites records (P4), moves to the dead
// letters, redrives and purges: what is found is what one of the commits left, all of it and nothing else
// (I15).

#include <leat/queue/store_contents.hpp>

#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

using namespace queue_rig;
using leat::outcome;
using support::temporary_directory;
using texts = std::vector<std::string>;

namespace {

std::atomic<long> calls_left{-1};  ///< Until the process kills itself; -1: it does not.

void count_call() {
    if (calls_left >= 0 && calls_left-- == 0) std::raise(SIGKILL);
}

}  // namespace

// Those that LMDB and the journal call, in place of the C library's.
extern "C" {
ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
    count_call();
    return ::syscall(SYS_pwrite64, fd, from, size, at);
}
ssize_t pwritev(int fd, const iovec* from, int n, off_t at) {
    count_call();
    return ::syscall(SYS_pwritev, fd, from, n, at, 0);
}
ssize_t writev(int fd, const iovec* from, int n) {
    count_call();
    return ::syscall(SYS_writev, fd, from, n);
}
int fdatasync(int fd) {
    count_call();
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
}

namespace {

constexpr std::uint64_t frames = 6, in_frame = 16;
constexpr int steps = 7;

std::string body_of(std::uint64_t number) {
    return std::to_string(number) + std::string(5000, static_cast<char>('a' + number % 26));
}

void put_frames(stored_queue& q, std::uint32_t p) {
    for (std::uint64_t frame = 0; frame < frames; ++frame) {
        std::string bodies;
        for (std::uint64_t i = 0; i < in_frame; ++i) bodies += body_of(frame * in_frame + i);
        leat::message block{bodies};
        std::vector<put_item> items(in_frame);
        std::size_t at = 0;
        for (std::uint64_t i = 0; i < in_frame; ++i) {
            const auto size = body_of(frame * in_frame + i).size();
            items[i].body = block.view().subspan(at, size);
            at += size;
        }
        static_cast<void>(q->put(p, frame * in_frame + 1, 1, items, &block));
    }
}

/// The first `n` steps, each of which is one commit.
void work(const std::filesystem::path& directory, int n) {
    stored_queue q{directory};
    const auto p = q.producer().producer;
    const auto c = q.consumer();
    if (n-- <= 0) return;
    put_frames(q, p);
    q.pass();
    if (n-- <= 0) return;
    for (std::uint64_t d = 1; d <= frames * in_frame; ++d) {
        if (d % in_frame == 5) continue;  // the old ones
        q.settle(c, d % in_frame == 9 ? outcome::reject : outcome::ack, d);
    }
    q.pass(20 * ms);
    if (n-- <= 0) return;
    q->bye(c);
    for (int i = 0; i < 3; ++i) q.pass(20 * ms);  // rewrites
    if (n-- <= 0) return;
    q->redrive({}, 3);
    q.pass(20 * ms);
    if (n-- <= 0) return;
    q->dead()->purge();
    q.pass(20 * ms);
    if (n-- <= 0) return;
    q->purge();
    q.pass(20 * ms);
    if (n-- <= 0) return;
    q.put(p, frames * in_frame + 1, "behind all that");
    q.pass();
}

/// Runs it in another process, which kills itself at that call or has done the steps. True if it was killed.
bool killed(const std::filesystem::path& directory, int n, long calls) {
    const auto child = ::fork();
    if (child == 0) {
        calls_left = calls;
        work(directory, n);
        calls_left = -1;
        ::_exit(0);
    }
    int how = 0;
    REQUIRE_EQ(::waitpid(child, &how, 0), child);
    if (WIFSIGNALED(how)) {
        REQUIRE_EQ(WTERMSIG(how), SIGKILL);
        return true;
    }
    REQUIRE_EQ(WEXITSTATUS(how), 0);
    return false;
}

/// All that is there, in words.
std::string content(stored_queue& q) {
    std::string all;
    q->peek(1000, [&](const ready_view& one) {
        const auto body = as_text(one.body);
        CHECK((body == "behind all that" || body == body_of(std::stoull(body))));
        all += std::to_string(one.seq) + ":" + body.substr(0, 3) + " ";
    });
    all += "| ";
    q->letters({}, 1000, [&](const letter_view& one) {
        all += std::to_string(one.what->origin.seq) + ":" + as_text(one.body).substr(0, 3) + " ";
    });
    const auto& n = q->counts();
    for (const auto count : {n.admitted, n.acked, n.dead_sum(), n.purged, q->dead()->counts().purged,
                             q->dead()->counts().redriven})
        all += "| " + std::to_string(count);
    return all;
}

std::string content_of(const std::filesystem::path& directory) {
    std::string all;
    {
        stored_queue q{directory};
        CHECK(adds_up(*q.operator->()));
        all = content(q);
    }
    CHECK(leat::read_store(directory).damages == texts{});
    return all;
}

}  // namespace

TEST_CASE("P4, L10, X5: a kill at any write leaves what one commit left, and work goes on from there") {
    texts states;
    for (int n = 0; n <= steps; ++n) {
        const temporary_directory at{temporary_directory::in_memory()};
        REQUIRE_FALSE(killed(at.path(), n, -1));
        states.push_back(content_of(at.path()));
    }
    REQUIRE_EQ(std::count(states.begin(), states.end(), states[2]), 2);  // rewriting changes nothing
    std::size_t before = 0;
    std::vector<bool> seen(states.size());
    long calls = 0;
    for (bool more = true; more; ++calls) {
        CAPTURE(calls);
        const temporary_directory at{temporary_directory::in_memory()};
        more = killed(at.path(), steps, calls);
        const auto state = content_of(at.path());
        const auto found =
            std::find(states.begin() + static_cast<std::ptrdiff_t>(before), states.end(), state);
        CHECK_MESSAGE(found != states.end(), state);
        if (found == states.end()) break;
        before = static_cast<std::size_t>(found - states.begin());
        seen[before] = true;
        {
            stored_queue q{at.path()};
            for (int i = 0; i < 3; ++i) q.pass(20 * ms);  // rewrites what is left of it
            CHECK_EQ(content(q), state);
            q->purge();
            q->dead()->purge();
            q.pass(20 * ms);
            q.close();
        }
        const auto rest = leat::read_store(at.path());
        CHECK(rest.damages == texts{});
        CHECK_EQ(rest.messages.messages + rest.dead_letters.messages, 0);
    }
    CHECK_GT(calls, 3 * steps);
    CHECK_EQ(before, steps);
    CHECK_GE(std::count(seen.begin(), seen.end(), true), steps);  // but for rewriting, each one
}
