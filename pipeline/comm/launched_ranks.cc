#include "pipeline/comm/launched_ranks.h"

#include "absl/strings/numbers.h"

namespace nibble {
namespace {

struct Launcher {
  const char* size;
  const char* rank;
  const char* also;  // must be set as well; null: nothing
};

constexpr Launcher kLaunchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", nullptr},  // Open MPI's mpirun
    {"PMI_SIZE", "PMI_RANK", nullptr},                          // MPICH's and Intel's; srun --mpi=pmi2
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "PMIX_RANK"},      // srun --mpi=pmix
};

}  // namespace

std::optional<LaunchedRanks> FindLaunchedRanks(const std::function<const char*(const char*)>& environment) {
  for (const Launcher& launcher : kLaunchers) {
    const char* const size = environment(launcher.size);
    const char* const rank = environment(launcher.rank);
    if (size == nullptr || rank == nullptr || (launcher.also != nullptr && environment(launcher.also) == nullptr)) {
      continue;
    }
    LaunchedRanks ranks{.variable = launcher.size};
    if (!absl::SimpleAtoi(size, &ranks.size) || !absl::SimpleAtoi(rank, &ranks.rank)) continue;
    return ranks;
  }
  return std::nullopt;
}

}  // namespace nibble
