// Whether something like mpirun started this process, by what that tells in the environment.
#ifndef NIBBLE_PIPELINE_COMM_LAUNCHED_RANKS_H_
#define NIBBLE_PIPELINE_COMM_LAUNCHED_RANKS_H_

#include <functional>
#include <optional>
#include <string>

namespace nibble {

struct LaunchedRanks {
  std::string variable;  // that tells the number
  int rank = 0;
  int size = 1;
};

// Only clear signs count: a SLURM batch script has SLURM_NTASKS for each program that it runs alone. `environment`
// gives a variable's value, or null.
std::optional<LaunchedRanks> FindLaunchedRanks(const std::function<const char*(const char*)>& environment);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_LAUNCHED_RANKS_H_
