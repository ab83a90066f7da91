// The output of a job, in its plan's container, new or as an earlier run left it.
#ifndef NIBBLE_PIPELINE_OUTPUT_CREATE_OUTPUT_H_
#define NIBBLE_PIPELINE_OUTPUT_CREATE_OUTPUT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/output/output.h"
#include "pipeline/output/output_options.h"
#include "pipeline/output/plan.h"
#include "pipeline/progress.h"

namespace nibble {

// Ready for rows. Errors as AtomicFile::Create and AtomicFolder::Create have them. With `options.resume` what an
// earlier run of the same job left is taken up, by however many ranks that was; kDataLoss if its journal is damaged, or
// another job's. Collective over `options.comm`: kInvalidArgument if ranks have different jobs, or no disk that they
// share. All but `options` and `progress` outlive the output.
absl::StatusOr<std::unique_ptr<Output>> CreateOutput(io::FileSystem& files, const Model& model, const OutputPlan& plan,
                                                     const OutputOptions& options, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_CREATE_OUTPUT_H_
