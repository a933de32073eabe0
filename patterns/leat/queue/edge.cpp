#include <leat/queue/edge.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/consumer_core.hpp>
#include <leat/queue/detail/producer_core.hpp>
#include <leat/socket.hpp>
#include <leat/stop.hpp>

#include <poll.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace leat {
namespace {

using namespace std::chrono_literals;

constexpr auto between_looks = 250ms;  // whether it is to end, while it waits for room
constexpr std::size_t handed_ahead = 64;
constexpr int most_counted = 100'000;  // of what is left unread at the end, if peers go on sending

role role_of(edge_kind kind) {
    switch (kind) {
        case edge_kind::pull:
            return role::pull;
        case edge_kind::rep:
            return role::router;
        case edge_kind::sub:
            return role::sub;
        case edge_kind::push:
            return role::push;
    }
    return role::pull;
}

std::string_view text_of(const message& m) {
    return {reinterpret_cast<const char*>(m.view().data()), m.size()};
}

}  // namespace

std::string_view to_string(edge_kind kind) noexcept {
    constexpr std::array<std::string_view, 4> names{"pull", "rep", "sub", "push"};
    return names[static_cast<std::size_t>(kind)];
}

void edge_options::check() const {
    const auto refuse = [](const std::string& text) { throw error{errc::bad_option, "edge option " + text}; };
    if (queue.at.empty() || queue.queue.empty() || queue.queue.size() > 255)
        refuse("queue: it needs an endpoint, and a name of 1 to 255 bytes");
    if (bind.empty() && connect.empty()) refuse("bind, connect: an edge needs an endpoint");
    if (!topics.empty() && kind != edge_kind::sub) refuse("topics: they go with kind sub");
    socket.check();
}

/// What all of them have: a socket, a thread that has it to itself, and an end.
class edge::work {
public:
    work(context& ctx, const edge_options& options)
        : options_((options.check(), options)),
          warn_(ctx.warner()),
          socket_(ctx, role_of(options.kind), with_stop(options.socket)) {
        for (const auto& at : options.bind) bound_.push_back(socket_.bind(at));
        for (const auto& at : options.connect) socket_.connect(at);
    }
    virtual ~work() = default;

    void begin() {
        socket_.hand_over();
        thread_ = std::thread{[this] {
            run();
            socket_.close();
        }};
    }
    /// To be called before anything that the thread uses goes. What has arrived has until then.
    void stop(deadline until = deadline::now()) {
        if (!stop_.stop_requested()) ending_ = until;
        stop_.request_stop();
        if (thread_.joinable()) thread_.join();
    }

    virtual status close(deadline until) = 0;

    [[nodiscard]] const endpoints& bound() const noexcept { return bound_; }
    [[nodiscard]] std::chrono::milliseconds linger() const noexcept { return options_.linger; }
    [[nodiscard]] edge_counts counts() const {
        return {counts_->messages, counts_->refused, counts_->malformed, counts_->unput};
    }

protected:
    /// Shared with verdicts that come late.
    struct tally {
        std::atomic<std::uint64_t> messages{0}, refused{0}, malformed{0}, unput{0};
    };

    virtual void run() = 0;

    /// What has arrived by the end, one message a call, as long as there is time.
    bool receive_rest(socket::parts& all) {
        return !ending_.passed() && socket_.receive(all, deadline::now()) == status::ok;
    }

    [[nodiscard]] bool stopped() const noexcept { return stop_.stop_requested(); }

    /// What is not of the frames that are due cannot be put; the first one is told.
    void malformed(const std::string& what) {
        if (counts_->malformed++ == 0)
            warn_("edge " + std::string{to_string(options_.kind)} + " of queue " + options_.queue.queue +
                  ": " + what + "; it is dropped, as will be others like it");
    }

    const edge_options options_;
    const std::function<void(const std::string&)> warn_;
    std::stop_source stop_;
    deadline ending_ = deadline::now();  // set before the stop is requested
    socket socket_;
    endpoints bound_;
    const std::shared_ptr<tally> counts_ = std::make_shared<tally>();

private:
    [[nodiscard]] socket_options with_stop(socket_options all) const {
        all.stop = stop_.get_token();
        if (options_.kind == edge_kind::push) all.send_frames = handed_ahead;
        return all;
    }

    std::thread thread_;
};

