#include <leat/queue/store_contents.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/directory_lock.hpp>
#include <leat/queue/detail/store_survey.hpp>

namespace leat {
namespace {

using namespace detail::queueing;

store_contents survey(const std::filesystem::path& directory, bool bodies) {
    const auto refuse = [&](const std::string& why) {
        throw error{errc::store_unreadable, "the store " + directory.string() + ": " + why};
    };
    store_contents all;
    const auto tell = [&](const std::string& what) { all.damages.push_back(what); };
    detail::lmdb::page_file file{directory / "data.mdb", tell};
    auto meta = read_meta(file, tell);
    const auto format = meta.find("format"), identity = meta.find("queue");
    if (format == meta.end() || identity == meta.end()) refuse("it does not say what it is");
    if (const auto why = unknown_format(format->second); !why.empty()) refuse(why);

    const journal_rows over{directory, meta, tell};
    all.journal_commits = over.commits();
    if (const auto known = decode_identity(identity->second)) {
        all.queue = known->name;
        all.openings = known->openings;
        all.clean = known->clean;
    } else {
        all.damages.emplace_back("meta: what says whose it is, is damaged");
    }
    all.file_bytes = file.size();
    store_survey queue{file, over, 0, bodies, all.damages}, dead{file, over, 1, bodies, all.damages};
    queue.read(meta);
    dead.read(meta);
    queue.check();
    dead.check();
    file.check_rest(tell);
    if (queue.state()) {
        all.takes_paused = queue.state()->takes_paused;
        all.puts_paused = queue.state()->puts_paused;
    }
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
    const directory_lock lock{directory};
    return survey(directory, bodies);
}

}  // namespace leat
