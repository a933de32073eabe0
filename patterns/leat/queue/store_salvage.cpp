#include <leat/queue/store_salvage.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/directory_lock.hpp>
#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/store_survey.hpp>
#include <leat/queue/detail/table_handles.hpp>

#include <algorithm>
#include <chrono>
#include <random>
#include <span>

namespace leat {
namespace {

using namespace detail::queueing;
namespace lmdb = detail::lmdb;
using lmdb::page_file;
using bytes = page_file::bytes;

constexpr std::uint64_t bytes_a_commit = 64 << 20;

bytes bytes_of(const std::string& text) {
    return std::as_bytes(std::span{text});
}

/// A store under construction.
class new_store {
public:
    new_store(const std::filesystem::path& directory, std::uint64_t size)
        : env_(directory, MDB_NOTLS, std::max(std::uint64_t{64} << 30, 4 * size)) {
        begin();
        tables_.open(*in_);
        commit();
        begin();
    }

    void put(table_id table, bytes key, bytes value) {
        row_.assign(value.begin(), value.end());
        if (table != id_of(0, rows_of::records) && table != id_of(1, rows_of::records)) seal_row(key, row_);
        in_->put(tables_[table], key, row_);
        unwritten_ += key.size() + value.size();
        if (unwritten_ < bytes_a_commit) return;
        commit();
        begin();
    }
    void commit() {
        in_->commit();
        in_.reset();
        unwritten_ = 0;
    }

private:
    void begin() { in_.emplace(env_); }

    lmdb::environment env_;
    std::optional<lmdb::transaction> in_;
    table_handles tables_;
    octets row_;
    std::uint64_t unwritten_ = 0;
};

class salvage {
public:
    salvage(const std::filesystem::path& from, const std::filesystem::path& to)
        : from_(from),
          file_(from / "data.mdb", tell_),
          meta_(read_meta(file_, tell_)),
          over_(from, meta_, tell_),
          to_(to, file_.size()) {}

    void run(const std::string& name) {
        auto identity = identity_of(meta_, name);
        for (auto* one : {&queue_, &dead_}) one->read(meta_);
        file_.check_rest(tell_);
        find_lost();
        for (auto* one : {&queue_, &dead_}) one->check();
        put_states();
        identity.clean = false;
        octets row;
        encode(row, identity);
        to_.put(meta_table, bytes_of("format"), encode_format());
        to_.put(meta_table, bytes_of("queue"), row);
        to_.commit();
        told.queue = identity.name;
        told.producers = queue_.producers;
        told.ids = queue_.ids;
    }

    store_salvage told;

private:
    [[noreturn]] void refuse(const std::string& why) const {
        throw error{errc::store_unreadable, "the store " + from_.string() + ": " + why};
    }

    store_identity identity_of(const meta_rows& meta, const std::string& name) {
        if (const auto format = meta.find("format"); format == meta.end()) {
            told.damages.emplace_back("meta: what says its format, is lost");
        } else if (const auto why = unknown_format(format->second); !why.empty()) {
            refuse(why);
        }
        const auto row = meta.find("queue");
        auto known = row == meta.end() ? std::nullopt : decode_identity(row->second);
        if (known && !name.empty() && known->name != name)
            refuse("it is of the queue " + known->name + ", not of " + name);
        if (known) return *known;
        told.damages.emplace_back("meta: what says whose it is, is lost");
        if (name.empty()) refuse("what says whose it is, is lost: it needs to be told its name");
        std::random_device device;
        const auto random = [&] { return std::uint64_t{device()} << 32 | device(); };
        // Fences must grow, so its openings are counted from a number that it cannot have had.
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        return {.queue = {random(), random()},
                .hash_key = {random(), random()},
                .name = name,
                .openings = static_cast<std::uint64_t>(
                    std::chrono::duration_cast<std::chrono::seconds>(now).count())};
    }

    /// Pages do not say of which table they are, but when one queue alone misses records they are of that.
    void find_lost() {
        if (queue_.records_missing() == dead_.records_missing()) return;
        auto& to = queue_.records_missing() ? queue_ : dead_;
        file_.each_lost([&](auto key, auto value) { to.add_lost(key, value); });
    }

