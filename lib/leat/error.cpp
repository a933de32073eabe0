#include <leat/error.hpp>

namespace leat {
namespace {

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "leat"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::bad_endpoint:
                return "bad endpoint";
            case errc::bad_option:
                return "bad option";
            case errc::insecure_bind:
                return "insecure bind";
            case errc::bind_failed:
                return "bind failed";
            case errc::connect_failed:
                return "connect failed";
            case errc::wrong_thread:
                return "wrong thread";
            case errc::settled_twice:
                return "settled twice";
            case errc::closed:
                return "closed";
            case errc::no_resources:
                return "no resources";
            case errc::store_in_use:
                return "store in use";
            case errc::store_unreadable:
                return "store unreadable";
            case errc::store_failed:
                return "store failed";
            case errc::internal:
                return "internal";
        }
        return "unknown";
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

error::error(errc code, const std::string& text) : std::system_error(make_error_code(code)), text_(text) {}

}  // namespace leat
