// Plain values of all ranks, one rank's behind the other's.
#ifndef NIBBLE_PIPELINE_COMM_GATHER_VALUES_H_
#define NIBBLE_PIPELINE_COMM_GATHER_VALUES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/packed_values.h"

namespace nibble {

// Collective. Bit by bit what the ranks have, by rank, each as many as it likes. Errors: Comm::AllGather's.
template <typename T>
absl::StatusOr<std::vector<T>> GatherValues(Comm& comm, const std::vector<T>& mine) {
  Packer packer;
  packer.Add(mine);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(packer.Take()));
  std::vector<T> values;
  for (const std::string& packed : all) {
    const std::vector<T> its = Unpacker(packed).Take<T>();
    values.insert(values.end(), its.begin(), its.end());
  }
  return values;
}

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_GATHER_VALUES_H_
