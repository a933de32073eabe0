#include <leat/queue/detail/staged_rows.hpp>

#include <leat/queue/detail/octets.hpp>

#include <algorithm>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::uint64_t page = 4096;

/// What a value takes in a file of pages, about: a large one has pages of its own.
std::uint64_t room_of(std::uint64_t size) noexcept {
    return size > page / 4 ? size + page : 2 * size + 64;
}

}  // namespace

row_place::row_place(table_id of, std::span<const std::byte> key) : table(of) {
    if (has_number_keys(of)) {
        number = octet_reader{key}.number<std::uint64_t>();
    } else {
        name.assign(key.begin(), key.end());
    }
}

std::span<const std::byte> row_place::key() const noexcept {
    return has_number_keys(table) ? lmdb::bytes_of_key(number) : std::span{name};
}

void staged_rows::look_at(const lmdb::environment& env) {
    if (!file_) file_.emplace(env, MDB_RDONLY);
}

bool staged_rows::in_file(const row_place& at) {
    return file_->get(tables_[at.table], at.key()).has_value();
}

std::optional<staged_rows::bytes> staged_rows::value_of(const row& of) {
    if (std::holds_alternative<erased>(of)) return {};
    if (const auto* here = std::get_if<std::vector<std::byte>>(&of)) return bytes{*here};
    if (const auto* lent = std::get_if<bytes>(&of)) return *lent;
    const auto& where = std::get<journal_place>(of);
    read_.resize(where.size);
    journal_.read(where, read_);
    return bytes{read_};
}

std::optional<staged_rows::bytes> staged_rows::get(table_id table, bytes key) {
    const row_place at{table, key};
    for (const auto* some : {&now_, &kept_}) {
        if (const auto known = some->find(at); known != some->end()) return value_of(known->second);
    }
    return file_->get(tables_[table], key);
}

bool staged_rows::empty(table_id table) {
    const auto has = [&](const rows& some) {
        const auto first = some.lower_bound(row_place{table, {}});
        return first != some.end() && first->first.table == table;
    };
    return file_->rows(tables_[table]) == 0 && !has(now_) && !has(kept_);
}

void staged_rows::put(table_id table, bytes key, bytes value) {
    now_.insert_or_assign(row_place{table, key}, row{std::vector<std::byte>{value.begin(), value.end()}});
}

void staged_rows::lend(table_id table, bytes key, bytes value) {
    now_.insert_or_assign(row_place{table, key}, row{value});
}

void staged_rows::erase(table_id table, bytes key) {
    erase(row_place{table, key});
}

/// A row that neither the file nor a commit before has is not there any more, and nobody needs to know.
void staged_rows::erase(const row_place& at) {
    const bool is_in_file = in_file(at);
    if (is_in_file || kept_.contains(at)) {
        now_.insert_or_assign(at, row{erased{is_in_file}});
    } else {
        now_.erase(at);
    }
}

void staged_rows::erase_range(table_id table, std::uint64_t first, std::uint64_t last) {
    std::vector<row_place> all;
    for (const auto* some : {&now_, &kept_}) {
        const auto from = lmdb::bytes_of_key(first);
        for (auto at = some->lower_bound(row_place{table, from});
             at != some->end() && at->first.table == table && at->first.number <= last; ++at)
            all.push_back(at->first);
    }
    lmdb::cursor at{*file_, tables_[table]};
    for (bool more = at.seek(lmdb::bytes_of_key(first)); more; more = at.move(MDB_NEXT)) {
        row_place one{table, at.key()};
        if (one.number > last) break;
        all.push_back(std::move(one));
    }
    for (const auto& one : all) erase(one);
}

const std::vector<row_change>& staged_rows::changes() {
    changes_.clear();
    for (const auto& [at, one] : now_) changes_.push_back({at.table, at.key(), value_of(one)});
    return changes_;
}

std::uint64_t staged_rows::bytes_put() const noexcept {
    std::uint64_t all = 0;
    for (const auto& [at, one] : now_) {
        if (const auto* here = std::get_if<std::vector<std::byte>>(&one))
            all += at.key().size() + here->size();
        if (const auto* lent = std::get_if<bytes>(&one)) all += at.key().size() + lent->size();
    }
    return all;
}

void staged_rows::count(const row& one, bool added) noexcept {
    std::uint64_t size = 0;
    if (const auto* here = std::get_if<std::vector<std::byte>>(&one)) size = room_of(here->size());
    if (const auto* where = std::get_if<journal_place>(&one)) size = room_of(where->size);
    kept_bytes_ = added ? kept_bytes_ + size : kept_bytes_ - size;
}

void staged_rows::keep(const std::vector<journal_place>& where) {
    auto place = where.begin();
    while (!now_.empty()) {
        auto node = now_.extract(now_.begin());
        auto& one = node.mapped();
        const auto in = *place++;
        if (std::holds_alternative<bytes>(one)) one = in;
        const auto before = kept_.find(node.key());
        if (before != kept_.end()) count(before->second, false);
        if (const auto* gone = std::get_if<erased>(&one); gone != nullptr && !gone->in_file) {
            if (before != kept_.end()) kept_.erase(before);
            continue;
        }
        count(one, true);
        if (before != kept_.end()) {
            before->second = std::move(one);
        } else {
            kept_.insert(std::move(node));
        }
    }
}

void staged_rows::apply(lmdb::transaction& to, const row_place& at, const row& one) const {
    const auto table = tables_[at.table];
    if (std::holds_alternative<erased>(one)) {
        to.erase(table, at.key());
    } else if (const auto* here = std::get_if<std::vector<std::byte>>(&one)) {
        to.put(table, at.key(), *here);
    } else if (const auto* lent = std::get_if<bytes>(&one)) {
        to.put(table, at.key(), *lent);
    } else {
        const auto& where = std::get<journal_place>(one);
        journal_.read(where, to.reserve(table, at.key(), where.size));
    }
}

void staged_rows::apply(lmdb::transaction& to) const {
    for (const auto& [at, one] : kept_) {
        if (!now_.contains(at)) apply(to, at, one);
    }
    for (const auto& [at, one] : now_) apply(to, at, one);
}

void staged_rows::clear() noexcept {
    kept_.clear();
    now_.clear();
    kept_bytes_ = 0;
}

std::optional<std::vector<std::byte>> staged_rows::kept_record(table_id table, std::uint64_t number) const {
    const auto known = kept_.find(row_place{table, lmdb::bytes_of_key(number)});
    if (known == kept_.end()) return {};
    if (const auto* here = std::get_if<std::vector<std::byte>>(&known->second)) return *here;
    const auto* where = std::get_if<journal_place>(&known->second);
    if (where == nullptr) return {};
    std::vector<std::byte> value(where->size);
    journal_.read(*where, value);
    return value;
}

}  // namespace leat::detail::queueing