/// Puts what PUSH peers and publishers send.
class edge::incoming final : public work {
public:
    incoming(context& ctx, const edge_options& options)
        : work(ctx, options), out_(ctx, endpoint{options.queue.at}, putting(options)) {
        if (options.kind == edge_kind::sub) {
            if (options.topics.empty()) socket_.subscribe("");
            for (const auto& one : options.topics) socket_.subscribe(one);
        }
        begin();
    }
    ~incoming() override { stop(); }

    status close(deadline until) override {
        stop(until);
        const auto left = out_.flush(until);
        out_.close(deadline::now());
        return left == 0 && counts_->unput == 0 ? status::ok : status::timeout;
    }

private:
    /// A `pull` keeps what is refused for now, before all that comes later.
    static producer_options putting(const edge_options& o) {
        producer_options made;
        made.queue = o.queue.queue;
        made.in_order = o.kind == edge_kind::pull;
        made.linger = 0ms;
        return made;
    }

    void run() override {
        socket::parts all;
        while (!stopped() && socket_.receive(all, deadline::never()) == status::ok) take(all);
        while (receive_rest(all)) take(all);
        for (auto left = most_counted; left > 0 && socket_.receive(all, deadline::now()) == status::ok;
             --left)
            ++counts_->unput;
    }

    void take(const socket::parts& all) {
        if (options_.kind == edge_kind::pull) {
            if (all.size() != 1)
                return malformed("a message of " + std::to_string(all.size()) +
                                 " frames, where one is a body");
            if (!put(all[0], {}, true)) ++counts_->unput;
            return;
        }
        put_options how;
        if (all.size() > 1) how.headers["topic"] = text_of(all[0]);
        if (!put(all.size() > 1 ? all[1] : all[0], how, false)) ++counts_->refused;
    }

    /// With `waits`, until there is room or the edge has ended. False when it was not taken.
    bool put(const message& body, const put_options& how, bool waits) {
        for (;;) {
            const auto result =
                out_.add(waits ? deadline{between_looks} : deadline::now(), how,
                         {.promise = {},
                          .call =
                              [counts = counts_](const put_result& r) {
                                  ++(r.what == verdict::refused ? counts->refused : counts->messages);
                              }},
                         [&](buffer& open) { open.write(text_of(body).data(), body.size()); });
            if (result == status::ok) return true;
            if (!waits || result != status::timeout || (stopped() && ending_.passed())) return false;
        }
    }

    detail::producer_core out_;
};

/// Answers REQ peers once what they sent is stored. Many share a commit.
class edge::answering final : public work {
public:
    answering(context& ctx, const edge_options& options)
        : work(ctx, options),
          out_(ctx, endpoint{options.queue.at}, putting(options)),
          answers_(std::make_shared<answers>()) {
        begin();
    }
    ~answering() override { end(deadline::now()); }

    status close(deadline until) override {
        end(until);
        return out_.unconfirmed() == 0 ? status::ok : status::timeout;
    }

private:
    struct answer {
        std::string peer, text;
        std::vector<std::string> envelope;
    };
    /// Written by the callback thread, sent by the edge's.
    struct answers {
        std::mutex mutex;
        std::vector<answer> all;
        wake_up news;

        void add(answer&& one) {
            {
                const std::lock_guard held{mutex};
                all.push_back(std::move(one));
            }
            news.raise();
        }
        [[nodiscard]] std::vector<answer> take() {
            const std::lock_guard held{mutex};
            return std::exchange(all, {});
        }
    };

    static producer_options putting(const edge_options& o) {
        producer_options made;
        made.queue = o.queue.queue;
        made.linger = 0ms;
        return made;
    }

    void end(deadline until) {
        stop(until);
        out_.close(deadline::now());
    }

    static std::string said(const put_result& r) {
        if (r.what == verdict::stored) return r.seq == 0 ? "ok" : "ok " + std::to_string(r.seq);
        if (r.what == verdict::duplicate) return "duplicate";
        return "error " + std::string{to_string(r.why)} + " the queue has refused it";
    }

