// Where a program's ranks come from.
#ifndef NIBBLE_PIPELINE_COMM_START_COMM_H_
#define NIBBLE_PIPELINE_COMM_START_COMM_H_

#include <memory>

#include "absl/status/statusor.h"
#include "pipeline/comm/comm.h"

namespace nibble {

// The ranks that this process was started among; null where it was started alone. One of two libraries has it: with
// MPI (start_mpi_comm.cc), or without (start_no_comm.cc), where being one of several is kInvalidArgument: as many
// programs of their own would write one output. REQUIRES: called once, before threads are started.
absl::StatusOr<std::unique_ptr<Comm>> StartComm(int* argc, char*** argv);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_START_COMM_H_
