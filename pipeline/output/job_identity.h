// Whose work a journal is.
#ifndef NIBBLE_PIPELINE_OUTPUT_JOB_IDENTITY_H_
#define NIBBLE_PIPELINE_OUTPUT_JOB_IDENTITY_H_

#include "absl/strings/string_view.h"
#include "model/model.h"
#include "pipeline/output/journal.pb.h"
#include "pipeline/output/manifest.pb.h"

namespace nibble {

// `planned`: all that the output's bytes depend on besides the manifest and the model's files.
JobIdentity IdentityOf(const Model& model, const Manifest& manifest, absl::string_view planned);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_JOB_IDENTITY_H_