    void run() override {
        const stop_event stopping{stop_.get_token()};
        std::array<pollfd, 3> ready{
            {{socket_.event_fd(), POLLIN, 0}, {answers_->news.fd(), POLLIN, 0}, {stopping.fd(), POLLIN, 0}}};
        socket::parts all;
        while (!stopped()) {
            answers_->news.lower();
            send_answers();
            if (socket_.receive(all, deadline::now()) == status::ok) {
                question(all);
                continue;
            }
            ::poll(ready.data(), ready.size(), 1000);
        }
        // Who has asked is told what becomes of it, as long as there is time.
        while (receive_rest(all)) question(all);
        static_cast<void>(out_.flush(ending_));
        while (asked_ > answered_ && !ending_.passed()) {
            send_answers();
            pollfd news{answers_->news.fd(), POLLIN, 0};
            if (asked_ > answered_) ::poll(&news, 1, ending_.poll_timeout());
            answers_->news.lower();
        }
        send_answers();
    }

    /// Routing id, envelope up to the empty frame, and one or two more.
    void question(socket::parts& all) {
        std::size_t at = 1;
        while (at < all.size() && all[at].size() > 0) ++at;
        if (at >= all.size())
            return malformed("a request without the empty frame that a REQ peer begins with");
        const auto left = all.size() - at - 1;
        answer to{std::string{text_of(all[0])}, {}, {}};
        for (std::size_t i = 1; i <= at; ++i) to.envelope.emplace_back(text_of(all[i]));
        ++asked_;
        if (left < 1 || left > 2) {
            malformed("a request that is not a body, or an id and a body");
            to.text = "error bad_message a request is a body, or an id and a body";
            return answers_->add(std::move(to));
        }
        put_options how;
        if (left == 2) how.id = text_of(all[at + 1]);
        const auto& body = all.back();
        const auto result =
            out_.add(deadline::now(), how,
                     {.promise = {},
                      .call =
                          [to, answers = answers_, counts = counts_](const put_result& r) mutable {
                              ++(r.what == verdict::refused ? counts->refused : counts->messages);
                              to.text = said(r);
                              answers->add(std::move(to));
                          }},
                     [&](buffer& open) { open.write(text_of(body).data(), body.size()); });
        if (result == status::ok) return;
        ++counts_->refused;
        to.text = "error full too many requests wait for the queue";
        answers_->add(std::move(to));
    }

    void send_answers() {
        for (auto& one : answers_->take()) {
            ++answered_;
            socket::parts all;
            all.emplace_back(std::string_view{one.peer});
            for (const auto& frame : one.envelope) all.emplace_back(std::string_view{frame});
            all.emplace_back(std::string_view{one.text});
            // One that has gone, or does not read, has no answer to come.
            static_cast<void>(socket_.send(all, deadline::now()));
        }
    }

    detail::producer_core out_;
    const std::shared_ptr<answers> answers_;
    std::uint64_t asked_ = 0, answered_ = 0;  // the thread's
};

/// Hands out to PULL peers.
class edge::outgoing final : public work {
public:
    outgoing(context& ctx, const edge_options& options)
        : work(ctx, options), in_(ctx, endpoint{options.queue.at}, taking(options)) {
        begin();
    }
    ~outgoing() override { end(); }

    status close(deadline until) override {
        end();
        return in_.close(until);
    }

private:
    static consumer_options taking(const edge_options& o) {
        consumer_options made;
        made.queue = o.queue.queue;
        made.pure = true;
        return made;
    }

    void end() {
        in_.stop();
        stop();
    }

    void run() override {
        detail::taken_delivery what;
        while (in_.next(what, deadline::never()) == status::ok) {
            message body{what.body};
            const auto how = socket_.send(body, deadline::never());
            settle(what, how == status::ok ? outcome::ack : outcome::release);
            if (how != status::ok) return;
            ++counts_->messages;
        }
    }

    detail::consumer_core in_;
};

edge::edge(context& ctx, edge_options options) {
    switch (options.kind) {
        case edge_kind::pull:
        case edge_kind::sub:
            work_ = std::make_unique<incoming>(ctx, options);
            break;
        case edge_kind::rep:
            work_ = std::make_unique<answering>(ctx, options);
            break;
        case edge_kind::push:
            work_ = std::make_unique<outgoing>(ctx, options);
            break;
    }
}
edge::edge(edge&&) noexcept = default;
edge& edge::operator=(edge&& other) noexcept {
    if (work_) work_->close(work_->linger());
    work_ = std::move(other.work_);
    return *this;
}
edge::~edge() {
    if (work_) work_->close(work_->linger());
}

const endpoints& edge::bound() const noexcept {
    return work_->bound();
}
edge_counts edge::counts() const {
    return work_->counts();
}
status edge::close(deadline until) {
    return work_->close(until);
}

}  // namespace leat
