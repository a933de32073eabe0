// Says what is wrong in a directory of records, if anything: queue_check DIRECTORY

#include "checker.hpp"

#include <iostream>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: queue_check DIRECTORY\n";
        return 2;
    }
    const auto found = proof::check(argv[1]);
    for (const auto& fault : found.faults) std::cout << fault << "\n";
    std::cout << found.summary() << "\n";
    return found.faults.empty() ? 0 : 1;
}
