#include "hosted_queues.hpp"

#include "config_endpoints.hpp"
#include "parse.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace leat::command {
namespace {

std::string found(const queue& in, const std::string& path) {
    const auto& was = in.opened();
    auto text = "queue " + in.name() + ": " + path;
    if (was.number == 1) return text + " is new";
    text += (was.clean ? " has " : " was not closed; it has ") + count_of(was.messages) + " of " +
            count_of(was.bytes, "byte") + " and " + count_of(was.dead_letters, "dead letter");
    if (was.upgraded_from != 0) text += ", upgraded from format " + std::to_string(was.upgraded_from);
    if (was.oldest) text += ", the oldest " + format_duration(*was.oldest);
    return text + "; read in " + format_duration(was.took);
}

}  // namespace

endpoint hosted_queues::open(queue_options options) {
    // tcp://*:5600 is another one once it is bound, and shared all the same.
    const auto asked = options.bind;
    if (const auto known = bound_.find(asked); known != bound_.end()) options.bind = known->second;
    all_.push_back({queue{ctx_, options}, !options.path.empty(), options.rules.close_deadline});
    const auto& opened = all_.back().it;
    if (is_fixed(endpoint{asked})) bound_.emplace(asked, opened.bound().str());
    if (!options.path.empty()) err_.say(found(opened, options.path));
    return opened.bound();
}

exit_code hosted_queues::close(hosted& one) noexcept {
    try {
        const auto name = "queue " + one.it.name() + ": ";
        const auto left = one.it.stat().depth;
        const auto lost = left.live() - left.in_flight;
        const auto how = one.it.close(one.close_deadline);
        if (how != status::ok) {
            err_.say(
                name + "consumers still held messages after " +
                format_duration(std::chrono::duration_cast<std::chrono::microseconds>(one.close_deadline)));
        }
        if (lost > 0 && !one.on_disk)
            err_.say(name + count_of(lost) + " in its memory " + (lost == 1 ? "is" : "are") + " gone");
        return how == status::ok ? exit_code::done : exit_code::failed;
    } catch (const std::exception& wrong) {
        err_.say(wrong.what());
        return exit_code::failed;
    }
}

exit_code hosted_queues::close() noexcept {
    std::vector<exit_code> codes(all_.size(), exit_code::done);
    {
        std::vector<std::jthread> closing;
        for (std::size_t i = 0; i < all_.size(); ++i)
            closing.emplace_back([&, i] { codes[i] = close(all_[i]); });
    }
    const bool clean =
        std::all_of(codes.begin(), codes.end(), [](auto code) { return code == exit_code::done; });
    return clean ? exit_code::done : exit_code::failed;
}

}  // namespace leat::command
