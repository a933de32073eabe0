#include "moving.hpp"

#include "parse.hpp"

#include <algorithm>
#include <thread>

namespace leat::command {
namespace {

std::string moved(const transfer_options& how, const transfer_counts& n) {
    auto text = "transfer " + how.name + ": " + count_of(n.moved) + " moved from " + how.from.queue + " to " +
                how.to.queue;
    if (n.repeated > 0) text += ", " + format_number(n.repeated) + " of them once more";
    if (n.rejected > 0) text += ", " + format_number(n.rejected) + " rejected";
    return text;
}

}  // namespace

void moving::begin(const transfer_options& options) {
    all_.push_back({transfer{ctx_, options}, options});
    err_.say("transfer " + options.name + " from " + options.from.queue + " at " + options.from.at + " to " +
             options.to.queue + " at " + options.to.at);
}

exit_code moving::close(running& one) noexcept {
    try {
        const auto how = one.it.close(one.how.linger);
        const auto n = one.it.counts();
        err_.say(moved(one.how, n));
        if (how == status::ok) return exit_code::done;
        err_.say("transfer " + one.how.name + ": no answer for " + count_of(n.under_way) +
                 ", left where they came from");
    } catch (const std::exception& wrong) {
        err_.say(wrong.what());
    }
    return exit_code::failed;
}

exit_code moving::close() noexcept {
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
