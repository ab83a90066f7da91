// What to do where no model is.
#ifndef NIBBLE_CLI_MISSING_MODEL_H_
#define NIBBLE_CLI_MISSING_MODEL_H_

#include <string>

#include "formats/io/file.h"

namespace nibble::cli {

// Advice to append to an error that says that `path`, or a file that a model has there, was not found: the name that
// was meant, the file to name, where to get it. Empty if there is nothing to say.
std::string MissingModelAdvice(io::FileSystem& files, const std::string& path);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_MISSING_MODEL_H_
