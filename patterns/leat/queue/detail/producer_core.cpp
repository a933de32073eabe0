#include <leat/queue/detail/producer_core.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/producer_link.hpp>

namespace leat {

void producer_options::check() const {
    const auto refuse = [](const std::string& text) {
        throw error{errc::bad_option, "producer option " + text};
    };
    if (queue.empty() || queue.size() > 255) refuse("queue has to be 1 to 255 bytes");
    if (stage.size() > 255) refuse("stage has at most 255 bytes");
    if (max_unconfirmed < 1 || max_unconfirmed > 10'000'000)
        refuse("max_unconfirmed: allowed are 1 to 10000000");
    if (max_bytes < 1) refuse("max_bytes has to be at least 1");
    if (batch_messages < 1 || batch_messages > 65'536) refuse("batch_messages: allowed are 1 to 65536");
    if (batch_bytes < 1 || batch_bytes > (1u << 20)) refuse("batch_bytes: allowed are 1 to 1 MiB");
}

}  // namespace leat

namespace leat::detail {

producer_core::producer_core(context& ctx, const endpoint& at, producer_options options)
    : link_(std::make_shared<producer_link>(ctx, at, std::move(options))) {
    link_->begin();
}

producer_core::~producer_core() {
    close(link_->linger());
}

std::unique_lock<std::mutex> producer_core::lock() {
    return link_->take();
}
status producer_core::wait_for_room(std::unique_lock<std::mutex>& held, deadline until) {
    return link_->wait_for_room(held, until);
}
buffer& producer_core::open_batch() {
    return link_->open_batch();
}
void producer_core::added(std::unique_lock<std::mutex>& held, std::size_t before, const put_options& how,
                          put_waiter waiter, const put_mark* mark) {
    link_->added(held, before, how, std::move(waiter), mark);
}
std::size_t producer_core::flush(deadline until) {
    return link_->flush(until);
}
std::vector<refused_put> producer_core::take_refused() {
    return link_->take_refused();
}
std::size_t producer_core::unconfirmed() const {
    return link_->unconfirmed();
}
status producer_core::wait_ready(deadline until) {
    return link_->wait_ready(until);
}
session_state producer_core::state() const {
    return link_->state();
}
std::optional<durability> producer_core::promise() const {
    return link_->promise();
}
void producer_core::close(deadline until) {
    link_->close(until);
}

}  // namespace leat::detail
