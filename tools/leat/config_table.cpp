#include "config_table.hpp"

#include "nearest.hpp"
#include "parse.hpp"

#include <leat/error.hpp>

#include <algorithm>
#include <cmath>

namespace leat::command {
namespace {

constexpr std::string_view takes_text = "it takes a string";

/// @throws usage_error
const std::string& one_line(std::string_view key, const std::string& text) {
    if (text.empty()) throw usage_error{std::string{key} + " is empty"};
    const bool plain =
        std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (!plain)
        throw usage_error{std::string{key} + " is " + in_quotes(text) + "; it takes no control characters"};
    return text;
}

/// @throws usage_error
std::uint64_t from_zero(std::string_view key, std::int64_t number) {
    if (number < 0)
        throw usage_error{std::string{key} + " is " + std::to_string(number) + "; it is never negative"};
    return static_cast<std::uint64_t>(number);
}

std::string listed(const std::vector<std::string>& keys, const std::vector<std::string>& tables) {
    std::string all;
    for (const auto& key : keys) all += (all.empty() ? "" : ", ") + key;
    for (const auto& name : tables) all += (all.empty() ? "[[" : ", [[") + name + "]]";
    return all;
}

bool is_tables(const config_value& value) {
    const auto* list = value.as<config_value::list>();
    return list != nullptr && !list->empty() && std::all_of(list->begin(), list->end(), [](const auto& one) {
               return one.template as<config_value::table>() != nullptr;
           });
}

}  // namespace

config_table::config_table(const config_value& of, std::string name, config_faults& faults)
    : line_(of.line), entries_(of.as<config_value::table>()), name_(std::move(name)), faults_(&faults) {}

const config_value::entry* config_table::find(std::string_view key) const noexcept {
    const auto found =
        std::find_if(entries_->begin(), entries_->end(), [&](const auto& one) { return one.key == key; });
    return found == entries_->end() ? nullptr : &*found;
}

const config_value::entry* config_table::take(std::string_view key, bool is_table) {
    (is_table ? tables_ : keys_).emplace_back(key);
    return find(key);
}

bool config_table::has(std::string_view key) const noexcept {
    return find(key) != nullptr;
}

std::size_t config_table::line(std::string_view key) const noexcept {
    const auto* entry = find(key);
    return entry == nullptr ? line_ : entry->line;
}

void config_table::refuse(std::string_view key, std::string text) {
    faults_->add(line(key), std::move(text));
}

void config_table::guard(std::string_view key, const std::function<void()>& work) {
    guard_at(line(key), work);
}

void config_table::guard_at(std::size_t line, const std::function<void()>& work) {
    try {
        work();
    } catch (const usage_error& wrong) {
        faults_->add(line, wrong.what());
    } catch (const error& wrong) {
        faults_->add(line, wrong.what());
    }
}

void config_table::wrong_kind(const config_value::entry& entry, std::string_view takes) {
    faults_->add(entry.line,
                 entry.key + " is " + std::string{entry.value.kind()} + "; " + std::string{takes});
}

void config_table::flag(std::string_view key, const setter<bool>& set) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    if (const auto* is = entry->value.as<bool>()) return guard(key, [&] { set(*is); });
    wrong_kind(*entry, "it takes true or false");
}

void config_table::number(std::string_view key, const setter<std::uint64_t>& set) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    if (const auto* is = entry->value.as<std::int64_t>())
        return guard(key, [&] { set(from_zero(key, *is)); });
    wrong_kind(*entry, "it takes a whole number");
}

void config_table::number_or(std::string_view key, std::string_view word, std::uint64_t stands_for,
                             const setter<std::uint64_t>& set) {
    if (const auto* entry = find(key)) {
        const auto* text = entry->value.as<std::string>();
        if (text != nullptr && *text == word) {
            take(key);
            return guard(key, [&] { set(stands_for); });
        }
        if (text != nullptr) {
            take(key);
            return wrong_kind(*entry, "it takes a whole number, or \"" + std::string{word} + "\"");
        }
    }
    number(key, set);
}

