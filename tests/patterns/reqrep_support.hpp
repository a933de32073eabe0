#pragma once

#include <leat/reqrep/detail/call_header.hpp>
#include <leat/reqrep/replier.hpp>
#include <leat/reqrep/requester.hpp>

#include "support/joined.hpp"
#include "support/ports.hpp"
#include "support/running_relay.hpp"
#include "support/throws.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

// What the tests of requests and replies share.

using namespace std::chrono_literals;
using leat::answer;
using leat::call_status;
using leat::replier;
using leat::reply_code;
using leat::requester;
using leat::responder;
using support::comes_true;
using support::patience;

inline leat::detail::call_header header_of(leat::detail::call_kind kind, std::uint32_t session,
                                           std::uint64_t call, std::string_view method = {}) {
    leat::detail::call_header header;
    header.kind = static_cast<std::uint8_t>(kind);
    header.session = session;
    header.call = call;
    if (kind == leat::detail::call_kind::request)
        header.remaining_ms = leat::detail::call_header::no_deadline;
    header.method = method;
    return header;
}

inline leat::message frame_of(const leat::detail::call_header& header) {
    leat::buffer scratch;
    return leat::detail::write_header(header, scratch);
}

/// Takes requests and keeps them until it is told to answer.
template <class Rep>
class keeper {
public:
    void operator()(const int& request, responder<Rep> to) {
        const std::lock_guard lock{mutex_};
        kept_.emplace_back(request, std::move(to));
    }
    [[nodiscard]] std::size_t size() {
        const std::lock_guard lock{mutex_};
        return kept_.size();
    }
    [[nodiscard]] responder<Rep> take() {
        const std::lock_guard lock{mutex_};
        REQUIRE_FALSE(kept_.empty());
        auto one = std::move(kept_.back().second);
        kept_.pop_back();
        return one;
    }

private:
    std::mutex mutex_;
    std::vector<std::pair<int, responder<Rep>>> kept_;
};
