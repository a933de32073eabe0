// Questions of those who look into a queue and steer it.

#include <leat/queue/detail/queue_host.hpp>

#include <leat/queue/detail/figures.hpp>

#include <algorithm>
#include <limits>

namespace leat::detail {
namespace {

constexpr std::uint64_t most_shown = 1000;    // messages of an answer,
constexpr std::size_t most_bytes = 1u << 20;  // and of bodies and attributes; the first one always fits

/// Gathers what an answer shows, as long as it fits.
template <class Shown>
class page {
public:
    explicit page(std::uint64_t most) : most_(std::min(most, most_shown)) {}

    /// So many are looked at: one more than is shown tells that there are more.
    [[nodiscard]] std::uint64_t wanted() const noexcept { return most_ + 1; }

    void add(Shown&& one, std::span<const std::byte> body) {
        const auto size = one.head.size() + body.size();
        if (full_ || all.size() == most_ || (!all.empty() && bytes_ + size > most_bytes)) {
            full_ = true;
            return;
        }
        bytes_ += size;
        bodies_.write(reinterpret_cast<const char*>(body.data()), body.size());
        all.push_back(std::move(one));
    }
    [[nodiscard]] bool full() const noexcept { return full_; }
    [[nodiscard]] message body() const { return message{bodies_.view()}; }

    std::vector<Shown> all;

private:
    const std::uint64_t most_;
    buffer bodies_;
    std::size_t bytes_ = 0;
    bool full_ = false;
};

}  // namespace

bool queue_host::on_question(peer_session& s, wire::command what, std::span<const std::byte> header) {
    auto& q = *s.queue;
    if (what == wire::command::stat) {
        wire::stat asked;
        if (!wire::read(header, asked)) return false;
        auto answer = status_of(q.stat());
        answer.token = asked.token;
        send(s, answer);
        return true;
    }
    if (s.as != wire::role::admin) return false;
    if (what == wire::command::peek) {
        wire::peek asked;
        if (!wire::read(header, asked)) return false;
        page<wire::waiting> shown{asked.most};
        q.peek(shown.wanted(), [&](wire::waiting&& one, auto body) { shown.add(std::move(one), body); });
        wire::messages answer;
        answer.token = asked.token;
        answer.all = std::move(shown.all);
        auto bodies = shown.body();
        send(s, answer, &bodies);
        return true;
    }
    if (what == wire::command::letters) {
        wire::letters asked;
        if (!wire::read(header, asked) || !wire::valid(asked)) return false;
        std::sort(asked.which.seqs.begin(), asked.which.seqs.end());
        page<wire::letter> shown{asked.most};
        q.letters(asked.which, shown.wanted(),
                  [&](wire::letter&& one, auto body) { shown.add(std::move(one), body); });
        wire::dead answer;
        answer.token = asked.token;
        answer.all = std::move(shown.all);
        answer.more = shown.full();
        auto bodies = shown.body();
        send(s, answer, &bodies);
        return true;
    }
    wire::operate asked;
    if (!wire::read(header, asked) || !wire::valid(asked)) return false;
    std::sort(asked.which.seqs.begin(), asked.which.seqs.end());
    auto answer = q.operate(asked);
    answer.token = asked.token;
    send(s, answer);
    return true;
}

}  // namespace leat::detail