    void put_states() {
        const bool counted = queue_.state() && dead_.state();
        auto queue = state_of(queue_, counted), dead = state_of(dead_, counted);
        told.messages = account(queue_, queue.counts, false, counted);
        told.dead_letters = account(dead_, dead.counts, true, counted);
        if (over_.damaged()) {  // so the counts are older, too
            told.messages.lost.reset();
            told.dead_letters.lost.reset();
        }
        if (!counted) {  // I1, from the beginning
            queue.counts.admitted += dead.counts.admitted;
            queue.counts.confirmed = queue.counts.admitted;
            queue.counts.dead.front() = dead.counts.admitted;
        }
        queue.counts.dead.front() += told.dead_letters.again;
        queue.counts.admitted += told.dead_letters.again;
        put_state("0.state", queue);
        put_state("1.state", dead);
    }

    static store_state state_of(const store_survey& in, bool counted) {
        auto state = in.state().value_or(store_state{.qt = in.latest});
        if (!counted) state.counts = {};
        state.next_seq = std::max(state.next_seq, in.next_seq);
        return state;
    }

    /// What is lost, and makes the counts say so (I1).
    /// What comes again is admitted again.
    salvaged_messages account(const store_survey& in, queue_counts& counts, bool dead, bool counted) {
        salvaged_messages all{.saved = in.found.messages, .bytes = in.found.bytes};
        std::uint64_t lost = 0;
        bool known = !in.records_missing();
        for (const auto& one : in.lost) {
            lost += one.messages.value_or(0);
            known = known && one.messages;
            told.records.push_back(one);
        }
        if (!counted) {
            counts.admitted = all.saved;
            if (known) {
                all.lost = lost;
            } else {
                all.lost.reset();
            }
            return all;
        }
        const auto said = live_by_counts(counts, dead);
        if (said > all.saved) lost = std::max(lost, said - all.saved);
        all.lost = lost;
        all.again = all.saved + lost - said;
        counts.purged += lost;
        counts.admitted += all.again;
        return all;
    }

    void put_state(const std::string& row, const store_state& state) {
        octets value;
        encode(value, state);
        to_.put(meta_table, bytes_of(row), value);
    }

    const std::filesystem::path from_;
    const page_file::damage tell_ = [this](const std::string& what) { told.damages.push_back(what); };
    page_file file_;
    meta_rows meta_;
    journal_rows over_;
    new_store to_;
    const store_survey::keeper keep_ = [this](table_id table, bytes key, bytes value) {
        to_.put(table, key, value);
    };
    store_survey queue_{file_, over_, 0, true, told.damages, keep_},
        dead_{file_, over_, 1, true, told.damages, keep_};
};

}  // namespace

store_salvage salvage_store(const std::filesystem::path& from, const std::filesystem::path& to,
                            const std::string& name) {
    const auto fail = [](const std::filesystem::path& where, const std::string& why) {
        throw error{errc::store_failed, where.string() + ": " + why};
    };
    std::error_code ignored;
    if (!std::filesystem::exists(from / "data.mdb", ignored))
        throw error{errc::store_unreadable, from.string() + " has no queue in it"};
    const directory_lock of_old{from};
    bool mine = false;
    try {
        if (std::filesystem::exists(to) && !std::filesystem::is_empty(to)) fail(to, "it is not empty");
        std::filesystem::create_directories(to);
        mine = true;
        const directory_lock of_new{to};
        salvage all{from, to};
        all.run(name);
        return std::move(all.told);
    } catch (...) {
        for (const auto* file : {"data.mdb", "lock.mdb", "lock"}) {
            if (mine) std::filesystem::remove(to / file, ignored);
        }
        try {
            throw;
        } catch (const lmdb::failure& e) {
            fail(to, e.what());
        } catch (const std::filesystem::filesystem_error& e) {
            fail(to, e.code().message());
        }
        throw;
    }
}

}  // namespace leat