void config_table::ratio(std::string_view key, const setter<double>& set) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    if (const auto* is = entry->value.as<std::int64_t>())
        return guard(key, [&] { set(static_cast<double>(*is)); });
    if (const auto* is = entry->value.as<double>(); is != nullptr && std::isfinite(*is))
        return guard(key, [&] { set(*is); });
    wrong_kind(*entry, "it takes a number, as in 2 or 0.2");
}

void config_table::duration(std::string_view key, const setter<std::chrono::microseconds>& set) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    if (const auto* is = entry->value.as<std::string>())
        return guard(key, [&] { set(parse_duration(key, one_line(key, *is))); });
    wrong_kind(*entry, "it takes a duration in quotes, as in \"30s\"");
}

void config_table::size(std::string_view key, const setter<std::uint64_t>& set) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    if (const auto* is = entry->value.as<std::int64_t>())
        return guard(key, [&] { set(from_zero(key, *is)); });
    if (const auto* is = entry->value.as<std::string>())
        return guard(key, [&] { set(parse_size(key, one_line(key, *is))); });
    wrong_kind(*entry, "it takes bytes, as in 4096, or a size in quotes, as in \"64MiB\"");
}

void config_table::text(std::string_view key, const setter<const std::string&>& set) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    if (const auto* is = entry->value.as<std::string>()) return guard(key, [&] { set(one_line(key, *is)); });
    wrong_kind(*entry, takes_text);
}

void config_table::texts(std::string_view key,
                         const std::function<void(const std::string&, std::size_t line)>& set) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    const auto read = [&](const std::string& text, std::size_t line) {
        guard_at(line, [&] { set(one_line(key, text), line); });
    };
    if (const auto* is = entry->value.as<std::string>()) return read(*is, entry->line);
    const auto* list = entry->value.as<config_value::list>();
    if (list == nullptr) return wrong_kind(*entry, "it takes a string, or a list of strings");
    if (list->empty()) return refuse(key, entry->key + " is an empty list");
    for (const auto& one : *list) {
        if (const auto* is = one.as<std::string>()) {
            read(*is, one.line);
        } else {
            faults_->add(one.line,
                         entry->key + " has " + std::string{one.kind()} + " in its list; it takes strings");
        }
    }
}

void config_table::table(std::string_view key, const std::function<void(config_table&)>& read) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    if (entry->value.as<config_value::table>() == nullptr)
        return wrong_kind(*entry, "it takes a table, as in " + entry->key + " = { ... }");
    config_table inner{entry->value, std::string{key} + " of " + name_, *faults_};
    read(inner);
    inner.finish();
}

void config_table::tables(std::string_view key, const std::function<void(config_table&)>& read) {
    const auto* entry = take(key, true);
    if (entry == nullptr) return;
    const auto name = "[[" + std::string{key} + "]]";
    if (!is_tables(entry->value)) return wrong_kind(*entry, "write " + name + " above each one");
    for (const auto& one : *entry->value.as<config_value::list>()) {
        config_table inner{one, name, *faults_};
        read(inner);
        inner.finish();
    }
}

std::string config_table::unknown(const config_value::entry& entry) const {
    if (const auto near = nearest(entry.key, tables_); !near.empty() && name_.empty())
        return "; did you mean [[" + near + "]]?";
    if (const auto near = nearest(entry.key, keys_); !near.empty())
        return "; did you mean " + in_quotes(near) + "?";
    return "; there are " + listed(keys_, tables_);
}

void config_table::finish() {
    for (const auto& entry : *entries_) {
        const auto is = [&](const std::string& key) { return key == entry.key; };
        if (std::any_of(keys_.begin(), keys_.end(), is) || std::any_of(tables_.begin(), tables_.end(), is))
            continue;
        const bool one_table = entry.value.as<config_value::table>() != nullptr;
        const bool is_table = one_table || is_tables(entry.value);
        faults_->add(entry.line, std::string{"unknown "} + (is_table ? "table " : "key ") +
                                     in_quotes(entry.key) + (name_.empty() ? "" : " in " + name_) +
                                     unknown(entry));
    }
}

}  // namespace leat::command
