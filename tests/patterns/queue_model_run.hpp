#pragma once

#include "queue_model_ends.hpp"
#include "queue_model_sets.hpp"

#include "support/temporary_directory.hpp"

#include <leat/queue/store_contents.hpp>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>

namespace queue_model {

/// A random sequence of operations, on the engine and on the model.
class run {
public:
    run(const rule_set& set, std::uint64_t seed) : set_(set), random_(seed) {
        auto rules = basic();
        set.change(rules);
        rules.durability = rules.durability.value_or(leat::durability::memory);
        model_.rules = rules.resolved(false);
        model_.at_once = rules.durability != leat::durability::commit;
        model_.immediate = !set.slow;
        model_.q = 1000 * second;
        store_.told = sink_.told = &model_;
        store_.at_once = !set.slow;
        reader_.told = &model_;
        if (set.disk) directory_.emplace(support::temporary_directory::in_memory());
        open(seed);
        model_.consumers.resize(5);
        for (std::uint64_t i = 0; i < 5; ++i) model_.consumers[i].id = {1, i + 1};
        model_.producers.resize(3);
        for (std::uint64_t i = 0; i < 3; ++i) model_.producers[i].id = {2, i + 1};
        if (set.disk) store_.committed = model_;
        engine_->begin_pass(now_);
    }

