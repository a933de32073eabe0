#include <leat/pubsub/detail/value_request.hpp>

#include <leat/socket.hpp>

#include <algorithm>

namespace leat::detail {

void value_request::ask(char separator, const std::vector<std::string>& patterns) {
    if (nonce_ != 0) {
        in_.unsubscribe(ask_topic_);
        in_.unsubscribe(values_topic_);
    }
    nonce_ = random_id();
    values_topic_ = detail::values_topic(nonce_);
    ask_topic_ = detail::ask_topic(nonce_, separator, patterns);
    in_.subscribe(values_topic_);
    in_.subscribe(ask_topic_);
    due_ = deadline{pause_};
    pause_ = std::min(2 * pause_, longest_pause);
}

void value_request::expect_answer() {
    if (due_.is_never()) due_ = deadline{pause_};
}

void value_request::answered() noexcept {
    due_ = deadline::never();
    pause_ = first_pause;
}

}  // namespace leat::detail
