#include <malloc.h>

#include <utility>

#include "cli/app.h"
#include "cli/interrupt.h"
#include "cli/standard_streams.h"
#include "pipeline/comm/start_comm.h"

namespace {

// Buffers of this many bytes go back to the system when they are freed. By default the allocator raises its threshold,
// and keeps them: what one step of a job has freed stays beside what the next one needs, half of all memory at times.
constexpr int kReturnedBytes = 1 << 20;

}  // namespace

int main(int argc, char** argv) {
  mallopt(M_MMAP_THRESHOLD, kReturnedBytes);
  nibble::cli::OpenClosedStandardStreams();
  auto comm = nibble::StartComm(&argc, &argv);
  nibble::cli::HandleSignals();
  nibble::cli::HandleEndOfMemory();
  return nibble::cli::Run(argc, argv, std::move(comm));
}
