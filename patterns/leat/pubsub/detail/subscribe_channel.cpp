#include <leat/pubsub/detail/subscribe_channel.hpp>

#include <leat/error.hpp>
#include <leat/pubsub/detail/subscribe_state.hpp>

namespace leat::detail {

subscribe_channel::subscribe_channel(context& ctx, subscribe_options options)
    : state_(std::make_unique<state>(ctx, std::move(options))) {}
subscribe_channel::~subscribe_channel() = default;

void subscribe_channel::subscribe(std::string_view pattern) {
    state_->subscribe(pattern);
}
void subscribe_channel::unsubscribe(std::string_view pattern) {
    state_->unsubscribe(pattern);
}
status subscribe_channel::wait_ready(std::size_t n, deadline until) {
    return state_->wait_ready(n, until);
}
status subscribe_channel::next(deadline until) {
    return state_->next(until);
}
const subscribe_channel::found& subscribe_channel::current() const noexcept {
    return state_->current;
}
void subscribe_channel::count_object() noexcept {
    state_->count_object();
}
void subscribe_channel::end_body(decode_error error) noexcept {
    state_->end_body(error);
}
void subscribe_channel::close() noexcept {
    state_->in.close();
}
socket& subscribe_channel::in() noexcept {
    return state_->in;
}
const socket& subscribe_channel::in() const noexcept {
    return state_->in;
}
const endpoints& subscribe_channel::bound() const noexcept {
    return state_->bound;
}
const subscription_metrics& subscribe_channel::seen() const noexcept {
    return state_->seen;
}

}  // namespace leat::detail
