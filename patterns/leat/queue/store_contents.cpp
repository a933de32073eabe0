#include <leat/queue/store_contents.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/directory_lock.hpp>
#include <leat/queue/detail/store_survey.hpp>

#include <span>

namespace leat {
namespace {

using namespace detail;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

store_contents survey(const std::filesystem::path& directory, bool bodies) {
    const auto refuse = [&](const std::string& why) {
        throw error{errc::store_unreadable, "the store " + directory.string() + ": " + why};
    };
    const lmdb::environment env{directory, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0};
    lmdb::transaction in{env, MDB_RDONLY};
    const auto meta = in.find("meta");
    const auto format = meta ? in.get(*meta, bytes_of("format")) : std::nullopt;
    const auto identity = meta ? in.get(*meta, bytes_of("queue")) : std::nullopt;
    if (!format || !identity) refuse("it does not say what it is");
    if (const auto why = queueing::unknown_format(*format); !why.empty()) refuse(why);

    store_contents all;
    if (const auto known = queueing::decode_identity(*identity)) {
        all.queue = known->name;
        all.openings = known->openings;
        all.clean = known->clean;
    } else {
        all.damages.emplace_back("meta: what says whose it is, is damaged");
    }
    all.file_bytes = std::filesystem::file_size(directory / "data.mdb");
    queueing::store_survey queue{in, 0, bodies, all.damages}, dead{in, 1, bodies, all.damages};
    queue.run();
    dead.run();
    all.takes_paused = queue.takes_paused;
    all.puts_paused = queue.puts_paused;
    all.producers = queue.producers;
    all.ids = queue.ids;
    all.messages = queue.found;
    all.dead_letters = dead.found;
    return all;
}

}  // namespace

store_contents read_store(const std::filesystem::path& directory, bool bodies) {
    std::error_code ignored;
    if (!std::filesystem::exists(directory / "data.mdb", ignored))
        throw error{errc::store_unreadable, directory.string() + " has no queue in it"};
    const queueing::directory_lock lock{directory};
    try {
        return survey(directory, bodies);
    } catch (const lmdb::failure& e) {
        throw error{e.code < 0 ? errc::store_unreadable : errc::store_failed,
                    "the store " + directory.string() + ": " + e.what()};
    }
}

}  // namespace leat
