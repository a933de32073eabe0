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

void moving::begin(const edge_options& options) {
    const auto name = std::string{to_string(options.kind)} + " of queue " + options.queue.queue;
    edges_.push_back({edge{ctx_, options}, name, options});
    std::string where;
    for (const auto& at : edges_.back().it.bound()) where += " at " + at.str();
    for (const auto& at : options.connect) where += " connects to " + at.str();
    err_.say(name + where);
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

exit_code moving::close(running_edge& one) noexcept {
    try {
        const auto how = one.it.close(one.how.linger);
        const auto n = one.it.counts();
        auto text = one.name + ": " + count_of(n.messages);
        if (n.refused > 0) text += ", " + format_number(n.refused) + " refused";
        if (n.unput > 0) text += ", " + format_number(n.unput) + " read and not put";
        if (n.malformed > 0) text += ", " + format_number(n.malformed) + " malformed";
        err_.say(text);
        if (how == status::ok) return exit_code::done;
        err_.say(one.name + ": the queue has not answered for all of them");
    } catch (const std::exception& wrong) {
        err_.say(wrong.what());
    }
    return exit_code::failed;
}

exit_code moving::close() noexcept {
    std::vector<exit_code> codes(all_.size() + edges_.size(), exit_code::done);
    {
        std::vector<std::jthread> closing;
        for (std::size_t i = 0; i < all_.size(); ++i)
            closing.emplace_back([&, i] { codes[i] = close(all_[i]); });
        for (std::size_t i = 0; i < edges_.size(); ++i)
            closing.emplace_back([&, i] { codes[all_.size() + i] = close(edges_[i]); });
    }
    const bool clean =
        std::all_of(codes.begin(), codes.end(), [](auto code) { return code == exit_code::done; });
    return clean ? exit_code::done : exit_code::failed;
}

}  // namespace leat::command
