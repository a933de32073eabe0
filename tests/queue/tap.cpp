#include "tap.hpp"

#include <leat/queue/detail/wire_io.hpp>

#include <dlfcn.h>
#include <zmq.h>

#include <atomic>
#include <cerrno>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proof {
namespace {

namespace wire = leat::detail::wire;
using std::to_string;

thread_local std::int64_t woke = 0;  ///< When this thread's last wait ended; later the queue reads its clock.

std::string hex(std::string_view octets) {
    std::string text;
    for (const char octet : octets.substr(0, 6)) {
        const auto c = static_cast<unsigned char>(octet);
        text += "0123456789abcdef"[c >> 4];
        text += "0123456789abcdef"[c & 15];
    }
    return text;
}

std::string text_of(const wire::ranges& all) {
    std::string text;
    for (const auto& r : all) text += " " + to_string(r.first) + "-" + to_string(r.last);
    return text;
}

/// What a queue's frames mean, for as long as a session is in force.
class tap {
public:
    explicit tap(const record_file& to) : to_(to) {}

    void came(const std::vector<std::string>& parts) {
        if (parts.size() < 2) return;
        const auto& from = parts[0];
        const auto header = std::as_bytes(std::span{parts[1]});
        wire::beginning begins;
        if (!wire::read(header, begins)) return;
        const auto what = static_cast<wire::command>(begins.at.what);
        if (what == wire::command::hello) return hello(from, header);
        const auto found = sessions_.find(from);
        if (found == sessions_.end() || found->second.number != begins.at.session) return;
        auto& s = found->second;
        if (begins.at.counter != s.in + 1) return;
        s.in = begins.at.counter;
        const std::string_view body = parts.size() > 2 ? parts[2] : std::string_view{};
        if (what == wire::command::put) {
            put(s, header, body);
        } else if (what == wire::command::settle) {
            wire::settle frame;
            if (!wire::read(header, frame)) return;
            outcomes("settle", s, frame.groups);
            s.unsafe.emplace_back(begins.at.counter, std::move(frame.groups));
        } else if (what == wire::command::extend) {
            wire::extend frame;
            if (wire::read(header, frame)) write("extend " + s.client + text_of(frame.except));
        } else if (what == wire::command::bye) {
            write("bye " + s.client);
            sessions_.erase(found);
        } else {
            write("heard " + s.client);
        }
    }

    void went(const std::vector<std::string>& parts) {
        if (parts.size() < 2) return;
        const auto header = std::as_bytes(std::span{parts[1]});
        wire::beginning begins;
        const auto found = sessions_.find(parts[0]);
        if (found == sessions_.end() || !wire::read(header, begins)) return;
        auto& s = found->second;
        if (begins.at.session != s.number) return;
        switch (static_cast<wire::command>(begins.at.what)) {
            case wire::command::welcome: {
                wire::welcome frame;
                if (!wire::read(header, frame)) return;
                write("welcome " + s.client + text_of(frame.gone));
                decided_before(s, frame);
                break;
            }
            case wire::command::confirm: {
                wire::confirm frame;
                if (!wire::read(header, frame)) return;
                if (!frame.stored.empty()) write("stored " + s.client + text_of(frame.stored));
                if (!frame.duplicate.empty()) write("duplicate " + s.client + text_of(frame.duplicate));
                break;
            }
            case wire::command::refuse: {
                wire::refuse frame;
                if (!wire::read(header, frame)) return;
                for (const auto& one : frame.puts)
                    write("refused " + s.client + text_of({{one.first, one.last}}));
                break;
            }
            case wire::command::deliver:
                deliver(s, header, parts.size() > 2 ? parts[2] : std::string_view{});
                break;
            case wire::command::settled: {
                wire::settled frame;
                if (!wire::read(header, frame)) return;
                write("settled " + s.client + " " + to_string(frame.applied) + " " + to_string(frame.stale));
                safe_until(s, frame);
                break;
            }
            case wire::command::error: {
                wire::error frame;
                if (!wire::read(header, frame) || frame.goes_on) return;
                write("over " + s.client + " " + to_string(frame.code));
                sessions_.erase(found);
                break;
            }
            default:
                break;
        }
    }

    /// The queue will end the session, and may still take what it has from there.
    void failed(const std::string& to) {
        if (const auto found = sessions_.find(to); found != sessions_.end())
            write("cut " + found->second.client);
    }

private:
    struct session {
        std::string client;
        std::uint64_t number = 0, in = 1, floor = 1;
        std::deque<std::pair<std::uint64_t, std::vector<wire::settlement>>> unsafe;  ///< By counter.
    };

    /// U2: verdicts of which the producer has not heard.
    void decided_before(const session& s, const wire::welcome& frame) {
        auto from = s.floor;
        for (const auto& one : frame.not_stored) {
            if (from < one.first) write("stored " + s.client + text_of({{from, one.first - 1}}));
            write("refused " + s.client + text_of({{one.first, one.last}}));
            from = one.last + 1;
        }
        if (frame.known && from <= frame.decided)
            write("stored " + s.client + text_of({{from, frame.decided}}));
    }

