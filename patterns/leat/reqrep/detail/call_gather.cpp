#include <leat/reqrep/detail/call_core.hpp>

// Calls that completions make, which are often many, go out together: at the end of the loop's turn, or
// earlier when that takes long.

namespace leat::detail {

bool call_core::gathers(const open_call& call, const server_entry& to) const noexcept {
    return to.takes_batches && call.kind == call_kind::request && call.waiter == nullptr && loop_runs_ &&
           call.body.size() <= call_batch::largest_body && call_batch::fits(options_.socket) &&
           std::this_thread::get_id() == loop_thread_;
}

void call_core::gather(std::size_t server, const call_header& header, const open_call& call) {
    auto& to = servers_.all()[server];
    to.gathered.add(header, call.body);
    to.gathered_calls.push_back(header.call);
    if (to.gathered.full()) send_gathered(server);
}

void call_core::send_gathered(std::size_t server) {
    auto& to = servers_.all()[server];
    if (to.gathered.empty()) return;
    call_header header;
    header.kind = static_cast<std::uint8_t>(call_kind::batch);
    message frame = write_header(header, scratch_), body = to.gathered.take();
    const int failure = servers_.send(to, frame, body);
    unread(to.link);
    if (failure == 0) return to.gathered_calls.clear();
    if (servers_.links()[to.link].routes) to.there = false;
    take_back(server);
}

void call_core::send_all_gathered() {
    for (std::size_t i = 0; i < servers_.all().size(); ++i) send_gathered(i);
}

/// What was gathered for a server cannot be sent to it: it has not been asked, and another may be, soon.
void call_core::take_back(std::size_t server) {
    auto& from = servers_.all()[server];
    from.gathered.clear();
    for (const auto id : std::exchange(from.gathered_calls, {})) {
        auto* call = calls_.find(id);
        const auto number = call_table::attempt_of(id);
        for (std::size_t i = 0; call != nullptr && i < call->attempts.size(); ++i) {
            auto& one = call->attempts[i];
            if (!one.active() || one.number != number) continue;
            one = {};
            --servers_.all()[server].in_flight;
            if (call->tries == number) --call->tries;
            const auto now = deadline::clock::now();
            if (call->placed()) call->hedge_at = now;
            calls_.wake_at(call_table::index_of(id), now);
            wake_reader(now);
            break;
        }
    }
}

}  // namespace leat::detail