    /// Returns what was wrong, and nothing if nothing was.
    std::string steps(std::uint64_t n) {
        for (std::uint64_t i = 0; i < n && model_.fault.empty();) i += pass();
        return model_.fault;
    }
    [[nodiscard]] const leat::queue_counts& counts() const { return engine_->counts(); }
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_->path(); }
    /// See `test_store`.
    void fail_by(std::function<bool(bool)> failing) { store_.failing = std::move(failing); }
    [[nodiscard]] std::uint64_t openings() const { return store_.disk->identity().openings; }

private:
    void open(std::uint64_t seed) {
        opening begin{.salt = 7, .qt = model_.q, .now = now_, .seed = seed};
        disk_store::queues found;
        if (directory_) {
            constexpr std::array<std::uint64_t, 3> journals{0, 50'000, 1 << 20};
            look();
            store_.disk =
                std::make_unique<disk_store>(disk_store_options{.directory = directory_->path(),
                                                                .name = "work",
                                                                .map_size = 1 << 28,
                                                                .reserve = 1 << 20,
                                                                .journal = journals[seed % 3],
                                                                .retry = std::chrono::milliseconds{1},
                                                                .id_span = model_.rules.dedup_window.count(),
                                                                .ids = model_.rules.dedup_ids});
            begin.hash_key = store_.disk->identity().hash_key;
            found = store_.disk->take_recovered();
        }
        engine_ = std::make_unique<engine>(model_.rules, store_, sink_, begin);
        if (directory_) engine_->bound_warm(chance(50) ? 3000 : 0);
        if (directory_) engine_->bound_dead(chance(70) ? 0 : 4096);  // P4
        if (directory_) engine_->recover(std::move(found[0]), std::move(found[1]));
        if (set_.events > 0) engine_->bound_passes(set_.events);
        model_.jitter.seed(seed);
        sink_.from = engine_.get();
        sink_.committed_to = 0;
        if (set_.reader) engine_->dead()->speak_to(reader_);
        reader_.held.clear();
    }

    /// Whatever a crash leaves, `leat store verify` finds nothing wrong with it.
    void look() {
        if (!std::filesystem::exists(directory_->path() / "data.mdb")) return;
        const auto found = leat::read_store(directory_->path());
        if (!found.damages.empty()) model_.fault = "the store: " + found.damages.front();
    }

    /// All that is not on disk is gone.
    void crash() {
        engine_.reset();
        store_.crash();
        store_.accepts = true;
        const auto later = static_cast<ticks>(chance(30) ? below(5000) : 0) * ms;
        const auto now = model_.q + later;
        now_ += later;
        model_ = *store_.committed;
        model_.reopen(now);
        open(random_());
        engine_->begin_pass(now_);
    }

    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    bool chance(std::uint64_t percent) { return below(100) < percent; }

    std::uint64_t pass() {
        auto later = static_cast<ticks>(chance(1) ? below(5000) : chance(20) ? below(400) : below(40)) * ms;
        if (set_.by_deadline && chance(70)) {
            const auto until = std::max<ticks>(0, engine_->next_deadline() - now_);
            if (until < second) later = until;
        }
        now_ += later;
        model_.begin_pass(later);
        if (store_.under_way && chance(40)) {
            store_.answer_now = true;
            if (!store_.disk) store_.good = chance(80);
            model_.commit_ended(store_.good);
        }
        engine_->begin_pass(now_);
        if (set_.disk) {
            store_.next_good = chance(80);
            if (chance(2) && !store_.unsure) crash();
        }
        std::uint64_t done = 1;
        if (set_.reader) read_letters();
        for (auto n = below(12); n > 0; --n, ++done) operation();
        model_.run_timers();
        run_timers();
        if (!model_.expect_lost.empty()) model_.wrong("a lost consumer was not told");
        if (chance(2)) pauses();
        if (chance(10)) resume();
        for (auto n = below(crowded_ ? 4 : 2); n > 0; --n, ++done) put();
        if (chance(1)) crowded_ = chance(40);
        model_.finish_puts();
        for (int n = 0; !engine_->hand_out() && model_.fault.empty(); ++n) {
            if (set_.events == 0 || n > 1000) model_.wrong("hand_out has more to do");
            engine_->begin_pass(now_);
            model_.run_timers();
            run_timers();
        }
        if (set_.reader) static_cast<void>(engine_->dead()->hand_out());
        model_.check(*engine_, true);
        if (model_.fault.empty() && engine_->next_deadline() <= now_) late_deadline();
        if (const auto next = model_.next_event(); next != never && engine_->next_deadline() > now_ + next)
            model_.wrong("a deadline is missing: something happens in " + std::to_string(next) + " ns");
        return done;
    }

    void run_timers() {
        for (int n = 0; !engine_->run_timers() && model_.fault.empty(); ++n) {
            if (set_.events == 0 || n > 1000) model_.wrong("so little is more than a pass can do");
            engine_->begin_pass(now_);
        }
    }

    /// A deadline that has come means work for the next pass at this same time.
    void late_deadline() {
        if (!store_.under_way) model_.wrong("the next deadline has passed already");
    }

    /// X2
    void read_letters() {
        auto& dead = *engine_->dead();
        reader_handle_ = dead.hello({5, 5}, std::vector<number_range>{{1, ~std::uint64_t{0}}}).holder;
        dead.extend(reader_handle_);
        dead.grant(reader_handle_, below(4), ~std::uint64_t{0});
        while (!reader_.held.empty() && chance(60)) {
            const auto d = reader_.held.front();
            reader_.held.erase(reader_.held.begin());
            const auto what = chance(30)   ? outcome::ack
                              : chance(30) ? outcome::release
                              : chance(50) ? outcome::retry
                                           : outcome::reject;
            const number_range r{d, d};
            model_.settle_letter(d, what);
            static_cast<void>(dead.settle(reader_handle_, what, std::span{&r, 1}));
        }
    }

    void operation() {
        const auto c = static_cast<int>(below(model_.consumers.size()));
        auto& by = model_.consumers[static_cast<std::size_t>(c)];
        if (by.known && !by.live && chance(40)) {  // late outcomes of a lost one (W6)
            settle(c, chance(80) ? outcome::ack : outcome::retry);
            return;
        }
        if (!by.known || !by.live) {
            if (chance(80)) hello(c);
            return;
        }
        switch (below(14)) {
            case 0:
            case 1: {
                const auto more = 1 + below(chance(30) ? 40 : 6);
                by.granted = std::max(by.granted, by.given + more);
                engine_->grant(by.handle, by.granted, ~std::uint64_t{0});
                break;
            }
            case 2:
            case 3:
                hear(c);
                break;
            case 4:
                if (chance(30)) extend(c);
                break;
            case 5:
                if (chance(static_cast<std::uint64_t>(set_.losses))) {
                    model_.lose(c);
                    engine_->lose(by.handle);
                }
                break;
            case 6:
                if (chance(8)) bye(c);
                break;
            case 7:
                if (chance(10)) hello(c);
                break;
            case 8:
                if (chance(static_cast<std::uint64_t>(3 * set_.losses))) settle(c, std::nullopt);
                break;
            default:
                settle(c, chance(60)   ? outcome::ack
                          : chance(40) ? outcome::release
                          : chance(60) ? outcome::retry
                                       : outcome::reject);
                hear(c);
        }
    }

    void hear(int c) {
        auto& by = model_.consumers[static_cast<std::size_t>(c)];
        by.heard = model_.q - model_.stalled;
        by.heard_turn = ++model_.turns;
        engine_->heard(by.handle);
    }

    void hello(int c) {
        auto& by = model_.consumers[static_cast<std::size_t>(c)];
        std::vector<number_range> keeps;
        std::set<std::uint64_t> kept;
        const bool was_live = by.known && by.live;
        for (const auto i : model_.in_order_of_d(c)) {
            const auto d = model_.all[static_cast<std::size_t>(i)].d;
            if (chance(50)) {
                keeps.push_back({d, d});
                kept.insert(d);
            }
        }
        std::set<std::uint64_t> gone;
        if (chance(30) && model_.last_d > 0) {
            const auto d = 1 + below(model_.last_d + 2);
            if (!kept.contains(d)) {
                keeps.push_back({d, d});
                const bool mine = std::any_of(model_.all.begin(), model_.all.end(), [&](const auto& m) {
                    return m.is == phase::held && m.d == d && m.consumer == c;
                });
                if (mine) {
                    kept.insert(d);
                } else {
                    gone.insert(d);
                }
            }
        }
        if (was_live) {
            for (const auto i : model_.in_order_of_d(c)) {
                auto& m = model_.all[static_cast<std::size_t>(i)];
                if (!kept.contains(m.d)) model_.apply(m, outcome::release, {});
            }
        } else {
            by.order = ++model_.hellos;
            by.standby = model_.rules.exclusive;
        }
        for (auto l = by.lost.begin(); l != by.lost.end();) {  // D3, row 11
            const auto& m = model_.all[static_cast<std::size_t>(l->second.first)];
            l->second.second = false;
            l = model_.live(m) && m.d == l->first && m.lost ? std::next(l) : by.lost.erase(l);
        }
        by.known = by.live = true;
        by.granted = by.given = 0;
        by.heard = model_.q - model_.stalled;
        by.heard_turn = ++model_.turns;
        model_.choose_active();
        const auto result = engine_->hello(by.id, keeps);
        by.handle = result.holder;
        std::set<std::uint64_t> said;
        for (const auto& r : result.gone) {
            for (auto d = r.first; d <= r.last; ++d) said.insert(d);
        }
        if (said != gone) model_.wrong("W6: HELLO names the wrong ones as gone");
    }

    void bye(int c) {
        auto& by = model_.consumers[static_cast<std::size_t>(c)];
        for (const auto i : model_.in_order_of_d(c)) {
            model_.apply(model_.all[static_cast<std::size_t>(i)], outcome::release, {});
        }
        if (model_.active == c) model_.active = -1;
        engine_->bye(by.handle);
        const auto id = by.id;
        by = consumer_of{};
        // Another process: messages must not think that it has lost them.
        by.id = {id.high + 10, id.low};
        for (auto& m : model_.all) {
            if (m.consumer == c) m.consumer = -1;
        }
        model_.choose_active();
    }

    void extend(int c) {
        auto& by = model_.consumers[static_cast<std::size_t>(c)];
        std::vector<number_range> except;
        for (const auto i : model_.in_order_of_d(c)) {
            auto& m = model_.all[static_cast<std::size_t>(i)];
            if (chance(10)) {
                except.push_back({m.d, m.d});
                continue;
            }
            m.renewed = model_.q - model_.stalled;
            m.renewal = ++model_.renewals;
        }
        engine_->extend(by.handle, except);
    }

    void settle(int c, std::optional<outcome> what) {
        auto& by = model_.consumers[static_cast<std::size_t>(c)];
        std::vector<std::uint64_t> known;
        for (const auto i : model_.in_order_of_d(c))
            known.push_back(model_.all[static_cast<std::size_t>(i)].d);
        for (const auto& l : by.lost) known.push_back(l.first);
        std::vector<number_range> ranges(chance(70) ? 1 : 1 + below(4));
        for (auto& r : ranges) {
            r.first = 1 + below(model_.last_d + 3);
            if (!known.empty() && !chance(3)) r.first = known[below(known.size())];
            r.last = r.first + (chance(30) ? below(20) : chance(5) ? below(500) : 0);
        }
        std::optional<ticks> delay;
        if (what == outcome::retry && chance(30)) delay = static_cast<ticks>(below(3000)) * ms;
        model_.settle(c, what, ranges, delay);
        if (what) {
            static_cast<void>(engine_->settle(by.handle, *what, ranges, delay, "no"));
        } else {
            static_cast<void>(engine_->give_up(by.handle, ranges));
        }
    }

    void pauses() {
        switch (below(7)) {
            case 0:
                engine_->pause_takes(model_.takes_paused = !model_.takes_paused && chance(50));
                break;
            case 1:
                engine_->pause_puts(model_.puts_paused = !model_.puts_paused && chance(50));
                break;
            case 2:
                engine_->drain(model_.draining = !model_.draining && chance(30));
                break;
            case 3:
                store_.accepts = model_.accepts = !model_.accepts || chance(70);
                break;
            case 4:
                if (chance(40)) {
                    const auto is = engine_->purge(), want = model_.purge();
                    if (is != want)
                        model_.wrong("L10: purged " + std::to_string(is) + ", should be " +
                                     std::to_string(want));
                }
                break;
            case 5: {
                if (engine_->dead() == nullptr) break;
                model_.check_letters(*engine_);
                letter_filter which;
                if (chance(50)) which.why = static_cast<death>(below(leat::deaths));
                const auto most = chance(50) ? below(5) : 1000;
                const auto moved = model_.redrive(which.why, most);
                const auto is = engine_->redrive(which, most).moved;
                if (is != moved)
                    model_.wrong("X5: redrive moved " + std::to_string(is) + ", should be " +
                                 std::to_string(moved));
                break;
            }
            case 6:
                if (engine_->dead() == nullptr || chance(50)) break;
                model_.purge_letters();
                engine_->dead()->purge();
                break;
        }
    }

    void resume() {
        engine_->pause_takes(model_.takes_paused = false);
        engine_->pause_puts(model_.puts_paused = false);
        engine_->drain(model_.draining = false);
        store_.accepts = model_.accepts = true;
    }

    void put() {
        const auto p = static_cast<int>(below(model_.producers.size()));
        auto& by = model_.producers[static_cast<std::size_t>(p)];
        if (by.handle == none || !by.connected || chance(1)) return producer_hello(p);
        if (chance(1)) return producer_bye(p);
        if (by.in_order && chance(10)) set_in_order(by);
        // Half the frames are large enough to be shared.
        const auto n = 1 + below(chance(10) ? 8 : 2);
        const bool large = chance(20);
        std::string frame;
        std::vector<put_item> items(n);
        std::vector<std::string> bodies(n), heads(n), keys(n), ids(n);
        std::vector<custody_mark> marks(n);
        for (std::size_t i = 0; i < n; ++i) {
            bodies[i] = std::to_string(++made_) + std::string(below(large       ? 5'500
                                                                    : chance(5) ? 6'500
                                                                                : 120),
                                                              'x');
            if (chance(20)) heads[i] = "h" + std::to_string(made_);
            if (set_.keys > 0 && chance(60))
                keys[i] = "k" + std::to_string(below(static_cast<std::uint64_t>(set_.keys)));
            if (chance(static_cast<std::uint64_t>(set_.ids))) ids[i] = "i" + std::to_string(below(30));
            frame += bodies[i];
        }
        leat::message block{frame};
        std::size_t at = 0;
        for (std::size_t i = 0; i < n; ++i) {
            auto& item = items[i];
            item.body = block.view().subspan(at, bodies[i].size());
            at += bodies[i].size();
            item.head = queue_rig::as_bytes(heads[i]);
            item.key = keys[i];
            item.id = ids[i];
            if (chance(15)) item.mark = &(marks[i] = made_of());
            item.priority = static_cast<std::uint8_t>(chance(70) ? 4 : below(10));
            if (chance(static_cast<std::uint64_t>(set_.delays)))
                item.delay = static_cast<ticks>(below(1500)) * ms;
            if (chance(static_cast<std::uint64_t>(set_.delays)))
                item.ttl = static_cast<ticks>(below(4000)) * ms;
            if (chance(static_cast<std::uint64_t>(set_.delays) / 2))
                item.at = model_.q + static_cast<ticks>(below(1500)) * ms - 300 * ms;  // T4
            if (chance(1)) item.priority = 10;
        }
        auto first = by.received + by.parked + 1;
        std::uint64_t again = 0;
        if (chance(3) && first > by.floor) {  // sent twice
            again = std::min<std::uint64_t>(n, first - by.floor);
            first -= again;
        }
        const auto before = by.received + by.parked;
        const auto expect_answers = std::min(again, answered(by, first, before));
        const auto answered_before = model_.repeats_answered;
        for (std::size_t i = again; i < n; ++i) model_.put(p, items[i], bodies[i], heads[i]);
        if (engine_->put(by.handle, first, by.floor, items, &block) != put_status::taken)
            model_.wrong("U1: a put in sequence");
        if (model_.repeats_answered - answered_before != expect_answers)
            model_.wrong("U2: repeats are not answered");
        if (chance(1) && engine_->put(by.handle, by.received + by.parked + 2, by.floor, items) !=
                             put_status::out_of_sequence) {
            model_.wrong("U1: a gap in the sequence is taken");
        }
        if (chance(20))
            by.floor = std::max(by.floor, by.open.empty() ? by.received + 1 : by.open.front().number);
    }

    /// Of the numbers sent again, those that have their verdict.
    static std::uint64_t answered(const producer_of& by, std::uint64_t first, std::uint64_t last) {
        std::uint64_t n = 0;
        for (auto i = first; i <= last; ++i) n += by.decided.contains(i) ? 1U : 0U;
        return n;
    }

    /// Two sources, of which messages end now and then.
    custody_mark made_of() {
        const auto source = below(2);
        auto& floor = source_floors_[source];
        floor += chance(15) ? below(4) : 0;
        const auto seq = chance(5) ? below(floor + 1) : floor + below(40);
        return {{{source, 1}, {2, 3}, 4}, seq, floor};
    }

    void producer_hello(int p) {
        auto& by = model_.producers[static_cast<std::size_t>(p)];
        if (by.connected) {
            std::erase_if(model_.parked, [&](const auto& one) { return one.producer == p; });
            by.parked = 0;
            if (chance(50)) engine_->producer_gone(by.handle);
        }
        const auto welcome = engine_->hello_producer(by.id, by.floor);
        if (by.handle != none && (!welcome.known || welcome.rolled_back))
            model_.wrong("U2: a producer is forgotten");
        const auto want = by.open.empty() ? by.received : by.open.front().number - 1;
        if (welcome.decided != want) model_.wrong("U2: WELCOME tells another number");
        std::set<std::uint64_t> refused, said;
        for (const auto& [n, v] : by.decided) {
            if (n >= by.floor && v.first == verdict::refused) refused.insert(n);
        }
        for (const auto& r : welcome.refused) {
            for (auto n = r.first; n <= r.last; ++n) said.insert(n);
        }
        if (said != refused) model_.wrong("U2: WELCOME names other refused numbers");
        by.handle = welcome.producer;
        by.connected = true;
        by.in_order = by.refused_before = false;
        if (set_.in_order && chance(70)) set_in_order(by);
    }

    /// Also RESUME: what is refused and could not be told yet still stands in the way.
    void set_in_order(producer_of& by) {
        by.in_order = true;
        by.refused_before = std::any_of(by.open.begin(), by.open.end(), [](const auto& one) {
            return one.what == verdict::refused && kind_of(one.why) != leat::refusal_kind::final;
        });
        engine_->set_in_order(by.handle, true);
    }

    /// U3
    void producer_bye(int p) {
        auto& by = model_.producers[static_cast<std::size_t>(p)];
        std::erase_if(model_.parked, [&](const auto& one) { return one.producer == p; });
        by.parked = 0;
        by.connected = false;
        engine_->producer_bye(by.handle);
        if (!by.open.empty()) return;
        const auto id = by.id;
        by = producer_of{};
        by.id = {id.high + 10, id.low};
    }

    const rule_set& set_;
    std::mt19937_64 random_;
    model model_;
    test_store store_;
    told_sink sink_;
    letter_sink reader_;
    std::uint32_t reader_handle_ = none;
    std::optional<support::temporary_directory> directory_;
    std::unique_ptr<engine> engine_;
    bool crowded_ = false;
    ticks now_ = 77 * second;
    std::uint64_t made_ = 0;
    std::array<std::uint64_t, 2> source_floors_{1, 1};
};

}  // namespace queue_model
