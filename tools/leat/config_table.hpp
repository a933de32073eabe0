#pragma once

#include "config_faults.hpp"
#include "config_value.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace leat::command {

/// Reads one table of a configuration file, key by key. Whatever is wrong becomes a fault at its line, and
/// the reading goes on.
///
/// Each function takes one key, which may be absent, and hands its value to `set`; what `set` throws, a
/// `usage_error` or a `leat::error`, is a fault of that key. Refers to the file's values and to its faults;
/// for one thread.
class config_table {
public:
    template <class Value>
    using setter = std::function<void(Value)>;

    /// `name` is what faults call it: "[[queue]]".
    config_table(const config_value& of, std::string name, config_faults& faults);

    void flag(std::string_view key, const setter<bool>& set);
    void number(std::string_view key, const setter<std::uint64_t>& set);
    void ratio(std::string_view key, const setter<double>& set);  ///< A number from 0, maybe with a fraction.
    void duration(std::string_view key, const setter<std::chrono::microseconds>& set);  ///< "30s"
    void size(std::string_view key, const setter<std::uint64_t>& set);                  ///< 4096 or "64MiB"
    void text(std::string_view key, const setter<const std::string&>& set);  ///< Not empty, one line.

    /// The same, or a list of at least one of them, each of which is handed over with its line.
    void texts(std::string_view key, const std::function<void(const std::string&, std::size_t line)>& set);

    /// A number or the word for a very large one.
    void number_or(std::string_view key, std::string_view word, std::uint64_t stands_for,
                   const setter<std::uint64_t>& set);

    /// A table in this one.
    void table(std::string_view key, const std::function<void(config_table&)>& read);

    /// The tables written [[key]].
    void tables(std::string_view key, const std::function<void(config_table&)>& read);

    /// Adds a fault for each key that none of the above was asked for.
    void finish();

    [[nodiscard]] bool has(std::string_view key) const noexcept;

    /// Where the key is, or where the table begins.
    [[nodiscard]] std::size_t line(std::string_view key = {}) const noexcept;

    /// Adds a fault at the line of `key`, or where the table begins.
    void refuse(std::string_view key, std::string text);

    /// Runs `work`; what it throws is a fault of `key`.
    void guard(std::string_view key, const std::function<void()>& work);

private:
    [[nodiscard]] const config_value::entry* find(std::string_view key) const noexcept;
    const config_value::entry* take(std::string_view key, bool is_table = false);
    void guard_at(std::size_t line, const std::function<void()>& work);
    void wrong_kind(const config_value::entry& entry, std::string_view takes);
    [[nodiscard]] std::string unknown(const config_value::entry& entry) const;

    std::size_t line_;
    const config_value::table* entries_;
    std::string name_;
    config_faults* faults_;
    std::vector<std::string> keys_;    // asked for so far
    std::vector<std::string> tables_;  // the same, of `tables`
};

}  // namespace leat::command
