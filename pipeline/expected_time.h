// How long a planned job should take on this machine.
#ifndef NIBBLE_PIPELINE_EXPECTED_TIME_H_
#define NIBBLE_PIPELINE_EXPECTED_TIME_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "device/make_device.h"
#include "model/model.h"
#include "pipeline/calibration/write_linears.h"
#include "pipeline/output/plan.h"
#include "pipeline/output/stream.h"
#include "pipeline/report.pb.h"

namespace nibble {

// By the model of docs/performance.md ("Expected time"). Files: all bytes of source and output at a gigabyte a second,
// times the share of the processors that is not other programs', while values are encoded: the slower of the two
// counts. Encoding: what encoding a few blocks of each type took of a processor just now, over that share of
// `stream.threads`. With `tokens` of a text, and for the linears that are calibrated: products of matrices, at the rate
// of those that were run just now on the device.
absl::StatusOr<ExpectedTime> ExpectTime(const Model& model, const OutputPlan& plan, const StreamOptions& stream,
                                        int64_t tokens = 0, const LinearOptions& linears = {});

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_EXPECTED_TIME_H_
