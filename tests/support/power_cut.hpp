#pragma once

#include "watched_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// The files of a directory as a power cut may leave them: all that was synced, and any part of what was not.
/// A sector of 512 bytes is old or new; the sectors of a write, and the writes since the last sync, come in
/// any order.
class cut_disk {
public:
    using files = std::map<std::string, std::string>;

    /// Which of the operations that nothing has synced are on disk.
    enum class left { none, all, last, all_but_one, some };

    cut_disk() = default;
    explicit cut_disk(files synced) : synced_(std::move(synced)) {}

    /// The call has returned.
    void done(const file_operation& one) {
        using kind = file_operation::kind;
        if (one.what == kind::sync) {
            settle([&](const auto& other) { return other.what != kind::rename && other.file == one.file; });
        } else if (one.what == kind::sync_directory) {
            settle([](const auto& other) { return other.what == kind::rename; });
        } else if (one.lasts) {
            apply(one, synced_);
        } else if (changes(one)) {
            unsynced_.push_back(one);
        }
    }

    /// With `under_way`, a call that has not returned, as one more that nothing has synced.
    [[nodiscard]] files cut(left which, const file_operation& under_way, std::mt19937_64& random) const {
        auto open = unsynced_;
        if (changes(under_way)) open.push_back(under_way);
        auto now = synced_;
        const auto without = open.empty() ? 0 : random() % open.size();
        for (std::size_t i = 0; i < open.size(); ++i) {
            const bool last = i + 1 == open.size();
            if (which == left::none || (which == left::last && !last) ||
                (which == left::all_but_one && i == without))
                continue;
            if (which != left::some) {
                apply(open[i], now);
            } else if (random() % 2 == 0) {
                tear(open[i], now, random);
            }
        }
        return now;
    }

    /// How many operations a cut may leave or not.
    [[nodiscard]] std::size_t open(const file_operation& under_way) const {
        return unsynced_.size() + (changes(under_way) ? 1 : 0);
    }

private:
    [[nodiscard]] static bool changes(const file_operation& one) {
        using kind = file_operation::kind;
        return one.what == kind::write || one.what == kind::resize || one.what == kind::rename;
    }

    template <class Which>
    void settle(Which which) {
        for (const auto& one : unsynced_) {
            if (which(one)) apply(one, synced_);
        }
        std::erase_if(unsynced_, which);
    }

    static void apply(const file_operation& one, files& to) {
        using kind = file_operation::kind;
        if (one.what == kind::rename) {
            if (auto node = to.extract(one.bytes)) to[one.file] = std::move(node.mapped());
        } else if (one.what == kind::resize) {
            to[one.file].resize(one.at);
        } else {
            auto& file = to[one.file];
            if (file.size() < one.at + one.bytes.size()) file.resize(one.at + one.bytes.size());
            file.replace(one.at, one.bytes.size(), one.bytes);
        }
    }

    /// A part of it: the sectors of a write each for itself.
    static void tear(const file_operation& one, files& to, std::mt19937_64& random) {
        if (one.what != file_operation::kind::write || random() % 2 == 0) return apply(one, to);
        constexpr std::uint64_t sector = 512;
        for (std::uint64_t at = one.at; at < one.at + one.bytes.size();) {
            const auto end = std::min((at / sector + 1) * sector, one.at + one.bytes.size());
            if (random() % 2 == 0)
                apply({.file = one.file, .at = at, .bytes = one.bytes.substr(at - one.at, end - at)}, to);
            at = end;
        }
    }

    files synced_;
    std::vector<file_operation> unsynced_;
};

inline void write_files(const std::filesystem::path& directory, const cut_disk::files& all) {
    for (const auto& [name, bytes] : all) {
        std::ofstream out{directory / name, std::ios::binary | std::ios::trunc};
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
}

}  // namespace support
