#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace proof {

/// Goes through a queue's record line by line and says where it breaks the rules. It knows nothing of the
/// queue's state, only what was said on the wire and when.
///
/// The queue reads its clock once in a pass, after it has woken up, and a line is written later in that pass.
/// So a line has the time in nanoseconds and how long the pass had lasted, `TIME-LASTED`, and where a
/// deadline lies between the two it may have come or not. All else is exact. Then come a word, and mostly a
/// client:
///
///     rules LEASE SESSION_TIMEOUT MAX_ATTEMPTS       the first one; times in ms
///     opened NUMBER ADMITTED ACKED DEAD              of a queue on disk; for crash_checker.hpp only
///     tick                                           the process is running
///     hello CLIENT consumer|other                    a session begins
///     keep CLIENT RANGE...                           what a consumer's HELLO names (after its outcomes)
///     welcome CLIENT RANGE...                        what it named and does not hold any more
///     put CLIENT NUMBER KEY BODY                     KEY is - for none
///     stored|duplicate|refused CLIENT RANGE...
///     deliver CLIENT D SEQ ATTEMPTS BODY
///     settle CLIENT OUTCOME RANGE...
///     settled CLIENT APPLIED STALE
///     safe CLIENT OUTCOME RANGE...                   it says that these are committed; for crash_checker.hpp
///     only extend CLIENT RANGE...                         all but these heard CLIENT, bye CLIENT, over
///     CLIENT CODE cut CLIENT                                     a send to it failed: its session is over,
///     or is about to be dead WHY BODY                                  a dead letter, when all is over end
///     ADMITTED ACKED LATE_ACKS DEAD LIVE
class replay {
public:
    /// What the consumers' and producers' own records are compared with.
    struct delivery {
        std::string client, body;
        std::uint64_t seq = 0;
        std::int64_t renewed = 0;
        bool open = true;                 ///< Neither settled nor known to have ended.
        bool maybe_lost = false;          ///< Its lease or its session may have ended.
        bool maybe_settled = false;       ///< By an outcome that came as its session ended.
        std::set<std::string> said = {};  ///< Outcomes that came for it.
    };
    struct message {
        std::string key = "-";
        std::uint64_t seq = 0, d = 0;  ///< 0: was not delivered yet.
        unsigned deliveries = 0,
                 failures = 0;  ///< Failures: retries and losses, which may have been charged.
        unsigned retries = 0;
        bool acked = false, rejected = false;  ///< For certain.
        bool maybe_ended = false;              ///< By an outcome that may have come too late.
        bool dead = false, stored = false;
        [[nodiscard]] bool ended() const noexcept { return acked || rejected || maybe_ended || dead; }
    };
    struct totals {
        std::uint64_t admitted = 0, acked = 0, late_acks = 0, dead = 0, live = 0, lost = 0;
    };

    void line(std::string_view text);
    /// To be called once after the last line.
    void finish();

    std::map<std::uint64_t, delivery> deliveries;  ///< By D.
    std::map<std::string, message> messages;       ///< By body.
    std::vector<std::string> faults;
    std::uint64_t repeats = 0, resumed = 0;
    std::int64_t stood_still = 0;  ///< ns
    bool ended = false;
    totals end;

private:
    struct holder {
        bool consumer = false;
        std::int64_t heard = 0;
        bool maybe_forgotten = false;
        bool cut = false;
        std::uint64_t applied_least = 0, applied_most = 0;  ///< In its session.
        std::map<std::uint64_t, std::string> put;           ///< A producer's, by number.
        std::set<std::uint64_t> open;                       ///< A consumer's deliveries.
    };
    struct range {
        std::uint64_t first, last;
    };

    void fault(const std::string& what);
    void hear(holder& h);
    void close(holder& h, std::uint64_t d);
    void keep(holder& h, const std::vector<range>& named);
    void deliver(const std::string& client, std::uint64_t d, std::uint64_t seq, unsigned attempts,
                 std::string body);
    void settle(holder& h, const std::string& outcome, const std::vector<range>& all);
    void settle_one(holder& h, const std::string& outcome, std::uint64_t d);
    void in_line(const std::string& body, const message& m);
    void decided(holder& h, const std::string& how, const std::vector<range>& all);
    void dead_letter(const std::string& why, const std::string& body);

    std::int64_t lease_ = 0, timeout_ = 0, last_ = 0;
    // Both without the time that the process stood still.
    std::int64_t now_ = 0, woke_ = 0;
    unsigned max_attempts_ = 0;
    std::uint64_t last_d_ = 0, lines_ = 0, perhaps_late_ = 0;
    std::map<std::string, holder> holders_;
    std::map<std::uint64_t, std::string> by_seq_;
    std::map<std::string, std::deque<std::string>> keys_;  ///< What is not settled, in the order of the puts.
};

}  // namespace proof
