#include "redis_stream.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench::redis {
namespace {

constexpr std::size_t most_a_read = 1000;

}  // namespace

void append_add(client& to, std::string_view body) {
    const char* words[] = {"XADD", "work", "*", "b", body.data()};
    const std::size_t sizes[] = {4, 4, 1, 1, body.size()};
    to.append(5, words, sizes);
}

void append_acks(client& to, const std::vector<std::string>& ids) {
    std::vector<const char*> words{"XACK", "work", "all"};
    std::vector<std::size_t> sizes{4, 4, 3};
    for (const auto& id : ids) {
        words.push_back(id.data());
        sizes.push_back(id.size());
    }
    to.append(static_cast<int>(words.size()), words.data(), sizes.data());
}

void make_stream(int port) {
    client c{port};
    c.append("XGROUP CREATE work all $ MKSTREAM");
    c.next();
}

void add(client& to, std::string_view body) {
    append_add(to, body);
    to.next();
}

void add_all(int port, std::string_view body, std::size_t count, std::size_t window) {
    client c{port};
    // Half of the window is on its way there while the answers to the other half come back.
    const std::size_t half = std::max<std::size_t>(window / 2, 1);
    std::size_t answered = 0;
    for (std::size_t sent = 0; answered < count;) {
        for (const auto until = std::min(count, sent + half); sent < until; ++sent) append_add(c, body);
        c.flush();
        for (const auto until = sent < count ? sent - std::min(sent, half) : count; answered < until;
             ++answered)
            c.next();
    }
}

void take_all(int port, std::size_t count, const std::function<void(std::string_view)>& each) {
    client c{port};
    std::vector<std::string> ids;
    for (std::size_t taken = 0; taken < count;) {
        // The acks go with the next question.
        const bool acks = !ids.empty();
        if (acks) append_acks(c, ids);
        c.append("XREADGROUP GROUP all one COUNT %d BLOCK 30000 STREAMS work >",
                 static_cast<int>(most_a_read));
        if (acks) c.next();
        ids.clear();
        const auto got = c.next();
        if (got->type != REDIS_REPLY_ARRAY) throw std::runtime_error{"redis-server has stopped"};
        const auto* messages = got->element[0]->element[1];
        for (std::size_t i = 0; i < messages->elements; ++i) {
            const auto* one = messages->element[i];
            const auto* body = one->element[1]->element[1];
            each({body->str, body->len});
            ids.emplace_back(one->element[0]->str, one->element[0]->len);
        }
        taken += messages->elements;
    }
    append_acks(c, ids);
    c.next();
}

}  // namespace bench::redis
