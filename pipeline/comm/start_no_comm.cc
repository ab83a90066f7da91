#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "pipeline/comm/launched_ranks.h"
#include "pipeline/comm/start_comm.h"

namespace nibble {
namespace {

constexpr unsigned kSecondsToBeEnded = 5;

}  // namespace

absl::StatusOr<std::unique_ptr<Comm>> StartComm(int* /*argc*/, char*** /*argv*/) {
  const auto ranks = FindLaunchedRanks([](const char* name) { return std::getenv(name); });
  if (!ranks || ranks->size == 1) return nullptr;
  // What starts ranks ends all of them when one has ended: the first must be there to say why.
  if (ranks->rank > 0) sleep(kSecondsToBeEnded);
  return absl::InvalidArgumentError(
      absl::StrCat("expected to be started alone, since this nibble was built without "
                   "MPI, found ",
                   ranks->variable, "=", ranks->size, "; build it with --config=mpi (docs/several-machines.md)"));
}

}  // namespace nibble
