#include <leat/pubsub/detail/value_request.hpp>

#include <leat/socket.hpp>

#include <algorithm>

namespace leat::detail {

void value_request::ask(char separator, std::vector<std::string> patterns) {
    if (asked_.one != 0) {
        in_.unsubscribe(ask_topic_);
        in_.unsubscribe(values_topic_);
        if (!at_once_) part_ = std::max(part_ / 2, smallest_part);
    }
    asked_ = {.one = random_id(), .most = part_, .separator = separator, .patterns = std::move(patterns)};
    values_topic_ = detail::values_topic(asked_.one);
    ask_topic_ = detail::ask_topic(asked_);
    in_.subscribe(values_topic_);
    in_.subscribe(ask_topic_);
    at_once_ = false;
    due_ = deadline{pause_};
    pause_ = std::min(2 * pause_, longest_pause);
}

std::string value_request::ask_for_part(std::uint64_t publisher, std::uint64_t from) const {
    auto next = asked_;
    next.publisher = publisher;
    next.from = from;
    return detail::ask_topic(next);
}

void value_request::expect_answer() {
    if (due_.is_never()) due_ = deadline{pause_};
}

void value_request::heard() noexcept {
    due_ = deadline{pause_};
}

void value_request::answered() noexcept {
    due_ = deadline::never();
    pause_ = first_pause;
}

}  // namespace leat::detail
