#pragma once

// The model: what a store that is read back must show (I15), rebuilt from the commits alone.

#include "queue_model.hpp"

namespace queue_model {

/// One queue as its commits say it is.
class replayed {
public:
    struct message_row {
        std::uint64_t record;
        std::string body, head;
        std::uint16_t attempts = 0;
        bool suspect = false;
    };
    std::map<std::uint64_t, message_row> messages;  ///< By seq.
    std::map<id128, producer_row> producers;
    leat::queue_counts counts;
    std::uint64_t next_seq = 0;

    /// At the start of a commit: what it names may go on meanwhile.
    void read(const commit_batch& batch) {
        flying_ = batch;
        stored_.clear();
        for (const auto& part : batch.parts) {
            for (auto i = part.begin; i < part.end; ++i) {
                const bool gone = part.rec->tag_of(i) == tag_gone;
                stored_.push_back({part.rec->seq(i),
                                   i,
                                   {part.rec->number(), gone ? "" : as_text(part.rec->body(i)),
                                    gone ? "" : as_text(part.rec->head(i))}});
            }
        }
    }

    /// It was good.
    void apply() {
        const auto& batch = flying_;
        for (const auto& one : stored_) {
            seqs_[{one.row.record, one.i}] = one.seq;
            messages[one.seq] = one.row;
        }
        for (const auto& row : batch.touched) {
            const auto found = messages.find(row.seq);
            if (found == messages.end()) continue;
            found->second.attempts = row.attempts;
            found->second.suspect = row.suspect;
        }
        for (const auto& range : batch.gone) {
            for (auto i = range.first; i <= range.last; ++i) messages.erase(seqs_[{range.record, i}]);
        }
        for (const auto& row : batch.producers) {
            if (row.forgotten) {
                producers.erase(row.id);
            } else {
                producers[row.id] = row;
            }
        }
        for (const auto record : batch.emptied) {
            const bool left = std::any_of(messages.begin(), messages.end(),
                                          [&](const auto& m) { return m.second.record == record; });
            if (left) fault = "a record is said to be empty and is not";
        }
        counts = batch.counts;
        next_seq = batch.next_seq;
    }

    std::string fault;

private:
    struct stored {
        std::uint64_t seq;
        std::uint32_t i;
        message_row row;
    };
    std::vector<stored> stored_;
    commit_batch flying_;
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint64_t> seqs_;
};

/// What the model says at the start of a commit, to be compared once that is good.
class snapshot {
public:
    explicit snapshot(const model& of) {
        for (const auto& m : of.all) {
            if (of.live(m)) live_.push_back(m);
        }
        for (const auto i : of.letters) letters_.insert(of.all[static_cast<std::size_t>(i)].body);
        for (const auto& p : of.producers) {
            if (p.handle != none) producers_.push_back(p);
        }
    }

    [[nodiscard]] std::string differs(const replayed& is, const replayed& dead, bool rows) const {
        if (!is.fault.empty()) return is.fault;
        if (!dead.fault.empty()) return dead.fault;
        if (is.messages.size() != live_.size()) return "I15: other messages are stored";
        for (const auto& m : live_) {
            const auto found = is.messages.find(m.seq);
            if (found == is.messages.end()) return "I15: seq " + std::to_string(m.seq) + " is not stored";
            const auto& row = found->second;
            if (row.body != m.body || row.head != m.head) return "I15: another body";
            if (m.is == phase::doomed) continue;
            if (row.attempts != m.attempts || row.suspect != m.suspect)
                return "I15: seq " + std::to_string(m.seq) + " has " + std::to_string(row.attempts) +
                       " attempts, suspect " + std::to_string(row.suspect);
        }
        std::multiset<std::string> letters;
        for (const auto& [seq, row] : dead.messages) letters.insert(row.body);
        if (letters != letters_) return "I15: other letters are stored";
        const auto& c = is.counts;
        const auto gone = c.acked + c.expired + c.overflow + c.purged + c.discarded + c.dead_sum();
        if (c.admitted != live_.size() + gone + c.failed) return "I1: what is stored does not add up";
        for (const auto& p : producers_) {
            if (!rows) break;
            const auto found = is.producers.find(p.id);
            if (found == is.producers.end()) {
                if (p.received > 0) return "U1: a producer has no row";
                continue;
            }
            std::set<std::uint64_t> want, has;
            for (const auto& [n, v] : p.decided) {
                if (n >= p.floor && v.first == verdict::refused) want.insert(n);
            }
            for (const auto& one : p.open) {
                if (one.number >= p.floor && one.what == verdict::refused) want.insert(one.number);
            }
            for (const auto& r : found->second.refused) {
                for (auto n = std::max(r.first, p.floor); n <= r.last; ++n) has.insert(n);
            }
            if (found->second.last != p.received || want != has) return "U1: a producer's row";
        }
        return {};
    }

private:
    std::vector<message_of> live_;
    std::multiset<std::string> letters_;
    std::vector<producer_of> producers_;
};

}  // namespace queue_model