    void hello(const std::string& from, std::span<const std::byte> header) {
        wire::hello frame;
        if (!wire::read(header, frame)) return;
        session s{hex(frame.client), frame.at.session, 1, frame.floor, {}};
        std::erase_if(sessions_, [&](const auto& one) { return one.second.client == s.client; });
        sessions_[from] = s;
        const bool takes = frame.as == static_cast<std::uint8_t>(wire::role::consumer);
        write("hello " + s.client + (takes ? " consumer" : " other"));
        if (!takes) return;
        outcomes("settle", s, frame.outcomes);
        write("keep " + s.client + text_of(frame.holds));
    }

    void put(const session& s, std::span<const std::byte> header, std::string_view body) {
        wire::put frame;
        if (!wire::read(header, frame) || !wire::valid(frame, body.size())) return;
        std::map<std::size_t, std::string> keys;
        for (const auto& one : frame.special) {
            wire::attributes how;
            const auto head = std::as_bytes(std::span{one.head.ptr, one.head.size});
            if (wire::read(head, how)) keys[one.index] = how.key;
        }
        for (std::size_t i = 0, at = 0; i < frame.sizes.size(); at += frame.sizes[i++]) {
            const auto key = keys.find(i);
            write("put " + s.client + " " + to_string(frame.first + i) + " " +
                  (key == keys.end() || key->second.empty() ? "-" : key->second) + " " +
                  std::string{body.substr(at, frame.sizes[i])});
        }
    }

    void outcomes(const std::string& how, const session& s, const std::vector<wire::settlement>& groups) {
        static constexpr const char* names[] = {"ack", "release", "retry", "reject", "given_up"};
        for (const auto& one : groups) {
            if (one.outcome < std::size(names))
                write(how + " " + s.client + " " + names[one.outcome] + text_of(one.deliveries));
        }
    }

    /// Says so only as long as all outcomes of the session had an effect: which ones were stale is not told.
    void safe_until(session& s, const wire::settled& frame) {
        for (; !s.unsafe.empty() && s.unsafe.front().first <= frame.committed; s.unsafe.pop_front()) {
            if (frame.stale == 0) outcomes("safe", s, s.unsafe.front().second);
        }
    }

    void deliver(const session& s, std::span<const std::byte> header, std::string_view body) {
        wire::deliver frame;
        if (!wire::read(header, frame) || !wire::valid(frame, body.size())) return;
        std::map<std::size_t, std::uint32_t> attempts;
        for (const auto& one : frame.special) attempts[one.index] = one.attempts;
        std::uint64_t seq = 0;
        for (std::size_t i = 0, at = 0; i < frame.sizes.size(); at += frame.sizes[i++]) {
            seq += i == 0 || frame.sequences.size() > 1 ? frame.sequences[i] : 1;
            write("deliver " + s.client + " " + to_string(frame.first + i) + " " + to_string(seq) + " " +
                  to_string(attempts[i]) + " " + std::string{body.substr(at, frame.sizes[i])});
        }
    }

    void write(const std::string& text) {
        const auto at = now();
        to_.line(to_string(at) + "-" + to_string(at - woke) + " " + text);
    }

    const record_file& to_;
    std::map<std::string, session> sessions_;  ///< By the ROUTER's name for the connection.
};

std::atomic<tap*> the_tap{nullptr};

bool is_router(void* socket) {
    int type = 0;
    std::size_t size = sizeof type;
    return zmq_getsockopt(socket, ZMQ_TYPE, &type, &size) == 0 && type == ZMQ_ROUTER;
}

std::string text_of(zmq_msg_t* message) {
    return {static_cast<const char*>(zmq_msg_data(message)), zmq_msg_size(message)};
}

}  // namespace

void tap_into(const record_file& to) {
    static tap one{to};
    the_tap = &one;
}

}  // namespace proof

// This program's own zmq_poll, zmq_msg_recv and zmq_msg_send come before libzmq's.

int zmq_poll(zmq_pollitem_t* items, int count, long timeout) {
    static const auto real = reinterpret_cast<decltype(&zmq_poll)>(::dlsym(RTLD_NEXT, "zmq_poll"));
    const int ready = real(items, count, timeout);
    const int failure = errno;
    proof::woke = proof::now();
    errno = failure;
    return ready;
}

int zmq_msg_recv(zmq_msg_t* message, void* socket, int flags) {
    static const auto real = reinterpret_cast<decltype(&zmq_msg_recv)>(::dlsym(RTLD_NEXT, "zmq_msg_recv"));
    static std::vector<std::string> parts;
    const int size = real(message, socket, flags);
    if (size < 0 || proof::the_tap == nullptr || !proof::is_router(socket)) return size;
    parts.push_back(proof::text_of(message));
    if (zmq_msg_more(message) != 0) return size;
    proof::the_tap.load()->came(parts);
    parts.clear();
    return size;
}

int zmq_msg_send(zmq_msg_t* message, void* socket, int flags) {
    static const auto real = reinterpret_cast<decltype(&zmq_msg_send)>(::dlsym(RTLD_NEXT, "zmq_msg_send"));
    static std::vector<std::string> parts;
    if (proof::the_tap == nullptr || !proof::is_router(socket)) return real(message, socket, flags);
    auto part = proof::text_of(message);
    const int size = real(message, socket, flags);
    if (size < 0) {
        const int failure = errno;
        proof::the_tap.load()->failed(parts.empty() ? part : parts.front());
        parts.clear();
        errno = failure;
        return size;
    }
    parts.push_back(std::move(part));
    if ((flags & ZMQ_SNDMORE) != 0) return size;
    proof::the_tap.load()->went(parts);
    parts.clear();
    return size;
}
