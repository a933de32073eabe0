#include "durable_leat.hpp"

#include <leat/context.hpp>
#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>

#include <filesystem>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

using namespace std::chrono_literals;

class leat_putter final : public putter {
public:
    leat_putter(const std::string& at, const traffic& what)
        : out_(ctx_, at,
               {.queue = "work",
                .max_unconfirmed = what.window,
                .batch_messages = what.one_a_frame ? std::size_t{1} : std::size_t{1000}}),
          one_by_one_(what.window == 1) {
        if (out_.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"leat: no queue"};
    }

    void put(std::string_view body) override {
        out_.put(leat::bytes{body});
        if (one_by_one_) flush();
    }
    void flush() override {
        if (out_.flush(60s) != 0) throw std::runtime_error{"leat: puts without a verdict"};
        if (!out_.take_refused().empty()) throw std::runtime_error{"leat: puts were refused"};
    }

private:
    leat::context ctx_;
    leat::producer<leat::bytes> out_;
    const bool one_by_one_;
};

class leat_taker final : public taker {
public:
    explicit leat_taker(const std::string& at)
        : in_(ctx_, at, {.queue = "work", .prefetch = most_unacked, .prefetch_bytes = 4u << 20}) {
        if (in_.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"leat: no queue"};
    }

    std::size_t take(const look& each) override {
        std::size_t taken = 0;
        for (leat::deadline until = 50ms; auto got = in_.next(until); until = leat::deadline::now()) {
            each((*got)->text());
            got->ack();
            ++taken;
        }
        return taken;
    }
    void finish() override { in_.close(10s); }

private:
    leat::context ctx_;
    leat::consumer<leat::bytes> in_;
};

}  // namespace

leat_server::leat_server(const std::string& directory)
    : host_({.words = {std::filesystem::read_symlink("/proc/self/exe").parent_path() / "leat-bench-host",
                       directory + "/queue"},
             .ready = "ms\n"}) {
    std::istringstream said{host_.printed()};
    std::string word;
    said >> word >> at_ >> word >> word >> opened_in_ms_;
}

std::unique_ptr<putter> leat_server::producer(const traffic& what) {
    return std::make_unique<leat_putter>(at_, what);
}
std::unique_ptr<taker> leat_server::consumer() {
    return std::make_unique<leat_taker>(at_);
}

contender leat_durable() {
    return {"leat", 1'000'000,
            [](const std::string& directory) { return std::make_unique<leat_server>(directory); }};
}

}  // namespace bench
