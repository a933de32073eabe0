#include <leat/forwarder/forwarder.hpp>

#include <leat/error.hpp>

#include <algorithm>
#include <set>
#include <thread>

namespace leat {
namespace {

void check(const std::vector<relay_options>& relays) {
    if (relays.empty()) throw error{errc::bad_option, "forwarder: there is no relay; give it at least one"};
    std::set<std::string> bound;
    for (const auto& one : relays) {
        one.check();
        for (const auto* side : {&one.in, &one.out, &one.capture}) {
            for (const auto& at : side->bind) {
                if (at.str() == "ipc://*" || at.str().ends_with(":*") || bound.insert(at.str()).second)
                    continue;
                throw error{errc::bad_option, "forwarder: two relays bind " + at.str() +
                                                  "; give each its own endpoint, or merge the relays"};
            }
        }
    }
}

relay_report run_one(relay& one, const std::stop_token& stop) {
    try {
        return one.run(stop);
    } catch (const std::exception& failure) {
        return {.name = one.options().name, .ended = relay_report::ending::failed, .failure = failure.what()};
    }
}

}  // namespace

bool forwarder_report::complete() const noexcept {
    return std::all_of(relays.begin(), relays.end(), [](const auto& one) { return one.complete(); });
}

std::string forwarder_report::text() const {
    std::string lines;
    for (const auto& one : relays) lines += one.text() + "\n";
    return lines;
}

forwarder::forwarder(context& ctx, std::vector<relay_options> relays) {
    check(relays);
    for (auto& one : relays) relays_.push_back(std::make_unique<relay>(ctx, std::move(one)));
}

forwarder_report forwarder::run(const std::stop_token& stop) {
    std::stop_source all;
    const std::stop_callback on_stop{stop, [&all] { all.request_stop(); }};
    forwarder_report report;
    report.relays.resize(relays_.size());
    const auto run_at = [&](std::size_t i) {
        report.relays[i] = run_one(*relays_[i], all.get_token());
        all.request_stop();
    };
    {
        std::vector<std::jthread> threads;
        try {
            for (std::size_t i = 0; i + 1 < relays_.size(); ++i)
                threads.emplace_back([&run_at, i] { run_at(i); });
            run_at(relays_.size() - 1);
        } catch (...) {
            all.request_stop();
            throw;
        }
    }
    return report;
}

}  // namespace leat
