// What an output says of itself: what it was made of, by what, and the SHA-256 of every tensor (docs/manifest.md).
//
// A GGUF has it in a key, in a place of a size that is known before the first write; hashes, known at the end, are put
// there then. The same text lies beside it, in "<file>.manifest.json"; that of a folder lies in the folder.
#ifndef NIBBLE_PIPELINE_OUTPUT_MANIFEST_H_
#define NIBBLE_PIPELINE_OUTPUT_MANIFEST_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/output/manifest.pb.h"

namespace nibble {

inline constexpr char kManifestKey[] = "nibble.manifest";
inline constexpr char kManifestSuffix[] = ".manifest.json";      // after a GGUF's path
inline constexpr char kManifestFile[] = "nibble.manifest.json";  // in a folder

// What is known of a job before anything is read. Errors as InstructionSetOf has them, where there are texts.
absl::StatusOr<Manifest> DescribeJob(const JobRecipe& recipe, const CalibrationOptions& calibration);

// Adds the sources, of which the headers are read, and with `hash_source` all bytes, on `threads` threads (0: all); and
// the importance matrix, which the caller has read: all its bytes are hashed, whatever they are. Errors as reading has
// them; kDataLoss: with `hash_source`, a file that has not the hash which its folder publishes (published_sums.h).
absl::Status DescribeInputs(io::FileSystem& files, const Model& model, const CalibrationOptions& calibration,
                            bool hash_source, int threads, Manifest& manifest);

// JSON, one line for each source and tensor.
std::string ManifestText(const Manifest& manifest);

// What that text takes at most, once inputs are described and every hash is there. The same for all jobs on a model
// with tensors of the same names, unless their recipe is very long.
uint64_t ManifestRoom(const Model& model, const Manifest& manifest);

// kDataLoss names `place` and the member that is not as a manifest has it.
absl::StatusOr<Manifest> ParseManifest(absl::string_view text, const std::string& place);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_MANIFEST_H_
